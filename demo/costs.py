"""What a run of the demo cost, by the rows that are recorded of it: its real durations at list
prices, for instances that nobody rented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal

from rich.markup import escape

from demo.stage import Play, claim
from ratchet.costs import money, rows
from ratchet.costs.rows import Row
from ratchet.deployment.runs.executions import RunState


def show(play: Play, state: RunState) -> None:
    """Waits for the rows of a run that has ended, holds them against its steps, and says its price.

    Raises:
        DemoFailedError: there are none in time, or they lack a step.
    """
    with play.stage.waiting("waiting until what it cost is recorded"):
        records = play.until(
            lambda: settled(recorded(play, state)),
            f"what {state.run.name} cost has not been recorded. The function record_run says why "
            "in its log: `ratchet cloud logs`",
        )
    claim(claims(state, records))
    play.stage.say(price_sentence(records))


def recorded(play: Play, state: RunState) -> list[Row]:
    """The rows of the run, as far as there are some."""
    s3, run = play.target.client("s3"), state.run
    key = rows.key(run.pipeline, run.started.astimezone(UTC).date())
    try:
        answer = s3.get_object(Bucket=play.deployed.artifacts_bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return []
    return [row for row in rows.read(answer["Body"].read()) if row.run == run.id]


def settled(records: Sequence[Row]) -> Sequence[Row]:
    """The rows, once they are those of a run that has ended."""
    return records if all(row.run_status in rows.ENDED and not row.open for row in records) else ()


def claims(state: RunState, records: Sequence[Row]) -> dict[str, bool]:
    """What the rows are to show, and whether they do."""
    jobs = {step.name for step in state.steps if step.job}
    missing = jobs - {row.step for row in records}
    return {
        f"every step that ran has a row of costs (none: {', '.join(sorted(missing))})": not missing,
        "the run has cost something": bool(unpriced(records)) or _total(records) > 0,
    }


def unpriced(records: Sequence[Row]) -> list[str]:
    """Instance types whose price is not known: the package has it of few regions."""
    return sorted({row.instance_type for row in records if row.cost is None})


def price_sentence(records: Sequence[Row]) -> str:
    """One line, as Rich markup: the total, and of how long on which instances it is made."""
    if unknown := unpriced(records):
        return (
            f"What it cost is not known: no price of {escape(', '.join(unknown))} is listed in "
            "this region. [dim]RATCHET_PRICES=FILE lists others[/]"
        )
    seconds: dict[tuple[str, Decimal], float] = {}
    for row in records:
        if row.cost and row.price:
            kind = row.instance_type, row.price
            seconds[kind] = seconds.get(kind, 0) + float(row.units or 0) * 3600
    parts = [
        f"{spent:.1f} s of {escape(instance)} at ${price:f} an hour"
        for (instance, price), spent in sorted(seconds.items())
    ]
    return (
        f"It cost [bold]{money.shown(_total(records))}[/] at list prices, on instances "
        f"that were not really used: {', '.join(parts)}. [dim]By step: ratchet costs --by step[/]"
    )


def _total(records: Sequence[Row]) -> Decimal:
    return money.total(row.cost for row in records if row.cost is not None)
