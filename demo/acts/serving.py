"""Approved means deployed: the first version serves and answers."""

from __future__ import annotations

from collections.abc import Sequence

from demo.stage import Act, DemoFailedError, Play, claim
from demo.traffic import flights_of, requests_of
from ratchet.deployment import standing
from ratchet.deployment.registry import approval
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.serving import predictions
from ratchet.deployment.standing import Standing
from ratchet.loop import names, packages

MONTH = 7
ASKED = 5
BECAUSE = "the demo says so"


def version_of(play: Play, number: int) -> ModelVersion:
    """A registered version. Raises DemoFailedError when there is none of that number."""
    for version in registry.versions(play.target, play.deployed.model_package_group):
        if version.version == number:
            return version
    raise DemoFailedError(f"version {number} is not registered")


def decide(play: Play, number: int, verdict: approval.Verdict) -> None:
    """What `ratchet approve` and `ratchet reject` do."""
    approval.decide(play.target, version_of(play, number), verdict, because=BECAUSE)
    word = "approve" if verdict == packages.APPROVED else "reject"
    play.stage.say(f"[dim]$ ratchet {word} {number}[/]")


def wait_until_served(play: Play, number: int) -> Standing:
    """Waits until the version is deployed, and claims that it is so in every place that tells."""

    def served() -> Standing | None:
        seen = standing.look(play.target)
        if seen.stack:
            live = f", endpoint {seen.live.status}" if seen.live else ""
            show(f"{seen.stack.name} {seen.stack.status}{live}")
        failed = next((v for v in seen.versions if v.version == number and v.failed), None)
        if failed:
            raise DemoFailedError(f"the deployment of version {number} failed: {failed.failure}")
        return seen if seen.settled and seen.deployed == number else None

    with play.stage.waiting("reconcile_champion updates the stack") as show:
        seen = play.until(served, f"version {number} does not serve", interval=1.0)
    version = version_of(play, number)
    parameters = seen.stack.parameters if seen.stack else {}
    baseline = version.baseline_folder
    claim(
        {
            f"the endpoint runs version {number}": bool(seen.live)
            and seen.live is not None
            and seen.live.version == number,
            f"the stack holds version {number}": parameters.get(names.CHAMPION) == version.arn,
            f"version {number} was registered with a baseline": bool(baseline),
            f"the monitor reads version {number}'s own baseline": parameters.get(names.BASELINE)
            == baseline,
        }
    )
    play.stage.say(
        f"[green]✓[/] version {number} serves on {play.served.endpoint}; "
        f"monitored against its own baseline [dim]({parameters.get(names.ENGINE)})[/]"
    )
    return seen


def _approve(play: Play) -> None:
    decide(play, 1, packages.APPROVED)
    wait_until_served(play, 1)


def _predict(play: Play) -> None:
    flights = flights_of(MONTH, rows=ASKED, label=play.settings.model.label)
    answers = predictions.predict(
        play.target,
        play.served.endpoint,
        requests_of(flights, size=ASKED),
        prefix=predictions.new_prefix(),
    )
    scores = [float(score) for answer in answers for score in answer.predictions]
    for flight, score in zip(flights, scores, strict=True):
        row = flight.columns
        play.stage.say(
            f"{row['carrier']}{row['flight']:>5} {row['origin']} → {row['dest']}  "
            f"{row['year']}-{row['month']:>02}-{row['day']:>02}  late with {score:.0%}"
            f"{'  [dim]it was[/]' if flight.late else ''}"
        )
    claim({"every answer is a probability": _probabilities(scores)})


def _probabilities(scores: Sequence[float]) -> bool:
    return bool(scores) and all(0 <= score <= 1 for score in scores)


ACTS = (
    Act(title="Version 1 is approved, and so it is deployed", seconds=180, play=_approve),
    Act(title="It answers: flights of July", seconds=60, play=_predict),
)
