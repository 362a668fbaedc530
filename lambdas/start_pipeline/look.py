"""One wake: look at the world, let `plan` decide, do it, and say why.

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
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from decision_log import say
from ratchet.loop import names
from start_pipeline import claims, plan, run_names, snapshot
from start_pipeline.data_bucket import DataBucket, Identified, WindowMovedError
from start_pipeline.drift_alarms import DriftAlarms
from start_pipeline.plan import Claim, Decision, Nothing, Start, Started, State, Wait
from start_pipeline.records import Records
from start_pipeline.runs import NotNowError, Runs
from start_pipeline.settings import Settings
from start_pipeline.snapshot import Snapshot
from start_pipeline.window import Window
from stored import MovedError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient

_LONGEST_DELAY = 900  # seconds: SQS SendMessage, DelaySeconds
_DELAYED = '{"wake": "delayed"}'


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """The function's hands: what it reads and writes, and its clock."""

    settings: Settings
    data: DataBucket
    records: Records
    runs: Runs
    sqs: SQSClient
    drift: DriftAlarms
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def over(
        cls,
        settings: Settings,
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
            records=Records(s3=s3, bucket=settings.artifacts_bucket, intake=settings.intake),
            runs=Runs(sagemaker=sagemaker, pipeline=settings.pipeline),
            sqs=sqs,
            drift=DriftAlarms(cloudwatch=cloudwatch, sns=sns, settings=settings.feedback),
            now=now,
            monotonic=monotonic,
        )

    def look(
        self, *, reasons: Sequence[str], seconds: float, scheduled: datetime | None = None
    ) -> tuple[Decision, dict[str, object]]:
        """What this wake decided and did, and the facts behind it. `seconds`: time it may take.
        `scheduled`: for when a message says that a run is scheduled."""
        until = self.monotonic() + seconds
        state, etag = self.records.state()
        window = self.data.look()
        asked = plan.asked_for(state, scheduled, now=self.now())
        wake = _Wake(trigger=self, window=window, before=state, state=asked, etag=etag)
        try:
            decision = wake.decide(reasons=reasons, until=until)
            wake.finish(decision)
        except MovedError:
            decision = wake.give_way()
        return decision, wake.facts


@dataclass(kw_only=True)
class _Wake:
    """A wake under way. `state` is what it knows, `before` and `etag` what is stored."""

    trigger: Trigger
    window: Window
    before: State
    state: State
    etag: str | None

    def __post_init__(self) -> None:
        self.facts: dict[str, object] = {
            "objects": len(self.window.objects),
            "left_out": list(self.window.left_out[:5]) or None,
            "left_out_count": len(self.window.left_out) or None,
        }

    def decide(self, *, reasons: Sequence[str], until: float) -> Decision:
        settings, now = self.trigger.settings, self.trigger.now()
        if not self.window.objects:
            where = f"s3://{settings.data_bucket}/{settings.data_prefix}"
            why = f"{where} holds no data: nothing to run on"
            if self.state.scheduled != self.state.on_time:
                why += f", though a run was scheduled for {self.state.scheduled:%Y-%m-%d %H:%M %Z}"
            return Nothing(why=why)
        fingerprint = self.window.fingerprint
        self.state = plan.see(self.state, fingerprint, now=now, reasons=reasons)
        decision = self._run_content(fingerprint, until=until)
        if not isinstance(decision, Nothing) or self.state.run != fingerprint:
            return decision
        return self._answer_schedule(fingerprint=fingerprint, until=until) or self._answer_drift(
            decision, fingerprint=fingerprint, until=until
        )

    def _run_content(self, fingerprint: str, *, until: float) -> Decision:
        settings, now = self.trigger.settings, self.trigger.now()
        ended = plan.settle(
            self.state,
            now=now,
            settle_seconds=settings.settle_seconds,
            max_wait_seconds=settings.max_wait_seconds,
        )
        if ended:
            return ended
        executions = self.trigger.runs.newest()
        ended = plan.occupied(self.state, executions, now=now)
        if ended:
            return ended
        content = self._content(until=until)
        if isinstance(content, Wait):
            return content
        return self._run_once(content, fingerprint=fingerprint, executions=executions)

    def _content(self, *, until: float) -> Snapshot | Wait:
        settings, now = self.trigger.settings, self.trigger.now()
        try:
            identified = self._identify(until=until)
        except WindowMovedError as error:
            return Wait(
                until=now + timedelta(seconds=max(1, settings.settle_seconds)),
                why=f"{error} changed while it was looked at",
            )
        if not identified.complete:
            return Wait(until=now, why="more objects are new than one wake has time to look at")
        return snapshot.of(self.window.objects, identified.identities, bucket=settings.data_bucket)

    def _identify(self, *, until: float) -> Identified:
        records = self.trigger.records
        identified = self.trigger.data.identify(
            self.window.objects,
            records.identities(),
            until=until,
            clock=self.trigger.monotonic,
        )
        if identified.heads:
            self._cache(identified)
        self.facts["looked_up"] = identified.heads
        self.facts["without_checksum"] = identified.etags or None
        return identified

    def _cache(self, identified: Identified) -> None:
        """For the next wake. No run waits for it."""
        try:
            self.trigger.records.write_identities(self.window.objects, identified.identities)
        except Exception as error:
            say("go on", f"the cache of identities is not written: {error}", level="WARNING")

    def _run_once(
        self, content: Snapshot, *, fingerprint: str, executions: Sequence[plan.Execution]
    ) -> Decision:
        records = self.trigger.records
        text = content.text()
        digest = snapshot.digest_of(text)
        self.facts["digest"] = digest
        recorded = records.execution_of(digest)
        if recorded:
            self.state = plan.has_run(self.state, fingerprint)
            return Nothing(why=f"this content has been run by {recorded}")
        lost = plan.started_before(executions, run_names.mark_of(digest))
        if lost:
            self._record(lost.arn, digest=digest, fingerprint=fingerprint)
            return Nothing(why=f"{lost.arn} ran this content and had not been recorded")
        records.write_content(content, text=text, digest=digest)
        return self._start(self._claim_of(content, digest=digest), fingerprint=fingerprint)

    def _answer_schedule(self, *, fingerprint: str, until: float) -> Decision | None:
        """The content has been run: is it to be run once more, because it is time? None: no."""
        trigger, now = self.trigger, self.trigger.now()
        if self.state.scheduled is None or self.state.scheduled == self.state.on_time:
            return None
        from start_pipeline import schedule  # once in a schedule, and every start would pay for it

        due = schedule.of(self.state.scheduled, timezone=trigger.settings.timezone)
        self.facts["scheduled"] = due.words
        executions = trigger.runs.newest()
        ended = plan.occupied(self.state, executions, now=now)
        if ended:
            return ended
        answered = schedule.answered_by(due, executions)
        if answered:
            self.facts["answered_by"] = answered.arn
            # From now on a wake need not ask SageMaker.
            self.state = replace(self.state, on_time=self.state.scheduled, claim=None)
            return None
        content = self._content(until=until)
        if isinstance(content, Wait):
            return content
        digest = self._write_content(content)
        claim = claims.for_schedule(
            content,
            digest=digest,
            at=now,
            due=due,
            prefix=trigger.settings.data_prefix,
        )
        return self._start(claim, fingerprint=fingerprint)

    def _write_content(self, content: Snapshot) -> str:
        """What a run reads, once more in case it was deleted; the digest."""
        text = content.text()
        digest = snapshot.digest_of(text)
        self.facts["digest"] = digest
        self.trigger.records.write_content(content, text=text, digest=digest)
        return digest

    def _answer_drift(self, nothing: Nothing, *, fingerprint: str, until: float) -> Decision:
        """The content has been run: is it to be run once more, because the world drifted?"""
        trigger, now = self.trigger, self.trigger.now()
        episode = trigger.drift.episode()
        if episode is None:
            return nothing
        from start_pipeline import drift  # drift is rare, and every start would pay for it

        self.facts["drift_since"] = episode.id
        executions = trigger.runs.newest()
        ended = plan.occupied(self.state, executions, now=now)
        if ended:
            return ended
        answered = drift.answer(
            episode,
            executions,
            now=now,
            cooldown_hours=trigger.settings.feedback.cooldown_hours,
            fruitless_limit=trigger.settings.feedback.fruitless_limit,
            registered=trigger.runs.registered,
        )
        if isinstance(answered, drift.Exhausted):
            trigger.drift.tell(
                answered, since=episode.id, notices=trigger.records.notices(), now=now
            )
            return Nothing(why=answered.why)
        if answered:
            return answered
        content = self._content(until=until)
        if isinstance(content, Wait):
            return content
        digest = self._write_content(content)
        claim = claims.for_drift(
            content,
            digest=digest,
            at=now,
            episode=episode,
            prefix=trigger.settings.data_prefix,
        )
        return self._start(claim, fingerprint=fingerprint)

    def _claim_of(self, content: Snapshot, *, digest: str) -> Claim:
        last = self.state.started
        return claims.for_content(
            content,
            digest=digest,
            at=self.trigger.now(),
            earlier=self.trigger.records.snapshot_of(last.digest) if last else None,
            prefix=self.trigger.settings.data_prefix,
            reasons=self.state.pending.reasons if self.state.pending else (),
            left_out=len(self.window.left_out),
        )

    def _start(self, claim: Claim, *, fingerprint: str) -> Decision:
        """Claim the right to start this run, and start it. Raises MovedError when another wake
        was faster."""
        self.state = plan.claimed(self.state, claim)
        self._save()
        assert self.state.claim is not None  # claimed two lines above
        claim = self.state.claim
        manifest_uri = self.trigger.records.manifest_uri(claim.digest)
        try:
            arn = self.trigger.runs.start(claim, manifest_uri=manifest_uri)
        except NotNowError as refusal:
            return Wait(until=self.trigger.now() + plan.RETRY, why=str(refusal))
        self._record(arn, digest=claim.digest, fingerprint=fingerprint)
        return Start(why=claim.description, execution_arn=arn)

    def _record(self, arn: str, *, digest: str, fingerprint: str) -> None:
        started = Started(digest=digest, at=self.trigger.now(), execution_arn=arn)
        self.trigger.records.write_execution(started, claim=self.state.claim)
        self.state = plan.has_run(self.state, fingerprint, started)

    def finish(self, decision: Decision) -> None:
        if isinstance(decision, Wait):
            now = self.trigger.now()
            if plan.message_due(self.state, decision.until, now=now):
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
        return Wait(until=until, why="another wake is at work")

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
