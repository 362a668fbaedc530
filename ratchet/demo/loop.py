"""The demo's moves: land drops, wait for the run that follows by itself, hold it against claims."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ratchet.demo.flights import write_month
from ratchet.deployment import landing, runs
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.facts import Deployed
from ratchet.deployment.reports import Findings
from ratchet.deployment.runs import Run, RunState
from ratchet.deployment.target import Target

MONTHS = (1, 2, 3)
START_SECONDS = 120.0
"""How long a run may take to start after the landing; the rest of the loop bounds itself."""


class DemoFailedError(DeploymentError):
    """Something that the demo claims did not hold."""


def write_drops(folder: Path, months: Iterable[int] = MONTHS) -> list[Path]:
    """One folder per month, such as `2013-01`, with its three files."""
    return [write_month(month, folder)[0].parent for month in months]


def land(
    target: Target, deployed: Deployed, drops: Iterable[Path], *, again: bool = False
) -> list[landing.Landed]:
    """Lands the drops one after the other, as three deliveries would come."""
    landed: list[landing.Landed] = []
    for drop in drops:
        parcels = landing.parcels([drop], prefix=deployed.data_prefix)
        landed += landing.land(
            target.client("s3"), bucket=deployed.data_bucket, parcels=parcels, again=again
        )
    return landed


def wait_for_run(
    target: Target, *, pipeline: str, sleep: Callable[[float], None] = time.sleep
) -> Run:
    """The run that the landing started.

    Raises:
        DemoFailedError: none has started in time.
    """
    found: list[Run] = _until(
        lambda: runs.listed(target, pipeline=pipeline, limit=1),
        seconds=START_SECONDS,
        sleep=sleep,
    )
    if not found:
        raise DemoFailedError(
            f"no run of {pipeline} has started within {START_SECONDS:.0f} s of the landing. The "
            "trigger says why in its log: aws logs tail /aws/lambda/… , or `ratchet cloud logs`"
        )
    return found[0]


def last_seen(target: Target, deployed: Deployed) -> dict[str, Any]:
    """What the trigger noted at its last look (trigger/state.json in the artifact bucket)."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(Bucket=deployed.artifacts_bucket, Key="trigger/state.json")
    except s3.exceptions.NoSuchKey:
        return {}
    return dict(json.loads(answer["Body"].read()))


def wait_for_look(
    target: Target,
    deployed: Deployed,
    before: dict[str, Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits until the trigger has seen that objects were put again, and has made up its mind.

    Putting an object changes how its listing looks, and so the fingerprint that the trigger notes
    once it knows the content to have been run.

    Raises:
        DemoFailedError: it has not looked in time.
    """

    def decided() -> bool:
        now = last_seen(target, deployed)
        return now.get("run") != before.get("run") and now.get("pending") is None

    seconds = target.settings.trigger.settle_seconds + START_SECONDS
    if not _until(decided, seconds=seconds, sleep=sleep):
        raise DemoFailedError(
            f"the trigger has not looked at the objects that were put again within {seconds:.0f} s"
        )


def _until(
    question: Callable[[], Any],
    *,
    seconds: float,
    sleep: Callable[[float], None],
    interval: float = 0.5,
) -> Any:
    """The first true answer, or the last false one after `seconds`."""
    for _ in range(max(1, int(seconds / interval))):
        if answer := question():
            return answer
        sleep(interval)
    return question()


def broken_claims(
    state: RunState, found: Findings, *, landed: Iterable[str], manifest: Iterable[Any]
) -> list[str]:
    """What the first run was to show and did not; empty when all of it held.

    Args:
        state: the run, ended.
        found: its reports, gates and models.
        landed: the keys that were landed.
        manifest: the content of the manifest that the run read.
    """
    expected = {"prepare", "train", "champion", "evaluate", "no-regression", "register"}
    succeeded = {step.name for step in state.steps if step.status == "Succeeded"}
    named = {entry for entry in manifest if isinstance(entry, str)}
    report = next((r for r in found.reports.values() if isinstance(r, dict)), {})
    claims = {
        f"the run succeeds (it is {state.run.status})": state.run.status == "Succeeded",
        f"these steps succeed: {', '.join(sorted(expected - succeeded))}": expected <= succeeded,
        "the gate has passed": any(gate.passed for gate in found.gates),
        "a model is registered": len(found.models) == 1,
        "it is version 1": [model.version for model in found.models] == [1],
        "the manifest names every landed file": named == set(landed),
        "there was no champion to compare with": report.get("champion", {}).get("status") == "none",
        "the candidate has an AUC above a coin's": report.get("candidate", {}).get("auc", 0) > 0.5,
    }
    return [claim for claim, held in claims.items() if not held]


def manifest_of(target: Target, state: RunState) -> list[Any]:
    """The manifest that a run was started with."""
    bucket, _, key = state.parameters["InputManifest"].removeprefix("s3://").partition("/")
    body = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return list(json.loads(body))
