"""One wake: read the world as far as `plan` needs it, let it decide, act, and say why.

Each step may be the last before a crash, and may race with another wake's. What holds it together:
what a run reads is written before the run and named by its content; a claim on the state, written
only over the state that was read, lets one wake at a time start a run; the request's token and the
mark in its name find a run that was started and not recorded.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from decision_log import say
from ratchet.loop import names
from start_pipeline import rules, seen, snapshot
from start_pipeline.data_bucket import DataBucket, Identified, WindowMovedError
from start_pipeline.drift_alarms import DriftAlarms
from start_pipeline.plan import GiveUp, Plan, RecordRun, StartRun, plan
from start_pipeline.records import RunRecords
from start_pipeline.rules import LookAgain, Nothing
from start_pipeline.runs import NotNowError, PipelineRuns
from start_pipeline.seen import (
    NoContent,
    NotReadError,
    Part,
    Started,
    State,
    TriggerSeen,
    WindowContent,
)
from start_pipeline.settings import TriggerEnvironment
from stored import MovedError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient

_LONGEST_DELAY = 900  # seconds: SQS SendMessage, DelaySeconds
_DELAYED = '{"wake": "delayed"}'


@dataclass(frozen=True, kw_only=True)
class Start:
    """A run was started."""

    why: str
    execution_arn: str


Decision = Nothing | LookAgain | Start


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """The function's hands: what it reads and writes, and its clock."""

    settings: TriggerEnvironment
    data: DataBucket
    records: RunRecords
    runs: PipelineRuns
    sqs: SQSClient
    drift: DriftAlarms
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def over(
        cls,
        settings: TriggerEnvironment,
        *,
        s3: S3Client,
        sagemaker: SageMakerClient,
        sqs: SQSClient,
        cloudwatch: Callable[[], CloudWatchClient],
        sns: Callable[[], SNSClient],
        now: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Trigger:
        return cls(
            settings=settings,
            data=DataBucket(
                s3=s3,
                bucket=settings.data_bucket,
                prefix=settings.data_prefix,
                window=settings.window,
            ),
            records=RunRecords(s3=s3, bucket=settings.artifacts_bucket, intake=settings.intake),
            runs=PipelineRuns(sagemaker=sagemaker, pipeline=settings.pipeline),
            sqs=sqs,
            drift=DriftAlarms(cloudwatch=cloudwatch, sns=sns, settings=settings.feedback),
            now=now,
            monotonic=monotonic,
        )

    def wake(
        self, *, reasons: Sequence[str], seconds: float, scheduled: datetime | None = None
    ) -> tuple[Decision, dict[str, object]]:
        """What this wake decided and did, and the facts behind it. `seconds`: time it may take.
        `scheduled`: for when a message says that a run is scheduled."""
        until = self.monotonic() + seconds
        state, etag = self.records.state()
        window = self.data.newest()
        first = TriggerSeen(state=state, window=window, reasons=reasons, scheduled=scheduled)
        wake = _Wake(trigger=self, seen=first, before=state, state=state, etag=etag, until=until)
        try:
            decision = wake.act()
            wake.finish(decision)
        except MovedError:
            decision = wake.give_way()
        return decision, wake.facts


@dataclass(kw_only=True)
class _Wake:
    """A wake under way. `state` is what it knows, `before` and `etag` what is stored."""

    trigger: Trigger
    seen: TriggerSeen
    before: State
    state: State
    etag: str | None
    until: float
    """On the monotonic clock."""
    facts: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        window = self.seen.window
        self.facts |= {
            "objects": len(window.objects),
            "left_out": list(window.left_out[:5]) or None,
            "left_out_count": len(window.left_out) or None,
        }

    def act(self) -> Decision:
        """Plan, and do it. Raises MovedError when another wake was faster."""
        while True:
            planned = self._plan()
            self.state = planned.state
            match planned.act:
                case RecordRun(started=started):
                    self._record(started)
                    self.seen = replace(self.seen, recovered=started)
                case StartRun(content=content):
                    return self._start(content)
                case GiveUp() as drifted:
                    self.trigger.drift.tell(
                        drifted.exhausted,
                        since=drifted.since,
                        notices=self.trigger.records.notices(),
                        now=self.trigger.now(),
                    )
                    return Nothing(why=drifted.why)
                case Nothing() | LookAgain() as decision:
                    return decision

    # -- what it reads -------------------------------------------------------------------------

    def _plan(self) -> Plan:
        """Reads what the decision hangs on, part by part. Each time by the clock of that moment:
        to identify a window of new objects takes minutes."""
        while True:
            now = self.trigger.now()
            try:
                planned = plan(self.seen, self.trigger.settings, now=now)
            except NotReadError as missing:
                self.seen = self.seen.with_part(missing.part, self._read(missing.part))
            else:
                self.facts |= planned.facts
                return planned

    def _read(self, part: Part) -> Any:
        trigger = self.trigger
        match part.name:
            case seen.EXECUTIONS:
                return trigger.runs.newest()
            case seen.CONTENT:
                return self._content()
            case seen.RUN_OF:
                return trigger.records.execution_of(part.of)
            case seen.SNAPSHOT:
                return trigger.records.snapshot_of(part.of)
            case seen.EPISODE:
                return trigger.drift.episode()
            case seen.REGISTERED:
                return trigger.runs.registered(part.of)
        raise AssertionError(f"nobody knows how to read {part}")

    def _content(self) -> WindowContent | NoContent:
        window = self.seen.window
        try:
            identified = self._identify()
        except WindowMovedError as error:
            return NoContent(why=f"{error} changed while it was looked at", moved=True)
        if not identified.complete:
            return NoContent(why="more objects are new than one wake has time to look at")
        bucket = self.trigger.settings.data_bucket
        content = snapshot.of(window.objects, identified.identities, bucket=bucket)
        text = content.text()
        digest = snapshot.digest_of(text)
        self.facts["digest"] = digest
        return WindowContent(snapshot=content, text=text, digest=digest)

    def _identify(self) -> Identified:
        records, objects = self.trigger.records, self.seen.window.objects
        identified = self.trigger.data.identify(
            objects, records.identities(), until=self.until, clock=self.trigger.monotonic
        )
        if identified.heads:
            self._cache(identified)
        self.facts["looked_up"] = identified.heads
        self.facts["without_checksum"] = identified.etags or None
        return identified

    def _cache(self, identified: Identified) -> None:
        """For the next wake. No run waits for it."""
        try:
            self.trigger.records.write_identities(self.seen.window.objects, identified.identities)
        except Exception as error:
            say("go on", f"the cache of identities is not written: {error}", level="WARNING")

    # -- what it writes ------------------------------------------------------------------------

    def _start(self, content: WindowContent) -> Decision:
        """Write what the run reads, claim the right to start it, and start it. Raises MovedError
        when another wake was faster."""
        trigger, claim = self.trigger, self.state.claim
        assert claim is not None  # a plan to run claims the run
        # Once more in case it was deleted: content that was run before may run again.
        trigger.records.write_content(content.snapshot, text=content.text, digest=content.digest)
        self._save()
        manifest_uri = trigger.records.manifest_uri(claim.digest)
        try:
            arn = trigger.runs.start(claim, manifest_uri=manifest_uri)
        except NotNowError as refusal:
            return LookAgain(until=trigger.now() + rules.RETRY, why=str(refusal))
        started = Started(digest=claim.digest, at=trigger.now(), execution_arn=arn)
        self._record(started)
        self.state = rules.has_run(self.state, self.seen.window.fingerprint, started)
        return Start(why=claim.description, execution_arn=arn)

    def _record(self, started: Started) -> None:
        self.trigger.records.write_execution(started, claim=self.state.claim)

    def finish(self, decision: Decision) -> None:
        if isinstance(decision, LookAgain):
            now = self.trigger.now()
            if rules.message_due(self.state, decision.until, now=now):
                arrives = self._send(decision.until, now=now)
                self.state = replace(self.state, wake_at=arrives)
            self.facts["wake_at"] = self.state.wake_at
        if isinstance(decision, Start):
            self._save_start()
        elif self.state != self.before:
            self._save()

    def _save_start(self) -> None:
        """Whatever other wakes wrote since the claim: the run is started, and the claim is over."""
        try:
            self._save()
        except MovedError:
            stored, self.etag = self.trigger.records.state()
            self.state = replace(stored, claim=None, started=self.state.started)
            with suppress(MovedError):  # then the claim ends by itself
                self._save()

    def give_way(self) -> Decision:
        """The other wake may have seen an older window than this one, so look again."""
        now = self.trigger.now()
        until = now + timedelta(seconds=max(1, self.trigger.settings.settle_seconds))
        unsaved = self.state.scheduled
        if unsaved and unsaved != self.before.scheduled:  # the other wake may not know of it
            self._send(until, now=now, body=json.dumps({names.SCHEDULED_TIME: unsaved.isoformat()}))
        else:
            self._send(until, now=now)
        return LookAgain(until=until, why="another wake is at work")

    def _send(self, until: datetime, *, now: datetime, body: str = _DELAYED) -> datetime:
        """Send the function one message, and answer when it arrives at the earliest."""
        delay = min(_LONGEST_DELAY, max(0, math.ceil((until - now).total_seconds())))
        self.trigger.sqs.send_message(
            QueueUrl=self.trigger.settings.queue_url, MessageBody=body, DelaySeconds=delay
        )
        return now + timedelta(seconds=delay)

    def _save(self) -> None:
        self.etag = self.trigger.records.save(self.state, over=self.etag)
        self.before = self.state
