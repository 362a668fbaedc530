"""What processing and training jobs have in common: their life and how it is told."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.definition.expressions import function_of
from ratchet.runner import namespace
from ratchet.runner.container import Container
from ratchet.runner.errors import CAPACITY_ERROR, StepFailed, StepStopped, as_failure
from ratchet.runner.expressions import as_text
from ratchet.runner.processes import Ending, Process
from ratchet.runner.records import StopSignal, Stream
from ratchet.runner.report import ProblemList
from ratchet.runner.staging import stage_augmented_manifest, stage_manifest, stage_prefix
from ratchet.runner.step_types.contract import Attempt, Done

LONGEST_REASON = 1024  # botocore, `FailureReason`
SOURCES = ("S3Prefix", "ManifestFile")
_EXIT_MESSAGE_BYTES = 1024
_NOT_THERE = re.compile(
    r"No such file|Permission denied|cannot (open|create|access|stat)|Read-only"
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a job executes. `cwd` is a path as the program names it."""

    words: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    on_line: Callable[[Stream, str], None] | None = None


def leave(containers: Sequence[Container]) -> None:
    """Uploads nothing of a job that failed or was stopped."""


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """A kind of job, as far as its life differs from others'.

    - `describe(state)`: its Describe answer, given what is known of its life by now.
    - `prepare(container)`: stages its inputs and says what to execute.
    - `failure(ending, container)`: the message of a program that failed, without the exit code.
    - `finish(containers)`: uploads its outputs, those of all its hosts.
    - `salvage(containers)`: uploads what a job leaves that failed or was stopped.
    - `during(containers)`: a context around its programs' lives.
    - `hosts`: how many containers it has.
    """

    describe: Callable[[JobState], dict[str, Any]]
    prepare: Callable[[Container], Command]
    failure: Callable[[Ending, Container], str]
    finish: Callable[[Sequence[Container]], None]
    outputs: tuple[str, ...]
    salvage: Callable[[Sequence[Container]], None] = leave
    during: Callable[[Sequence[Container]], AbstractContextManager[Any]] = nullcontext
    hosts: int = 1


@dataclass(kw_only=True)
class JobState:
    """The life of a job so far. Times are epoch seconds; `status` is the Describe answer's."""

    status: str = "InProgress"
    created: float = field(default_factory=time.time)
    started: float | None = None
    trained: float | None = None
    ended: float | None = None
    failure_reason: str | None = None
    exit_message: str | None = None

    @property
    def seconds(self) -> int:
        """Whole seconds that the job ran, as they are billed: at least one once it has run."""
        if self.started is None or self.ended is None:
            return 0
        return max(1, round(self.ended - self.started))


def run_job(attempt: Attempt, job: JobKind) -> Done:
    """Run a job to its end and return, or raise, with its Describe answer."""
    state = JobState()
    attempt.progress(properties=job.describe(state))
    try:
        with ExitStack() as stack:
            containers = [
                stack.enter_context(container) for container in _containers(attempt, job.hosts)
            ]
            _run(attempt, job, state, containers)
            for container in containers:
                container.remove_data()
    except StepStopped:
        state.status, state.ended = "Stopped", time.time()
        raise StepStopped(job.describe(state)) from None
    except Exception as error:
        failure = as_failure(error)
        state.status, state.failure_reason, state.ended = "Failed", failure.reason, time.time()
        raise StepFailed(
            failure.reason, kind=failure.kind, properties=job.describe(state)
        ) from None
    return Done(properties=job.describe(state), outputs=job.outputs)


def _containers(attempt: Attempt, count: int) -> list[Container]:
    """One below the step's folder, or one for each host below a folder of its name."""
    isolated = namespace.why_not() is None
    if count == 1:
        return [Container(attempt.folder, isolated=isolated)]
    hosts = [f"algo-{number}" for number in range(1, count + 1)]
    for host in hosts:
        (attempt.folder / host).mkdir(exist_ok=True)
    return [
        Container(attempt.folder / host, isolated=isolated, host=host, hosts=hosts)
        for host in hosts
    ]


def _run(attempt: Attempt, job: JobKind, state: JobState, containers: Sequence[Container]) -> None:
    commands = []
    for container in containers:
        container.folder("/opt/ml/output")
        commands.append(job.prepare(container))
    if attempt.stop.is_set():
        raise StepStopped
    state.started = time.time()
    with job.during(containers):
        endings = _execute_all(attempt, job, state, list(zip(commands, containers, strict=True)))
    state.trained = time.time()
    state.exit_message = exit_message(containers[0])
    try:
        for container, ending in endings:
            _raise_failure(attempt, job, container, ending)
    except (StepFailed, StepStopped):
        with suppress(Exception):  # why it failed is what its reader wants to know
            job.salvage(containers)
        raise
    job.finish(containers)
    state.status, state.ended = "Completed", time.time()


def _raise_failure(attempt: Attempt, job: JobKind, container: Container, ending: Ending) -> None:
    if ending.stopped:
        raise StepStopped
    if ending.timed_out:
        limit = _limit(attempt)
        raise StepFailed(f"ClientError: the job ran longer than MaxRuntimeInSeconds ({limit:g})")
    if ending.exit_code != 0:
        raise StepFailed(failure_reason(job.failure(ending, container), ending, container))


def _execute_all(
    attempt: Attempt, job: JobKind, state: JobState, commands: Sequence[tuple[Command, Container]]
) -> list[tuple[Container, Ending]]:
    """Run the programs of all hosts at once; when one fails, the others are ended. Their endings,
    the first to end first."""

    def describe() -> dict[str, Any]:
        return job.describe(state)

    if len(commands) == 1:
        command, container = commands[0]
        return [(container, _execute(attempt, attempt.stop, command, container, describe))]
    together = StopSignal(grace_seconds=attempt.stop.grace_seconds)
    endings: list[tuple[Container, Ending]] = []

    def execute(pair: tuple[Command, Container]) -> None:
        try:
            ending = _execute(attempt, together, *pair, describe)
        except BaseException:
            together.request()
            raise
        endings.append((pair[1], ending))
        if ending.exit_code != 0:
            together.request()

    forget = attempt.stop.on_request(together.request)
    try:
        with ThreadPoolExecutor(len(commands), thread_name_prefix="host") as pool:
            for _ in pool.map(execute, commands):
                pass
    finally:
        forget()
    return endings


def _execute(
    attempt: Attempt,
    stop: StopSignal,
    command: Command,
    container: Container,
    describe: Callable[[], dict[str, Any]],
) -> Ending:
    try:
        _check_program(command)
        process = Process(
            container.launch(command.words, cwd=command.cwd),
            environment=command.environment,
            cwd=container.root if container.isolated else command.cwd,
            logs=container.root,
            on_line=command.on_line or attempt.on_line,
        )
    except OSError as error:
        short = error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE)
        raise StepFailed(
            f"ClientError: cannot start {command.words[0]!r}: {error.strerror}",
            kind=CAPACITY_ERROR if short else None,
        ) from None
    attempt.progress(properties=describe(), process_group=process.group)
    return process.wait(stop=stop, timeout=_limit(attempt))


def _check_program(command: Command) -> None:
    """Raises as starting it would: a program that is started through another cannot."""
    name, path = command.words[0], command.environment.get("PATH")
    if "/" not in name and shutil.which(name, path=path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _limit(attempt: Attempt) -> float | None:
    condition = attempt.arguments.get("StoppingCondition") or {}
    limit = condition.get("MaxRuntimeInSeconds")
    return None if limit is None else float(limit)


def failure_reason(message: str, ending: Ending, container: Container) -> str:
    """`AlgorithmError: <message>, exit code: <n>`, as the service words it, with a hint."""
    end = f", exit code: {ending.exit_code}{_hint(ending, container)}"
    begin = "AlgorithmError: "
    room = LONGEST_REASON - len(begin) - len(end)
    if len(message) > room:
        message = "…" + message[len(message) - room + 1 :]
    return begin + message + end


def _hint(ending: Ending, container: Container) -> str:
    for line in ending.tails["stderr"]:
        if not container.isolated and _NOT_THERE.search(line) and container.names_opt_ml(line):
            return (
                " (the program names /opt/ml by itself; here it is below "
                f"{container.root}, because {namespace.why_not()}: take the path from an argument "
                "or an SM_ variable)"
            )
    if ending.exit_code == 137:
        return " (killed: perhaps this machine ran out of memory)"
    return ""


def last_words(ending: Ending) -> str:
    """The last lines that a program wrote to its error output, or else to its output."""
    lines = ending.tails["stderr"] or ending.tails["stdout"]
    return "\n".join(lines).strip() or "the program said nothing"


def exit_message(container: Container) -> str | None:
    """What the program left in /opt/ml/output/message: its first 1024 bytes.

    Source: developer guide, "Save and Access Metadata Information About Your Processing Job".
    """
    return _read_message(container, "message")


def failure_file(container: Container) -> str | None:
    """What the program left in /opt/ml/output/failure."""
    return _read_message(container, "failure")


def _read_message(container: Container, name: str) -> str | None:
    with suppress(OSError), container.path(f"/opt/ml/output/{name}").open("rb") as file:
        return file.read(_EXIT_MESSAGE_BYTES).decode("utf-8", "replace").strip() or None
    return None


def stage(attempt: Attempt, source: Mapping[str, Any], folder: Path, container: Container) -> None:
    """Copy an input's objects into its folder: all of them, or the container's part where they are
    sharded over the hosts. `source` has S3Uri and S3DataType."""
    sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
    shard = container.shard if sharded else (0, 1)
    kind, uri = source.get("S3DataType"), source["S3Uri"]
    if kind == "ManifestFile":
        stage_manifest(attempt.storage, uri, folder, shard=shard)
    elif kind == "AugmentedManifestFile":
        names = source.get("AttributeNames") or []
        stage_augmented_manifest(attempt.storage, uri, folder, names=names, shard=shard)
    else:
        stage_prefix(attempt.storage, uri, folder, shard=shard)


def check_source(
    source: Any, place: str, mode_key: str, report: ProblemList, kinds: Sequence[str] = SOURCES
) -> None:
    """Report what is wrong with an S3 source of an input."""
    if not report.require(source, place, "S3Uri"):
        return
    kind = source.get("S3DataType", "S3Prefix")
    if function_of(kind) is None and kind not in kinds:
        report.add(f"{place}.S3DataType", f"{kind!r} is none of {', '.join(kinds)}")
    if source.get(mode_key) == "Pipe":
        report.add(f"{place}.{mode_key}", "Pipe mode cannot run here: expected File or FastFile")


def texts(values: Any) -> Any:
    """Strings for the values of a map or list: pipeline variables in them may be numbers."""
    if isinstance(values, Mapping):
        return {key: as_text(value) for key, value in values.items()}
    return [as_text(value) for value in values]


def without_tags(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A request without its Tags, which no Describe operation returns."""
    return {key: value for key, value in arguments.items() if key != "Tags"}


def described(values: Mapping[str, Any]) -> dict[str, Any]:
    """A Describe answer leaves out what is not known."""
    return {key: value for key, value in values.items() if value is not None}
