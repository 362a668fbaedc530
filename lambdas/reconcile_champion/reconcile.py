"""One wake: read the state, let `plan` decide, do it, and then send notices.

A wake updates the stack once at most. Marking a version that failed is no end: the same wake goes
on to what is wanted without it, so that stack and endpoint agree again as soon as they can. Nothing
that tells of an act, a notice or a metric, comes before it or can prevent it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import notices
from decision_log import say
from notice_texts import NoticeTexts
from notices import NoticeRecord, Notices
from ratchet.loop import names
from ratchet.loop.packages import REJECTED
from ratchet.loop.versions import FailureMark, version_in
from reconcile_champion import plan
from reconcile_champion.claims import ActionClaim, News, OvertakenError, is_claimed, write_down
from reconcile_champion.endpoint import ServingEndpoint
from reconcile_champion.plan import (
    Decision,
    GiveWay,
    Kept,
    MarkFailed,
    NoChange,
    Promote,
    Serves,
    Stuck,
    SwitchEngine,
    TakeDown,
    Update,
    Wait,
)
from reconcile_champion.registry import Registry
from reconcile_champion.seen import Package, Seen
from reconcile_champion.serving_stack import BusyError, ServingStack
from reconcile_champion.settings import ReconcilerEnvironment
from topic import Notice

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient

_ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
_MOST_LOOKS = 8

# What people are told about.
_SERVED, _PROBLEM = "served", "problem"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Everything the function reads and writes, and its clock."""

    settings: ReconcilerEnvironment
    registry: Registry
    stack: ServingStack
    endpoint: ServingEndpoint
    s3: S3Client
    sns: SNSClient
    cloudwatch: CloudWatchClient
    now: Callable[[], datetime] = _now

    @classmethod
    def over(
        cls,
        settings: ReconcilerEnvironment,
        *,
        cloudformation: CloudFormationClient,
        sagemaker: SageMakerClient,
        s3: S3Client,
        sns: SNSClient,
        cloudwatch: CloudWatchClient,
        now: Callable[[], datetime] = _now,
    ) -> Reconciler:
        policy = settings.policy
        return cls(
            settings=settings,
            registry=Registry(sagemaker=sagemaker, group=policy.group),
            stack=ServingStack(cloudformation=cloudformation, name=policy.stack),
            endpoint=ServingEndpoint(sagemaker=sagemaker, name=policy.endpoint),
            s3=s3,
            sns=sns,
            cloudwatch=cloudwatch,
            now=now,
        )

    def wake(self) -> ReconcilerWake:
        key, bucket = self.settings.state_key, self.settings.state_bucket
        return ReconcilerWake(reconciler=self, notices=Notices(s3=self.s3, bucket=bucket, key=key))

    def see(self, served: str | None) -> Seen:
        now, stack = self.now(), self.stack.read()
        if stack is None or stack.status.endswith("_IN_PROGRESS"):
            return Seen(now=now, stack=stack, served=served)  # nothing else matters then
        operation = self.stack.failed_operation() if stack.status == _ROLLED_BACK else None
        return Seen(
            now=now,
            stack=stack,
            packages=self.registry.approved(down_to=operation.to if operation else None),
            champion=self.registry.package(stack.champion),
            operation=operation,
            live=self.endpoint.read(),
            served=served,
        )

    def measure(self, blocked: bool) -> None:
        """Never raises: the next wake puts it again."""
        dimensions = names.dimensions(
            project=self.settings.project, environment=self.settings.policy.environment
        )
        try:
            self.cloudwatch.put_metric_data(
                Namespace=names.NAMESPACE,
                MetricData=[
                    {
                        "MetricName": names.DEPLOYMENT_BLOCKED,
                        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                        "Timestamp": self.now(),
                        "Value": float(blocked),
                    }
                ],
            )
        except Exception as error:
            why = f"the metric {names.DEPLOYMENT_BLOCKED} was not put: {error}"
            say("go on", why, level="WARNING")


@dataclass(kw_only=True)
class ReconcilerWake:
    """A wake under way, and the state that it sees."""

    reconciler: Reconciler
    notices: Notices
    seen: Seen = field(init=False)
    facts: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.reconciler.settings
        self.texts = NoticeTexts(project=settings.project, environment=settings.policy.environment)

    def converge(self) -> list[Decision]:
        """The decisions of this wake, in the order in which it carried them out."""
        decisions: list[Decision] = []
        for _ in range(_MOST_LOOKS):
            try:
                decisions.append(self._look())
            except OvertakenError:
                continue
            if not isinstance(decisions[-1], MarkFailed):
                return decisions
        return [*decisions, GiveWay(why="other wakes act again and again")]

    def report(self, decision: Decision) -> list[str]:
        """Put the metrics and send notices, after all else; return the titles that were sent.
        Never raises. `decision`: the last one."""
        reconciler, settings = self.reconciler, self.reconciler.settings
        if not isinstance(decision, Wait | GiveWay):
            reconciler.measure(plan.blocked(self.seen, decision))
        return notices.tell_people(
            self.notices,
            sns=reconciler.sns,
            cloudwatch=reconciler.cloudwatch,
            topic_arn=settings.topic_arn,
            project=settings.project,
            environment=settings.policy.environment,
            now=reconciler.now(),
        )

    def _look(self) -> Decision:
        """Read the state, decide, and act. Raises OvertakenError."""
        record = self.notices.read()  # first of all: see claims.py
        if is_claimed(record, now=self.reconciler.now()):
            return GiveWay(why="another wake is at work")
        self.seen = self.reconciler.see(record.latest.get(_SERVED))
        stack, live = self.seen.stack, self.seen.live
        self.facts |= {
            "stack_status": stack.status if stack else None,
            "champion": stack.champion if stack else None,
            "approved": [package.version for package in self.seen.packages] or None,
            "endpoint_status": live.status if live else None,
            "endpoint_config": live.config if live else None,
        }
        return self._do(plan.plan(self.seen, self.reconciler.settings.policy))

    def _do(self, decision: Decision) -> Decision:
        match decision:
            case MarkFailed():
                self._mark(decision)
            case Promote() | SwitchEngine() | TakeDown():
                return self._update(decision)
            case Serves():
                self._serves(decision)
            case Kept():
                notice = self.texts.goes_on_serving(why=decision.why)
                write_down(self.notices, _news(_PROBLEM, f"kept: {decision.why}", notice))
            case Stuck():
                notice = self.texts.stuck(why=decision.why, command=decision.command)
                write_down(self.notices, _news(_PROBLEM, f"stuck: {decision.why}", notice))
            case NoChange():
                self._nothing_serves()
            case Wait() | GiveWay():
                pass
        return decision

    def _claim(self, news: News) -> ActionClaim:
        return ActionClaim(notices=self.notices, news=news, now=self.reconciler.now())

    def _mark(self, failed: MarkFailed) -> None:
        package, stack = failed.package, self.seen.stack
        assert stack is not None  # a promotion failed on a stack
        others = [p for p in self.seen.packages if p.arn != package.arn and not p.failed]
        notice = self.texts.promotion_failed(
            package.version, serving=self._goes_on(package, others), why=failed.why
        )
        when = self.seen.operation.at if self.seen.operation else stack.updated
        news = _news(_PROBLEM, f"failed: version {package.version} at {when}", notice)
        with self._claim(news):
            registry = self.reconciler.registry
            # SageMaker has no conditional write: somebody may have approved it again just now.
            if registry.package(package.arn) != package:
                raise OvertakenError
            registry.mark(package, FailureMark(at=self.reconciler.now(), why=failed.why))

    def _goes_on(self, failed: Package, others: list[Package]) -> str:
        """The version that serves while a promotion has failed."""
        group = self.reconciler.settings.policy.group
        live = version_in(self.seen.live.package, group=group) if self.seen.live else None
        if live is not None and live != failed.version:
            return str(live)
        if self._is_champion(failed) and others:
            return str(others[0].version)
        champion = self.seen.champion
        return str(champion.version) if champion and champion.arn != failed.arn else names.NONE

    def _is_champion(self, package: Package) -> bool:
        return self.seen.stack is not None and self.seen.stack.champion == package.arn

    def _update(self, update: Update) -> Decision:
        stack = self.seen.stack
        assert stack is not None  # an update is planned for a stack
        to = names.NONE if isinstance(update, TakeDown) else str(update.package.version)
        self.facts["changes"] = dict(update.changes)
        with self._claim(self._news_of(update)) as claim:
            try:
                if self.reconciler.stack.update(stack, update.changes, to=to, engine=update.engine):
                    return update
            except BusyError as busy:
                claim.take_back()
                return Wait(why=str(busy))
            claim.take_back()
        return NoChange(why=f"{update.why}, but nothing is to be updated")

    def _news_of(self, update: Update) -> News:
        """The notices of a decision. A promotion is announced once the version serves."""
        if not isinstance(update, SwitchEngine):
            return lambda record: record
        version = update.package.version
        notice = self.texts.engine_switched(version, why=update.why)
        return _news(_PROBLEM, f"engine: {update.engine} from version {version} on", notice)

    def _serves(self, serves: Serves) -> None:
        package, record = serves.package, self.notices.record
        version, before = str(package.version), record.latest.get(_SERVED)
        news = _nothing_wrong
        if before != version:
            serves_now = _news(_SERVED, version, self._notice_of(package, before))
            news = lambda record: _nothing_wrong(serves_now(record))  # noqa: E731
        if package.mark:
            with self._claim(news):
                self.reconciler.registry.unmark(package)
        else:
            write_down(self.notices, news)

    def _notice_of(self, package: Package, before: str | None) -> Notice:
        if before is None or not before.isdecimal() or int(before) < package.version:
            return self.texts.deployed(package.version, previous=before)
        return self.texts.rolled_back(
            package.version, previous=before, why=self._why_not(before, instead_of=package)
        )

    def _why_not(self, version: str, *, instead_of: Package) -> str:
        arn = f"{instead_of.arn.rpartition('/')[0]}/{version}"
        package = self.reconciler.registry.package(arn)
        if package is None:
            return f"version {version} is deleted from the registry"
        if package.failed and package.mark:
            return f"version {version} failed to deploy ({package.mark.why})"
        if package.approval == REJECTED:
            return f"version {version} was rejected"
        return f"version {version} is not approved any more"

    def _nothing_serves(self) -> None:
        """The notice that nothing serves, if that is news."""
        stack, before = self.seen.stack, self.notices.record.latest.get(_SERVED)
        if stack is None or stack.champion != names.NONE or before in (None, names.NONE):
            return
        write_down(self.notices, _news(_SERVED, names.NONE, self.texts.taken_down(version=before)))


def _news(subject: str, news: str, notice: Notice) -> News:
    return lambda record: record.with_news(subject, news, notice)


def _nothing_wrong(record: NoticeRecord) -> NoticeRecord:
    return record.without(_PROBLEM)
