"""The state of an environment: what serves, what should serve, what is under way, what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ratchet.deployment.errors import NotDeployedError
from ratchet.deployment.pipelines import edits, in_place
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.roles import policies as roles
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import schedules as run_schedules
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.runs.reports import outcome_of
from ratchet.deployment.runs.schedules import DeployedSchedule
from ratchet.deployment.serving import champion
from ratchet.deployment.serving.champion import IN_SERVICE, LiveEndpoint
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.facts import ServingFacts, TrainingFacts
from ratchet.loop.packages import APPROVED
from ratchet.loop.versions import number_of, version_to_approve, version_to_serve


@dataclass(frozen=True, kw_only=True)
class StackState:
    """A CloudFormation stack that serves."""

    name: str
    status: str
    since: datetime | None
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    name: str
    state: str
    """OK, ALARM or INSUFFICIENT_DATA."""
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Queue:
    label: str
    waiting: int
    in_flight: int
    dead: bool = False
    """Whether this is a dead-letter queue: it holds messages that could not be handled."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The state of an environment at one moment."""

    versions: tuple[ModelVersion, ...] = ()
    deployed_arn: str = ""
    """The model package that the Serving stack names; empty: none."""
    serving: ServingFacts | None = None
    """None: the Serving stack is not there."""
    live: LiveEndpoint | None = None
    stack: StackState | None = None
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    queues: tuple[Queue, ...] = ()
    schedules: tuple[DeployedSchedule, ...] = ()
    last_run: RunState | None = None
    when_none_left: str = names.KEEP
    refused: Mapping[str, int] = field(default_factory=dict)
    """How many requests were refused and would still be, by the label of their role."""
    changed: tuple[str, ...] | None = ()
    """Pipelines that run something else than was deployed; None: it may not be looked at."""
    edits: Mapping[str, str] = field(default_factory=dict)
    """Deployed pipeline → why the pipeline in which its edits run is needed; "": it is not."""

    @property
    def deployed(self) -> int | None:
        return number_of(self.deployed_arn)

    @property
    def version_to_serve(self) -> ModelVersion | None:
        return version_to_serve(self.versions)

    @property
    def highest_approved(self) -> ModelVersion | None:
        return next((v for v in self.versions if v.approved), None)

    @property
    def champion(self) -> int | None:
        """The version that a candidate has to beat, once what is under way has ended."""
        return self.version_to_serve.version if self.version_to_serve else self.deployed

    @property
    def monitored(self) -> ModelVersion | None:
        """The version whose baseline the monitor compares with. Of several with one baseline, as
        cached steps leave them: the one that serves, or else the oldest, whose run made it."""
        if self.stack is None:
            return None
        folder = self.stack.parameters.get(names.BASELINE, names.NONE)
        owners = [v for v in self.versions if v.baseline_folder == folder != names.NONE]
        serving = self.stack.parameters.get(names.CHAMPION)
        oldest_first = sorted(owners, key=lambda v: (v.arn != serving, v.version))
        return next(iter(oldest_first), None)

    @property
    def settled(self) -> bool:
        """The wanted version serves, and nothing is under way."""
        champion = self.version_to_serve.version if self.version_to_serve else None
        serves = self.live.version if self.live and self.live.status == IN_SERVICE else None
        busy = self.stack is not None and self.stack.busy
        return not busy and champion == self.deployed == serves


def look(target: Target) -> Standing:
    """Reads the state of the environment.

    Raises:
        NotDeployedError: the environment is not deployed at all.
    """
    deployed = facts.read(target)
    try:
        serving = facts.read_serving(target)
    except NotDeployedError:
        serving = None
    newest = runs.listed(target, pipeline=deployed.pipeline, limit=1)
    changed = in_place.changed_names(target)
    return Standing(
        versions=tuple(registry.versions(target, deployed.model_package_group)),
        deployed_arn=champion.deployed_arn(target),
        serving=serving,
        live=champion.live(target, serving.endpoint) if serving else None,
        stack=stack_state(target, serving.stack) if serving else None,
        alarms=alarms(target, serving.alarms) if serving else {},
        queues=tuple(_queues(target, deployed, serving)),
        schedules=tuple(run_schedules.read(target)),
        last_run=outcome_of(target, newest[0]) if newest else None,
        when_none_left=target.settings.when_none_left,
        refused=roles.refused(target),
        changed=None if changed is None else tuple(changed),
        edits={each.edited: why for each, why in edits.reviewed(target)},
    )


def stack_state(target: Target, name: str) -> StackState | None:
    """The stack with its parameters; None if there is no stack of that name."""
    from botocore.exceptions import ClientError

    try:
        (stack,) = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as answer:
        if says_missing(answer):
            return None
        raise
    return StackState(
        name=name,
        status=stack["StackStatus"],
        since=stack.get("LastUpdatedTime") or stack.get("CreationTime"),
        reason=stack.get("StackStatusReason", ""),
        parameters={
            p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", ())
        },
    )


def alarms(target: Target, alarm_names: Mapping[str, str]) -> dict[str, Alarm]:
    """The alarms by what they watch; one that does not exist is left out."""
    labels = {name: label for label, name in alarm_names.items() if name}
    if not labels:
        return {}
    answer = target.client("cloudwatch").describe_alarms(AlarmNames=list(labels))
    return {
        labels[alarm["AlarmName"]]: Alarm(
            name=alarm["AlarmName"],
            state=alarm["StateValue"],
            since=alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp"),
            reason=alarm.get("StateReason", ""),
        )
        for alarm in answer.get("MetricAlarms", ())
        if alarm["AlarmName"] in labels
    }


def _queues(
    target: Target, deployed: TrainingFacts, serving: ServingFacts | None
) -> Iterable[Queue]:
    yield _queue(target, "trigger", deployed.queue_url)
    yield _queue(target, "trigger", deployed.dead_letter_queue_url, dead=True)
    try:
        evaluation = facts.read_evaluation(target)
    except NotDeployedError:  # older stacks have none
        pass
    else:
        yield _queue(target, "evaluation", evaluation.queue_url)
        yield _queue(target, "evaluation", evaluation.dead_letter_queue_url, dead=True)
    if serving and serving.reconcile_queue_url:
        yield _queue(target, "reconcile", serving.reconcile_queue_url)
    try:
        operations = facts.read_operations(target)
    except NotDeployedError:  # likewise
        pass
    else:
        yield _queue(target, "costs", operations.queue_url)
        yield _queue(target, "costs", operations.dead_letter_queue_url, dead=True)


def _queue(target: Target, label: str, url: str, *, dead: bool = False) -> Queue:
    waiting, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    delayed = "ApproximateNumberOfMessagesDelayed"
    answer: dict[str, Any] = target.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=[waiting, in_flight, delayed]
    )
    values = answer.get("Attributes", {})
    return Queue(
        label=label,
        waiting=int(values.get(waiting, 0)) + int(values.get(delayed, 0)),
        in_flight=int(values.get(in_flight, 0)),
        dead=dead,
    )


def explanations(
    standing: Standing, *, command: Callable[[str], str] = "ratchet {}".format
) -> list[str]:
    """Why this version serves, and what to do if another was expected. Pure.

    Empty if the highest approved version serves: there is nothing to explain.
    """
    return [line for line in _explain(standing, command) if line]


def _explain(standing: Standing, command: Callable[[str], str]) -> Iterable[str]:
    for role, count in standing.refused.items():
        requests = "1 request" if count == 1 else f"{count:,} requests"
        yield f"{role} was refused {requests}: {command(f'permissions {role}')}"
    yield from _pipelines(standing, command)
    if standing.serving is None:
        yield f"The Serving stack is not deployed, so nothing can serve: {command('deploy')}"
        return
    if not standing.versions:
        yield f"No model is registered yet. Land data: {command('land FILE…')}"
        return
    champion, deployed = standing.version_to_serve, standing.deployed
    yield from _failures(standing, command)
    if champion is None:
        yield _nothing_wanted(standing)
    elif standing.stack is not None and standing.stack.busy:
        yield (
            f"The stack {standing.stack.name} is changing. reconcile_champion continues when that "
            "ends."
        )
    elif deployed != champion.version:
        yield (
            f"Version {champion.version} should serve and is not deployed yet. reconcile_champion "
            "starts the deployment when the approval's event arrives, or at its next scheduled "
            "wake."
        )
    if champion is not None:
        older = [
            v.version for v in standing.versions if v.approved and v.version < champion.version
        ]
        if older:
            yield (
                f"Version {older[0]} is approved too and does not serve, because the highest "
                f"approved version does. To go back to it: {command(f'reject {champion.version}')}"
            )
    yield _rolled_back(standing)
    yield _waiting(standing, command)


def _pipelines(standing: Standing, command: Callable[[str], str]) -> Iterable[str]:
    if standing.changed is None:
        yield (
            "Whether the pipelines run what was deployed is not known: you may not read the "
            "templates of the stacks (cloudformation:GetTemplate)."
        )
    for name in standing.changed or ():
        yield in_place.sentence(name, command)
    for name, why in standing.edits.items():
        if not why:
            yield f"Nothing needs {names.edits_of(name)} any more. To remove it: {command('clean')}"


def _failures(standing: Standing, command: Callable[[str], str]) -> Iterable[str]:
    for version in standing.versions:
        if version.approval == APPROVED and not version.approved:
            yield (
                f"Version {version.version} is approved and cannot serve: SageMaker says of its "
                f"package {version.status}."
            )
        if version.approved and version.failed:
            yield (
                f"Version {version.version} is approved, but its deployment failed: "
                f"{version.failure}. It is not tried again until it is approved again: "
                f"{command(f'approve {version.version}')}"
            )


def _waiting(standing: Standing, command: Callable[[str], str]) -> str:
    version = version_to_approve(standing.versions, champion=standing.champion)
    if version is None:
        return ""
    number = version.version
    if version.judged_against == standing.champion:
        return f"Version {number} waits for approval: {command(f'approve {number}')}"
    why = registry.not_judged(version, champion=standing.champion)
    return (
        f"Version {number} waits for approval. {why} To train and judge a candidate now: "
        f"{command('run training')}"
    )


def _nothing_wanted(standing: Standing) -> str:
    if standing.deployed is None:
        return "No version is approved, so nothing serves."
    if standing.when_none_left == names.KEEP:
        return (
            f"No version is approved. Version {standing.deployed} goes on serving, because "
            f'when_none_left is "{names.KEEP}".'
        )
    return (
        "No version is approved: the endpoint is taken down "
        f'(when_none_left = "{names.TAKE_DOWN}").'
    )


def _rolled_back(standing: Standing) -> str:
    live, deployed = standing.live, standing.deployed
    if live is None or deployed is None or live.version in (None, deployed):
        return ""
    if live.status != IN_SERVICE or (standing.stack and standing.stack.busy):
        return ""
    return (
        f"The stack names version {deployed}, but the endpoint serves version {live.version}: "
        "SageMaker has rolled the update back. reconcile_champion will notice at its next wake."
    )
