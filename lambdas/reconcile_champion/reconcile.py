"""One wake: look at the world, let `plan` decide, do it, tell people, and say why.

A wake updates the stack once at most. Marking a version that failed is no end: the same wake goes
on to what is wanted without it, so that stack and endpoint agree again as soon as they can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from model_package import NONE
from notify.texts import Loop
from reconcile_champion import plan
from reconcile_champion.endpoint import Endpoint
from reconcile_champion.marks import Mark
from reconcile_champion.memory import AnotherWakeError, Memory, Subject
from reconcile_champion.plan import (
    Decision,
    Kept,
    MarkFailed,
    Nothing,
    Promote,
    Serves,
    Stuck,
    SwitchEngine,
    TakeDown,
    Update,
    Wait,
)
from reconcile_champion.registry import Registry
from reconcile_champion.seen import Package, Seen, version_in
from reconcile_champion.serving_stack import BusyError, ServingStack
from reconcile_champion.settings import Settings
from topic import Notice, publish

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient

_ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """The function's hands: what it reads and writes, and its clock."""

    settings: Settings
    registry: Registry
    stack: ServingStack
    endpoint: Endpoint
    s3: S3Client
    sns: SNSClient
    cloudwatch: CloudWatchClient
    now: Callable[[], datetime] = _now

    @classmethod
    def over(
        cls,
        settings: Settings,
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
            endpoint=Endpoint(sagemaker=sagemaker, name=policy.endpoint),
            s3=s3,
            sns=sns,
            cloudwatch=cloudwatch,
            now=now,
        )

    def look(self) -> tuple[list[Decision], dict[str, object]]:
        """What this wake decided and did, in order, and the facts behind it."""
        memory = Memory(s3=self.s3, bucket=self.settings.state_bucket, key=self.settings.state_key)
        wake = _Wake(reconciler=self, memory=memory, seen=self._see(memory.read().served))
        decisions = wake.converge()
        if not isinstance(decisions[-1], Wait):
            self._measure(plan.blocked(wake.seen, decisions[-1]))
        return decisions, wake.facts

    def _see(self, served: str | None) -> Seen:
        now, stack = self.now(), self.stack.look()
        if stack is None or stack.status.endswith("_IN_PROGRESS"):
            return Seen(now=now, stack=stack, served=served)  # nothing else matters then
        return Seen(
            now=now,
            stack=stack,
            packages=self.registry.approved(),
            champion=self.registry.package(stack.champion),
            operation=self.stack.failed_operation() if stack.status == _ROLLED_BACK else None,
            live=self.endpoint.look(),
            served=served,
        )

    def _measure(self, blocked: bool) -> None:
        self.cloudwatch.put_metric_data(
            Namespace="Ratchet",
            MetricData=[
                {
                    "MetricName": "DeploymentBlocked",
                    "Dimensions": [
                        {"Name": "Project", "Value": self.settings.project},
                        {"Name": "Environment", "Value": self.settings.policy.environment},
                    ],
                    "Timestamp": self.now(),
                    "Value": float(blocked),
                }
            ],
        )


@dataclass(kw_only=True)
class _Wake:
    """A wake under way, and what it sees."""

    reconciler: Reconciler
    memory: Memory
    seen: Seen

    def __post_init__(self) -> None:
        settings = self.reconciler.settings
        self.loop = Loop(project=settings.project, environment=settings.policy.environment)
        stack, live = self.seen.stack, self.seen.live
        self.facts: dict[str, object] = {
            "stack_status": stack.status if stack else None,
            "champion": stack.champion if stack else None,
            "approved": [package.version for package in self.seen.packages] or None,
            "endpoint_status": live.status if live else None,
            "endpoint_config": live.config if live else None,
        }

    def converge(self) -> list[Decision]:
        decisions: list[Decision] = []
        while not decisions or isinstance(decisions[-1], MarkFailed):
            decision = plan.plan(self.seen, self.reconciler.settings.policy)
            try:
                decision = self._do(decision)
            except AnotherWakeError:
                decision = Wait(why="another wake is at work")
            decisions.append(decision)
        return decisions

    def _do(self, decision: Decision) -> Decision:
        match decision:
            case MarkFailed():
                self._mark(decision)
            case Promote() | SwitchEngine() | TakeDown():
                return self._update(decision)
            case Serves():
                self._serves(decision)
            case Kept():
                self._tell("problem", f"kept: {decision.why}", self.loop.kept(why=decision.why))
            case Stuck():
                notice = self.loop.stuck(why=decision.why, command=decision.command)
                self._tell("problem", f"stuck: {decision.why}", notice)
            case Nothing():
                self._nothing_serves()
            case Wait():
                pass
        return decision

    def _mark(self, failed: MarkFailed) -> None:
        """Told first: a crash in between tells it twice rather than never."""
        package, now = failed.package, self.seen.now
        others = [p for p in self.seen.packages if p.arn != package.arn and not p.failed]
        notice = self.loop.promotion_failed(
            package.version, serving=self._goes_on(package, others), why=failed.why
        )
        operation = self.seen.operation
        when = operation.at if operation else now
        self._tell("problem", f"failed: version {package.version} at {when}", notice)
        mark = Mark(at=now, why=failed.why)
        self.reconciler.registry.mark(package, mark)
        marked = replace(package, mark=mark, modified=now)
        self.seen = replace(
            self.seen,
            packages=[marked if p.arn == package.arn else p for p in self.seen.packages],
            champion=marked if self._is_champion(package) else self.seen.champion,
            operation=None,
        )

    def _goes_on(self, failed: Package, others: list[Package]) -> str:
        """The version that serves while a promotion has failed."""
        group = self.reconciler.settings.policy.group
        live = version_in(self.seen.live.package, group=group) if self.seen.live else None
        if live is not None and live != failed.version:
            return str(live)
        if self._is_champion(failed) and others:
            return str(others[0].version)
        champion = self.seen.champion
        return str(champion.version) if champion and champion.arn != failed.arn else NONE

    def _is_champion(self, package: Package) -> bool:
        return self.seen.stack is not None and self.seen.stack.champion == package.arn

    def _update(self, update: Update) -> Decision:
        stack = self.seen.stack
        assert stack is not None  # an update is planned for a stack
        if isinstance(update, SwitchEngine):
            version = update.package.version
            notice = self.loop.engine_switched(version, why=update.why)
            self._tell("problem", f"engine: {update.engine} from version {version} on", notice)
        to = NONE if isinstance(update, TakeDown) else str(update.package.version)
        self.facts["changes"] = dict(update.changes)
        try:
            begun = self.reconciler.stack.update(stack, update.changes, to=to, engine=update.engine)
        except BusyError as busy:
            return Wait(why=str(busy))
        return update if begun else Nothing(why=f"{update.why}, but nothing is to be updated")

    def _serves(self, serves: Serves) -> None:
        package, before = serves.package, self.memory.told.served
        if before != str(package.version):
            self._tell("served", str(package.version), self._news(package, before))
        self.memory.forget_problem()
        if package.mark:
            self.reconciler.registry.unmark(package)

    def _news(self, package: Package, before: str | None) -> Notice:
        if before is None or not before.isdecimal() or int(before) < package.version:
            return self.loop.deployed(package.version, previous=before)
        return self.loop.rolled_back(
            package.version, previous=before, why=self._why_not(before, instead_of=package)
        )

    def _why_not(self, version: str, *, instead_of: Package) -> str:
        arn = f"{instead_of.arn.rpartition('/')[0]}/{version}"
        package = self.reconciler.registry.package(arn)
        if package is None:
            return f"version {version} is deleted from the registry"
        if package.failed and package.mark:
            return f"version {version} failed to deploy ({package.mark.why})"
        if package.approval == "Rejected":
            return f"version {version} was rejected"
        return f"version {version} is not approved any more"

    def _nothing_serves(self) -> None:
        """Told when it comes as news."""
        stack, before = self.seen.stack, self.memory.told.served
        if stack is None or stack.champion != NONE or before in (None, NONE):
            return
        self._tell("served", NONE, self.loop.taken_down(version=before))

    def _tell(self, subject: Subject, what: str, notice: Notice) -> None:
        reconciler = self.reconciler
        told: list[Any] = []

        def send() -> None:
            publish(reconciler.sns, topic_arn=reconciler.settings.topic_arn, notice=notice)
            told.append(notice.title)

        self.memory.tell_once(subject, what, now=self.seen.now, publish=send)
        if told:
            self.facts["told"] = [*_list(self.facts.get("told")), *told]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
