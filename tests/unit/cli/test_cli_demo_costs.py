"""What the demo says its runs cost, and what it holds their rows to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from demo import costs
from demo.stage import DemoFailedError
from ratchet.costs import rows
from ratchet.costs.rows import Row
from ratchet.deployment.runs import executions as runs
from tests.unit.cli.fake_deployment import PIPELINE, FakeRun, World
from tests.unit.cli.test_cli_demo import Silent, play_at


def priced(run: FakeRun, step: str, seconds: int, *, component: str = "Processing") -> Row:
    units = Decimal(seconds) / 3600
    return Row(
        kind="step",
        recorded_at="2013-04-01T00:00:00.000Z",
        project="flights",
        environment="dev",
        owner="ml",
        cost_center="1",
        pipeline=PIPELINE,
        run=run.id,
        run_status="Succeeded",
        step=step,
        step_type=component,
        component=component,
        instance_type="ml.m5.large",
        instance_count=1,
        units=units,
        price=Decimal("0.36"),
        cost=units * Decimal("0.36"),
    )


def record(world: World, run: FakeRun, found: Sequence[Row]) -> None:
    world.s3.objects["artifacts", rows.key(PIPELINE, run.started.date())] = rows.write(found)


def jobs_of(world: World, run: FakeRun) -> list[str]:
    state = runs.read(world.target, runs.find(world.target, run.id))
    return [step.name for step in state.steps if step.job]


def complete(world: World, run: FakeRun) -> list[Row]:
    return [priced(run, name, 100) for name in jobs_of(world, run)]


def shown(world: World, run: FakeRun, tmp_path: Path) -> list[str]:
    play, _ = play_at(world.target, tmp_path, seconds=10)
    costs.show(play, runs.read(world.target, runs.find(world.target, run.id)))
    assert isinstance(play.stage, Silent)
    return play.stage.said


def test_the_price_of_a_run_is_said_with_what_it_is_made_of(
    world: World, passed: FakeRun, tmp_path: Path
) -> None:
    found = complete(world, passed)
    record(world, passed, [*found, replace(found[0], run="another")])
    (said,) = shown(world, passed, tmp_path)
    seconds = 100 * len(found)
    assert f"[bold]${seconds / 10_000:.2f}[/] at list prices" in said
    assert "not really used" in said
    assert f"{seconds}.0 s of ml.m5.large at $0.36 an hour" in said


def test_the_demo_waits_for_the_rows_of_a_run_that_has_ended(
    world: World, passed: FakeRun, tmp_path: Path
) -> None:
    found = complete(world, passed)
    play, clock = play_at(world.target, tmp_path)
    running = [replace(row, run_status="Executing") for row in found]
    clock.meanwhile = [
        lambda: record(world, passed, running),
        lambda: record(world, passed, found),
    ]
    costs.show(play, runs.read(world.target, runs.find(world.target, passed.id)))
    assert not clock.meanwhile


def test_a_run_that_is_never_recorded_fails_the_demo(
    world: World, passed: FakeRun, tmp_path: Path
) -> None:
    with pytest.raises(DemoFailedError, match=r"in vain: what .* cost has not been recorded"):
        shown(world, passed, tmp_path)


def test_a_step_without_a_row_fails_the_demo(world: World, passed: FakeRun, tmp_path: Path) -> None:
    first, *others = complete(world, passed)
    record(world, passed, others)
    with pytest.raises(DemoFailedError, match=rf"has a row of costs \(none: {first.step}\)"):
        shown(world, passed, tmp_path)


def test_a_price_that_is_not_known_is_said_and_no_sum_is(
    world: World, passed: FakeRun, tmp_path: Path
) -> None:
    first, *others = complete(world, passed)
    unknown = replace(first, instance_type="ml.x9.large", price=None, cost=None)
    record(world, passed, [unknown, *others])
    (said,) = shown(world, passed, tmp_path)
    assert "not known: no price of ml.x9.large is listed" in said
    assert "$" not in said


def test_a_run_that_cost_nothing_fails_the_demo(
    world: World, passed: FakeRun, tmp_path: Path
) -> None:
    record(world, passed, [replace(row, cost=Decimal(0)) for row in complete(world, passed)])
    with pytest.raises(DemoFailedError, match="the run has cost something"):
        shown(world, passed, tmp_path)
