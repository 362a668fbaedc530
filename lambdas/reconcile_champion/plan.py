"""Decides what one wake does about the champion (pure).

Wanted: the highest approved version serves, unless its promotion failed since it was approved.
Actual: the version that the serving stack names, and what the endpoint really serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ratchet.loop import names, notices, versions
from reconcile_champion.seen import (
    Operation,
    Package,
    Seen,
    ServedModel,
    ServingStackState,
)

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_SETTLED = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
_ENDPOINT_BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, kw_only=True)
class PromotionPolicy:
    """The settings that decide."""

    environment: str
    group: str
    stack: str
    endpoint: str
    keep_when_none_left: bool
    engine: str
    """auto | model-monitor | pipeline"""

    def command(self, words: str) -> str:
        return notices.command(words, environment=self.environment)


@dataclass(frozen=True, kw_only=True)
class NoChange:
    """The wanted version serves, or nothing can be done."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Something is under way; its end wakes the function again."""

    why: str


@dataclass(frozen=True, kw_only=True)
class GiveWay:
    """Another wake is acting, and may have read the state before the event of this wake: come
    back later."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Serves:
    """The wanted version serves, as verified at the endpoint."""

    package: Package
    why: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A version that is not approved goes on serving, because none is left."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Only a person can resolve this."""

    why: str
    command: str


@dataclass(frozen=True, kw_only=True)
class MarkFailed:
    """A promotion failed: keep the version from being tried again, and go on without it."""

    package: Package
    why: str


@dataclass(frozen=True, kw_only=True)
class Promote:
    """Update the stack to serve this version."""

    package: Package
    changes: Mapping[str, str]
    """Parameters of the stack that get another value."""
    engine: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SwitchEngine:
    """Deploy the same version again, with the monitoring pipeline."""

    package: Package
    changes: Mapping[str, str]
    engine: str
    why: str


@dataclass(frozen=True, kw_only=True)
class TakeDown:
    """Update the stack to serve nothing."""

    changes: Mapping[str, str]
    engine: str
    why: str


Update = Promote | SwitchEngine | TakeDown
Decision = NoChange | Wait | GiveWay | Serves | Kept | Stuck | MarkFailed | Update


def plan(seen: Seen, policy: PromotionPolicy) -> Decision:
    """The one thing to do now."""
    stack = seen.stack
    if stack is None:
        return NoChange(
            why=f"the stack {policy.stack} is not deployed yet: {policy.command('deploy')}"
        )
    unusable = _usable(stack, policy)
    if unusable:
        return unusable
    to_serve = versions.version_to_serve(seen.packages)
    remedy = _after_failure(seen, stack, to_serve, policy)
    if remedy:
        return remedy
    if to_serve is None:
        return _none_left(seen, stack, policy)
    engine = stack.engine if policy.engine == names.AUTO else policy.engine
    changes = _changes(stack, _parameters(to_serve, engine=engine))
    if not changes:
        return _verified(seen, to_serve, policy)
    if seen.live and seen.live.status in _ENDPOINT_BUSY:
        return Wait(why=f"the endpoint {policy.endpoint} is {seen.live.status}")
    return Promote(
        package=to_serve, changes=changes, engine=engine, why=_why(stack, to_serve, policy)
    )


def blocked(seen: Seen, decision: Decision) -> bool:
    """Whether the approved version does not serve, and nothing is under way to change that."""
    if isinstance(decision, Kept | Stuck):
        return True
    if isinstance(decision, NoChange | Serves):
        newest = next((package for package in seen.packages if package.approved), None)
        serving = seen.stack.champion if seen.stack else names.NONE
        return newest is not None and seen.stack is not None and newest.arn != serving
    return False


def _usable(stack: ServingStackState, policy: PromotionPolicy) -> Wait | Stuck | None:
    """None if the stack can be updated; else what to do instead."""
    if stack.status.endswith("_IN_PROGRESS"):
        return Wait(why=f"{policy.stack} is {stack.status}; its end wakes the function again")
    if stack.status not in _SETTLED:
        command = policy.command("deploy")
        if stack.status == "UPDATE_ROLLBACK_FAILED":
            command = f"aws cloudformation continue-update-rollback --stack-name {policy.stack}"
        reason = f": {stack.reason}" if stack.reason else ""
        return Stuck(why=f"the stack {policy.stack} is {stack.status}{reason}", command=command)
    if names.CHAMPION not in stack.parameters:
        return Stuck(
            why=f"the stack {policy.stack} has no parameter {names.CHAMPION}: it is not the stack "
            "that serves",
            command=policy.command("deploy"),
        )
    return None


def _after_failure(
    seen: Seen, stack: ServingStackState, to_serve: Package | None, policy: PromotionPolicy
) -> Decision | None:
    """Goes on unless the stack's last operation was ours and failed, and is not judged yet."""
    operation = seen.operation
    if operation is None:
        return None
    if operation.to == names.NONE:
        if to_serve is None and stack.champion != names.NONE and not policy.keep_when_none_left:
            return Stuck(
                why=f"taking the endpoint down failed: {operation.why}",
                command=policy.command("deploy"),
            )
        return None
    tried = next((p for p in seen.packages if str(p.version) == operation.to), None)
    if tried is None or not tried.approved or tried.failed:
        return None
    if tried.modified and tried.modified > operation.at:
        return None  # somebody approved it again since, and no mark of that failure holds
    if (
        operation.of_monitoring
        and operation.engine == names.MODEL_MONITOR
        and policy.engine == names.AUTO
    ):
        if tried != to_serve:
            return None  # it is not the version that failed
        changes = _changes(stack, _parameters(tried, engine=names.PIPELINE))
        if changes:
            return SwitchEngine(
                package=tried,
                changes=changes,
                engine=names.PIPELINE,
                why=f"AWS refuses Model Monitor here: {operation.why}",
            )
    if tried.arn == stack.champion:
        return _monitor_not_changed(operation, stack, tried, policy) if tried == to_serve else None
    return MarkFailed(package=tried, why=operation.why)


def _monitor_not_changed(
    operation: Operation, stack: ServingStackState, champion: Package, policy: PromotionPolicy
) -> Stuck | None:
    if not _changes(stack, _parameters(champion, engine=operation.engine)):
        return None  # all is as wanted since
    return Stuck(
        why=f"version {champion.version} serves, but its monitor cannot be changed to "
        f"{operation.engine}: {operation.why}",
        command=policy.command("deploy"),
    )


def _none_left(seen: Seen, stack: ServingStackState, policy: PromotionPolicy) -> Decision:
    newest = next((package for package in seen.packages if package.failed), None)
    if stack.champion == names.NONE:
        if newest and newest.mark:
            return NoChange(
                why=f"version {newest.version} failed to deploy ({newest.mark.why}) and no other "
                f"is approved. To try it again: {policy.command(f'approve {newest.version}')}"
            )
        return NoChange(why=f"no version of {policy.group} is approved")
    why = f"{_champion_in_words(seen, stack, policy)}, and no other version is approved"
    if policy.keep_when_none_left:
        return Kept(why=why)
    if seen.live and seen.live.status in _ENDPOINT_BUSY:
        return Wait(why=f"the endpoint {policy.endpoint} is {seen.live.status}")
    nothing = dict.fromkeys(
        (names.CHAMPION, names.CHAMPION_VERSION, names.BASELINE, names.QUALITY_BASELINE), names.NONE
    )
    return TakeDown(changes=_changes(stack, nothing), engine=stack.engine, why=why)


def _champion_in_words(seen: Seen, stack: ServingStackState, policy: PromotionPolicy) -> str:
    version = versions.version_in(stack.champion, group=policy.group)
    if version is None:
        return f"{stack.champion} is no version of {policy.group}"
    if seen.champion is None:
        return f"version {version} is deleted from the registry"
    if seen.champion.failed:
        return f"version {version} failed to deploy"
    return f"version {version} is {notices.UNAPPROVED.get(seen.champion.approval, 'not approved')}"


def _parameters(package: Package, *, engine: str) -> dict[str, str]:
    return {
        names.CHAMPION: package.arn,
        names.CHAMPION_VERSION: str(package.version),
        names.BASELINE: package.baselines.data,
        names.QUALITY_BASELINE: package.baselines.quality,
        names.THRESHOLD: _decimal(package.threshold),
        names.ENGINE: engine,
    }


def _decimal(value: float) -> str:
    """As CloudFormation writes a default of its parameter, so that the same is no change."""
    return f"{Decimal(repr(value)).normalize():f}"


def _changes(stack: ServingStackState, values: Mapping[str, str]) -> dict[str, str]:
    """Only parameters that the stack has: an older template has fewer."""
    return {
        name: value
        for name, value in values.items()
        if name in stack.parameters and stack.parameters[name] != value
    }


def _why(stack: ServingStackState, to_serve: Package, policy: PromotionPolicy) -> str:
    if stack.champion == to_serve.arn:
        return f"version {to_serve.version} serves with another baseline or monitor than it should"
    return f"version {to_serve.version} is the highest that is approved; the stack names " + (
        "none"
        if stack.champion == names.NONE
        else f"version {versions.version_in(stack.champion, group=policy.group) or stack.champion}"
    )


def _verified(seen: Seen, to_serve: Package, policy: PromotionPolicy) -> Decision:
    """The stack names the wanted version: does the endpoint serve it?"""
    live = seen.live
    by_hand = f"aws sagemaker describe-endpoint --endpoint-name {policy.endpoint}"
    if live is None:
        return Stuck(
            why=f"the stack names version {to_serve.version}, and the endpoint {policy.endpoint} "
            "does not exist: it was deleted by hand",
            command=policy.command(f"reject {to_serve.version}"),
        )
    if live.status in _ENDPOINT_BUSY:
        return Wait(why=f"the endpoint {policy.endpoint} is {live.status}")
    if live.status != "InService":
        reason = f": {live.reason}" if live.reason else ""
        return Stuck(
            why=f"the endpoint {policy.endpoint} is {live.status}{reason}", command=by_hand
        )
    if live.package == to_serve.arn:
        return Serves(package=to_serve, why=_serves(seen, to_serve, policy))
    if seen.served == str(to_serve.version):
        return Stuck(
            why=f"version {to_serve.version} served, and now the endpoint's config "
            f"{live.config} serves {_named(live, policy)}: it was changed by hand",
            command=by_hand,
        )
    return MarkFailed(
        package=to_serve,
        why=f"the update succeeded, but SageMaker rolled the endpoint back to {live.config}, "
        f"which serves {_named(live, policy)}: an alarm of the endpoint went off",
    )


def _named(live: ServedModel, policy: PromotionPolicy) -> str:
    version = versions.version_in(live.package, group=policy.group)
    return f"version {version}" if version else "another model"


def _serves(seen: Seen, to_serve: Package, policy: PromotionPolicy) -> str:
    """The reason, which also says why another approved version does not serve."""
    words = [f"version {to_serve.version} serves"]
    older = [p.version for p in seen.packages if p.approved and p.version < to_serve.version]
    if older:
        words.append(
            f"version {older[0]} is approved too, and older: to go back to it, "
            + policy.command(f"reject {to_serve.version}")
        )
    words.extend(
        f"version {package.version} is approved and failed to deploy ({package.mark.why}): "
        f"to try it again, {policy.command(f'approve {package.version}')}"
        for package in seen.packages
        if package.version > to_serve.version and package.failed and package.mark
    )
    return "; ".join(words)
