"""The lines that a run's steps wrote, from CloudWatch Logs.

Groups and streams are SageMaker's own (developer guide, "Amazon SageMaker AI events with CloudWatch
Logs"): `/aws/sagemaker/ProcessingJobs`, stream `<job>/algo-1-…`. Of a search each training has
streams of its own. A Lambda step's lines are in its function's group, told apart by time: what ran
at the same time is among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ratchet.deployment.errors import UnknownNameError, nearest
from ratchet.deployment.runs.executions import RunState, RunStep
from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """The log group and streams of a step."""

    step: str
    cached_from: str
    """The id of the run that wrote the lines, when this one took its result; else empty."""
    group: str = ""
    function: str = ""
    """The Lambda function whose settings name the group, when `group` does not."""
    stream_prefix: str = ""
    start: int | None = None
    end: int | None = None
    """Milliseconds since 1970; None: no bound."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    step: str
    time: datetime
    text: str
    id: str


def sources(state: RunState, step: str | None = None) -> list[LogSource]:
    """The log sources of one step, or of all.

    Raises:
        UnknownNameError: no such step, or one that the run has not reached or that writes none.
    """
    if step is None:
        located = (_source(reached) for reached in state.steps)
        return [source for source in located if source]
    names = [planned.name for planned in state.plan]
    if step not in names:
        raise UnknownNameError(f"no step {step!r}{nearest(step, names)} Steps: {', '.join(names)}")
    reached = state.step(step)
    if reached is None:
        raise UnknownNameError(f"{state.run.name} has not reached step {step}: it wrote nothing")
    source = _source(reached)
    if source is None:
        raise UnknownNameError(f"step {step} runs no code of yours, so it writes no lines")
    return [source]


def _source(step: RunStep) -> LogSource | None:
    if step.job and step.job[0].log_group:
        job, name = step.job
        return LogSource(
            step=step.name,
            cached_from=step.cached_from,
            group=job.log_group,
            stream_prefix=job.stream_prefix(name),
        )
    if arn := step.metadata.function_arn:
        return LogSource(
            step=step.name,
            cached_from="",
            function=_function_name(arn),
            start=_milliseconds(step.started),
            end=_milliseconds(step.ended, later=1000),
        )
    return None


def _function_name(arn: str) -> str:
    """`arn:aws:lambda:region:account:function:name[:version]` → name."""
    return arn.split(":")[6]


def _group_of(target: Target, function: str) -> str:
    """A function writes to the group that its settings name, or to one named after itself."""
    settings = target.client("lambda").get_function_configuration(FunctionName=function)
    return str(settings.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}")


def _milliseconds(moment: datetime | None, *, later: int = 0) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000) + later


def lines(target: Target, source: LogSource, *, since: int | None = None) -> Iterator[LogLine]:
    """The lines at `source` in time order; none when the group does not exist yet."""
    logs = target.client("logs")
    group = source.group or _group_of(target, source.function)
    arguments: dict[str, Any] = {"logGroupName": group}
    if source.stream_prefix:
        arguments["logStreamNamePrefix"] = source.stream_prefix
    start = max((t for t in (source.start, since) if t is not None), default=None)
    if start is not None:
        arguments["startTime"] = start
    if source.end is not None:
        arguments["endTime"] = source.end
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**arguments):
            for event in page["events"]:
                # Not every emulator of CloudWatch Logs narrows the answer down.
                if not event.get("logStreamName", "").startswith(source.stream_prefix):
                    continue
                yield LogLine(
                    step=source.step,
                    time=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
                    text=event["message"].rstrip("\n"),
                    id=event.get("eventId") or f"{event['timestamp']} {event['message']}",
                )
    except logs.exceptions.ResourceNotFoundException:
        return
