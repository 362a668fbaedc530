"""A better model takes over while a client calls, and the one before comes back."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from demo.acts.serving import MONTH, decide, wait_until_served
from demo.stage import Act, Play, claim
from demo.traffic import Client, Tally, flights_of, requests_of
from ratchet.deployment.registry import approval
from ratchet.loop import packages

SECONDS_AFTER = 3.0
"""The client calls on, so that what is taken down last would be missed."""
FEWEST = 20
"""Calls, below which nothing is shown."""


def _runtime(play: Play) -> Any:
    """A client that does not try again: what fails is to be seen."""
    from botocore.config import Config

    target = play.target
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, proxies={})
    return target.session.client("sagemaker-runtime", endpoint_url=target.endpoint, config=config)


def _change(play: Play, number: int, verdict: approval.Verdict, *, then: int) -> Tally:
    """Decides on a version and waits until `then` serves, while a client calls throughout."""
    (batch,) = requests_of(flights_of(MONTH, rows=1, label=play.settings.model.label), size=1)
    with Client(_runtime(play), play.served.endpoint, batch) as client:
        play.until(lambda: client.tally.answers, "the endpoint does not answer")
        decide(play, number, verdict)
        wait_until_served(play, then)
        play.sleep(SECONDS_AFTER)
    tally = client.tally
    play.stage.say(
        f"{tally.calls:,} calls meanwhile, {len(tally.failures)} failed; the same flight was late "
        f"with {tally.answers[0]:.1%} before and is with {tally.answers[-1]:.1%} now; "
        f"slowest {tally.slowest * 1000:.0f} ms"
    )
    for failure in tally.failures[:3]:
        play.stage.say(f"[red]{escape(failure)}[/]")
    claim(
        {
            f"no call failed ({len(tally.failures)} did)": not tally.failures,
            f"at least {FEWEST} calls were made": tally.calls >= FEWEST,
            "another model answers": tally.answers[0] != tally.answers[-1],
        }
    )
    return tally


def _swap(play: Play) -> None:
    _change(play, 2, packages.APPROVED, then=2)


def _back(play: Play) -> None:
    _change(play, 2, packages.REJECTED, then=1)


ACTS = (
    Act(title="Version 2 is approved: swapped while a client calls", seconds=240, play=_swap),
    Act(
        title="Version 2 is rejected: version 1 serves again, with its own baseline",
        seconds=240,
        play=_back,
    ),
)
