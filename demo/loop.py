"""The demo's moves: land drops, wait for the run that follows by itself, hold it against claims."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demo.flights import write_month
from demo.stage import Play
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import landing
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.runs.reports import Findings, evaluation
from ratchet.deployment.target.environment import Target
from ratchet.loop import folders, names
from ratchet.loop.facts import TrainingFacts


def write_drops(folder: Path, months: Iterable[int]) -> list[Path]:
    """One folder per month, such as `2013-01`, with its three files."""
    return [write_month(month, folder)[0].parent for month in months]


def land(
    target: Target, deployed: TrainingFacts, drops: Iterable[Path], *, again: bool = False
) -> list[landing.Landed]:
    """Lands the drops one after the other, as three deliveries would come."""
    landed: list[landing.Landed] = []
    for drop in drops:
        parcels = landing.parcels([drop], prefix=deployed.data_prefix)
        landed += landing.land(
            target.client("s3"), bucket=deployed.data_bucket, parcels=parcels, again=again
        )
    return landed


def keys_of(drops: Iterable[Path], deployed: TrainingFacts) -> set[str]:
    """The keys that the files of the drops land as."""
    return {parcel.key for parcel in landing.parcels(list(drops), prefix=deployed.data_prefix)}


def wait_for_run(play: Play, *, after: int) -> Run:
    """The newest run of the training pipeline, once there are more than `after`.

    Raises:
        DemoFailedError: none has started in time.
    """

    def newest() -> Run | None:
        executions = runs.listed(play.target, pipeline=play.deployed.pipeline)
        return executions[0] if len(executions) > after else None

    return play.until(
        newest,
        f"no further run of {play.deployed.pipeline} has started. The trigger says why in its "
        "log: aws logs tail /aws/lambda/… , or `ratchet cloud logs`",
    )


def last_seen(target: Target, deployed: TrainingFacts) -> dict[str, Any]:
    """What the trigger noted at its last look (trigger/state.json in the artifact bucket)."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(
            Bucket=deployed.artifacts_bucket, Key=folders.trigger_state(names.TRAINING)
        )
    except s3.exceptions.NoSuchKey:
        return {}
    return dict(json.loads(answer["Body"].read()))


def wait_for_look(play: Play, before: dict[str, Any]) -> None:
    """Waits until the trigger has seen that objects were put again, and has made up its mind.

    Putting an object changes how its listing looks, and so the fingerprint that the trigger notes
    once it knows the content to have been run.

    Raises:
        DemoFailedError: it has not looked in time.
    """

    def decided() -> bool:
        now = last_seen(play.target, play.deployed)
        return now.get("run") != before.get("run") and now.get("pending") is None

    play.until(decided, "the trigger has not looked at the objects that were put again")


def first_run_claims(
    state: RunState, results: Findings, *, landed: Iterable[str], manifest: Iterable[Any]
) -> dict[str, bool]:
    """What the first run is to show, and whether it did.

    Args:
        state: the run, ended.
        found: its reports, gates and models.
        landed: the keys that were landed.
        manifest: the content of the manifest that the run read.
    """
    # Of the plan, all but the branch that is not taken.
    expected = {p.name for p in state.plan if p.branch is not False}
    succeeded = {step.name for step in state.steps if step.status == "Succeeded"}
    named = {entry for entry in manifest if isinstance(entry, str)}
    report = evaluation(results.reports)
    score = report.get("candidate", {}).get("score", 0)
    return {
        f"the run succeeds (it is {state.run.status})": state.run.status == "Succeeded",
        f"these steps succeed: {', '.join(sorted(expected - succeeded))}": expected <= succeeded,
        "the gate has passed": any(gate.passed for gate in results.gates),
        "a model is registered": len(results.models) == 1,
        "it is version 1": [model.version for model in results.models] == [1],
        "the manifest names every landed file": named == set(landed),
        "there was no champion to compare with": report.get("champion", {}).get("status")
        == names.NONE,
        "the candidate has an AUC above a coin's": score > 0.5,
    }


def manifest_of(target: Target, state: RunState) -> list[Any]:
    """The manifest that a run was started with."""
    bucket, _, key = state.parameters[names.DATA_PARAMETER].removeprefix("s3://").partition("/")
    body = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return list(json.loads(body))


def challenge_claims(
    state: RunState, results: Findings, *, landed: Iterable[str], manifest: Iterable[Any]
) -> dict[str, bool]:
    """What the run that drift started is to show, and whether it did. Arguments as above."""
    named = {entry for entry in manifest if isinstance(entry, str)}
    report = evaluation(results.reports)
    candidate, champion = report.get("candidate", {}), report.get("champion", {})
    return {
        f"the run succeeds (it is {state.run.status})": state.run.status == "Succeeded",
        "its description says that drift started it": "drift" in state.run.description.lower(),
        "the manifest names every landed file": named == set(landed),
        "the champion was scored on the same rows": champion.get("status") == names.SCORED,
        "it was version 1": any(s.metadata.outputs.get("version") == "1" for s in state.steps),
        "the candidate is better": candidate.get("score", 0) > (champion.get("score") or 1),
        "version 2 is registered": [model.version for model in results.models] == [2],
    }
