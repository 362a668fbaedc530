"""A deployment's plan: in which steps traffic goes to the new fleet, and what is watched.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.local_cloud.sagemaker.store import Body

_EPSILON = 1e-9


@dataclass(frozen=True)
class RolloutStep:
    """``share`` (0 to 1) of the traffic to the new fleet, then ``bake_seconds`` of watching."""

    share: float
    bake_seconds: float


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The steps, the wait before the old fleet ends, and the alarms that roll back."""

    steps: tuple[RolloutStep, ...]
    termination_seconds: float = 0.0
    alarms: tuple[str, ...] = ()


def rollout_of(deployment: Body | None, *, instances: int) -> Rollout:
    """The plan of a ``DeploymentConfig``; without one all traffic shifts at once.

    A canary and each linear step bake, and so does the whole. A rolling update exchanges traffic
    batch by batch like a linear one; that it does with fewer instances makes no difference here.
    """
    deployment = deployment or {}
    rollback = deployment.get("AutoRollbackConfiguration") or {}
    alarms = tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms", ()))
    policy = deployment.get("BlueGreenUpdatePolicy") or {}
    rolling = deployment.get("RollingUpdatePolicy")
    if rolling:
        shares = _steps_of(_share(rolling["MaximumBatchSize"], instances))
        bake = rolling["WaitIntervalInSeconds"]
    else:
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE"}
        shares = _shares(routing, instances)
        bake = routing.get("WaitIntervalInSeconds", 0)
    return Rollout(
        steps=tuple(RolloutStep(share, float(bake)) for share in shares),
        termination_seconds=float(policy.get("TerminationWaitInSeconds", 0)),
        alarms=alarms,
    )


def _shares(routing: Body, instances: int) -> list[float]:
    if routing["Type"] == "CANARY":
        return [_share(routing["CanarySize"], instances), 1.0]
    if routing["Type"] == "LINEAR":
        return _steps_of(_share(routing["LinearStepSize"], instances))
    return [1.0]


def _steps_of(step: float) -> list[float]:
    shares, share = [], step
    while share < 1.0 - _EPSILON:
        shares.append(share)
        share += step
    return [*shares, 1.0]


def _share(capacity: Body, instances: int) -> float:
    whole = 100 if capacity["Type"] == "CAPACITY_PERCENT" else max(1, instances)
    return min(1.0, float(capacity["Value"]) / whole)
