"""Approving and rejecting a version, and what follows from it.

What follows is not done here: `reconcile_champion` sees what the registry says and brings the
Serving stack to the highest approved version.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.registry.versions import ModelVersion, not_judged
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.packages import APPROVED, DEPLOYMENT_MARK_KEY, REJECTED
from ratchet.loop.versions import COMPLETE, MARK_HOLDS, version_to_serve

_LONGEST_NOTE = 1024
"""Characters of an ApprovalDescription (SageMaker API reference, UpdateModelPackage)."""

Verdict = Literal["Approved", "Rejected"]
Effect = Literal["deploys", "rolls-back", "stays", "none-left"]


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What the loop will do after an approval or a rejection."""

    effect: Effect
    sentence: str
    version: int | None = None
    """The version that will serve; None when none is left."""


def note(target: Target, verdict: Verdict, because: str) -> str:
    """Who decided and why, for the version's ApprovalDescription."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        user = "someone"
    identity = target.client("sts").get_caller_identity().get("Arn", "")
    who = f"{user} ({identity})" if identity else user
    reason = f": {' '.join(because.split())}" if because.strip() else ""
    return f"{verdict} by {who} with ratchet{reason}"[:_LONGEST_NOTE]


def decide(target: Target, version: ModelVersion, verdict: Verdict, *, because: str) -> None:
    """Writes the verdict to the registry.

    Raises:
        DeploymentError: the version's deployment failed just now. SageMaker keeps no time of
            approval, so nobody could tell the approval from the note of that failure.
    """
    if verdict == APPROVED and version.failed:
        again = version.failed + MARK_HOLDS
        if datetime.now(UTC) <= again:
            raise DeploymentError(
                f"the deployment of version {version.version} failed just now: {version.failure}. "
                f"Correct that, and approve the version again after {again.astimezone():%H:%M:%S}"
            )
    target.client("sagemaker").update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus=verdict,
        ApprovalDescription=note(target, verdict, because),
    )


def consequence(
    versions: Sequence[ModelVersion],
    decided: ModelVersion,
    verdict: Verdict,
    *,
    serving: int | None,
    when_none_left: names.WhenNoneLeft,
    command: Callable[[str], str] = "ratchet {}".format,
) -> Consequence:
    """The consequence of a verdict on `decided`. Pure.

    Args:
        versions: the group as it is before.
        decided: one of them.
        verdict: what it becomes. An approval also forgets that its deployment failed.
        serving: the version that serves now; None: none does.
        when_none_left: the setting of that name.
        command: turns words such as `reject 3` into a command to type.
    """
    after = [_after(v, verdict) if v.version == decided.version else v for v in versions]
    best = version_to_serve(after)
    if verdict == APPROVED and decided.status != COMPLETE:
        return Consequence(
            effect="stays",
            version=best.version if best else serving,
            sentence=f"Nothing changes: version {decided.version} cannot serve, because SageMaker "
            f"says of its package {decided.status}.",
        )
    if best is None:
        return _none_left(decided.version, serving, when_none_left)
    number = best.version
    if verdict == APPROVED and number > decided.version:
        return Consequence(
            effect="stays",
            version=number,
            sentence=f"Nothing changes: version {number} is approved too, and the highest approved "
            f"version serves. To go back to version {decided.version}, reject the newer one: "
            f"{command(f'reject {number}')}",
        )
    if number == serving:
        why = (
            "it serves already"
            if number == decided.version
            else f"version {number} goes on serving"
        )
        return Consequence(effect="stays", version=number, sentence=f"Nothing changes: {why}.")
    if verdict == REJECTED and serving == decided.version:
        return Consequence(
            effect="rolls-back",
            version=number,
            sentence=f"Rolls back: version {number}, the next highest approved, will serve "
            "with its own baseline.",
        )
    instead = f" instead of version {serving}" if serving is not None else ""
    sentence = f"Version {number} will serve{instead}."
    if verdict == APPROVED and best.judged_against != serving:
        sentence += f" {not_judged(best, champion=serving)}"
    return Consequence(effect="deploys", version=number, sentence=sentence)


def _none_left(decided: int, serving: int | None, when_none_left: str) -> Consequence:
    if serving is None:
        return Consequence(
            effect="none-left", sentence="Nothing changes: nothing serves, and nothing is approved."
        )
    if serving != decided:
        middle = f"version {serving} serves and is not approved"
    else:
        middle = "no other version is approved"
    if when_none_left == names.KEEP:
        return Consequence(
            effect="none-left",
            version=serving,
            sentence=f"Version {serving} goes on serving: {middle}, and when_none_left is "
            f'"{names.KEEP}". Approve another version to replace it.',
        )
    return Consequence(
        effect="none-left",
        sentence=f"The endpoint is taken down: {middle}, and when_none_left is "
        f'"{names.TAKE_DOWN}".',
    )


def _after(version: ModelVersion, verdict: Verdict) -> ModelVersion:
    metadata = {k: v for k, v in version.metadata.items() if k != DEPLOYMENT_MARK_KEY}
    return replace(version, approval=verdict, metadata=metadata)
