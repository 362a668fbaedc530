"""`ratchet costs`, and what runs cost in `ratchet runs` and `ratchet show`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from ratchet.cli.commands import costs as command
from ratchet.cli.views import cost_words
from ratchet.cli.views.cost_view import Drawing, grouped, overview
from ratchet.costs import rows
from ratchet.costs.rows import Row
from ratchet.costs_report import period, recorded_rows, report
from ratchet.costs_report.grouping import Amount
from ratchet.costs_report.report import By, CostReport
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import PIPELINE, START, FakeRun, World
from tests.unit.cli.golden_files import drawn, hold
from tests.unit.costs_report.recorded_rows import LAST, objects, priced, read_all, step_row

PERIOD = period.read(None, None, today=LAST)


def recorded(by: By | None = None, *, experiment: str = "", limit: int | None = None) -> CostReport:
    dated = [
        (body, date.fromisoformat(Path(key).name[:10]))
        for key, body in objects(runs=60, days=80).items()
    ]
    listed = read_all((body, day) for body, day in dated if day in PERIOD)
    of_experiment = recorded_rows.of_experiment(listed, experiment)
    return report.report(
        of_experiment, by=by, period=PERIOD, today=LAST, experiment=experiment, limit=limit
    )


def at(width: int) -> Drawing:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    return Drawing(now=now, width=width, prefix="flights-dev-")


def test_the_overview_is_drawn() -> None:
    hold("costs.txt", drawn(overview(recorded(), at(100))))


def test_each_grouping_is_drawn() -> None:
    ways: tuple[By, ...] = ("run", "experiment", "step", "month", "model")
    parts = [part for by in ways for part in grouped(recorded(by, limit=5), at(100))]
    hold("costs_by.txt", drawn(parts))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("by", ["run", "experiment", "pipeline", "step"])
def test_no_amount_is_cut_in_a_narrow_terminal(by: By, width: int) -> None:
    made = recorded(by)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(*grouped(made, at(width)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text.replace("… and", "")
    assert cost_words.shown(made.total) in text


def keep(world: World, *found: Row, day: date) -> None:
    for pipeline in {row.pipeline for row in found}:
        own = [row for row in found if row.pipeline == pipeline]
        world.s3.objects["artifacts", rows.key(pipeline, day)] = rows.write(own)


@pytest.fixture
def kept(world: World) -> World:
    today = datetime.now(UTC).date()
    endpoint = priced("2.5", kind="endpoint", pipeline=rows.ENDPOINTS, resource="e", run="")
    keep(
        world,
        priced("0.25", run="one", experiment="deep", saved_by_spot=Decimal("0.5")),
        step_row(run="one", step="prepare", cache_hit=True, saved_by_cache=Decimal("0.125")),
        replace(endpoint, run_name="", run_status="", experiment="", step=""),
        day=today,
    )
    keep(world, priced(None, run="two"), day=today - timedelta(days=1))
    keep(world, priced("100", run="old"), day=today - timedelta(days=400))
    return world


def test_costs_of_the_last_three_months_are_said(type_: Type, kept: World) -> None:
    result = type_("costs")
    assert result.exit_code == 0, result.output
    assert "at least $2.75 in 2 runs: 1 job without a price" in result.stdout
    assert "caching saved       $0.13, in 1 cache hit" in result.stdout
    assert "spot saved          $0.50" in result.stdout
    assert "no price of ml.m5.xlarge for Training" in result.stdout
    assert "ratchet costs --by run" in result.stderr


def test_prices_of_the_package_are_said_loudly(type_: Type, world: World) -> None:
    own = priced("1", price_source=rows.BUNDLED, price_date="2026-07-01")
    keep(world, own, day=datetime.now(UTC).date())
    said = type_("costs", "--by", "run").stdout
    assert "! 1 row is priced by the table in the package, of 2026-07-01" in said


def test_only_what_the_period_needs_is_fetched(
    type_: Type, kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    get: Callable[..., dict[str, Any]] = kept.s3.get_object

    def counted(**given: Any) -> dict[str, Any]:
        fetched.append(given["Key"])
        return get(**given)

    monkeypatch.setattr(kept.s3, "get_object", counted)
    type_("costs", "--since", "1d")
    assert len(fetched) == 2
    type_("costs", "--since", "2000-01-01", "--pipeline", "training")
    assert len(fetched) == 5


def test_json_and_csv_give_nine_places(type_: Type, kept: World) -> None:
    told = json.loads(type_("costs", "--by", "run", "--format", "json").stdout)
    assert told == json.loads(type_("costs", "--by", "run", "--json").stdout)
    assert told["total"]["cost"] == "2.750000000"
    assert told["total"]["unknown"] == 1
    assert told["unknown"][0]["instance_type"] == "ml.m5.xlarge"
    lines = list(
        csv.DictReader(io.StringIO(type_("costs", "--by", "run", "--format", "csv").stdout))
    )
    assert [line["cost"] for line in lines] == ["2.500000000", "0.250000000", "0.000000000"]
    assert [line["unknown"] for line in lines] == ["0", "0", "1"]
    assert [line["kind"] for line in lines] == ["endpoint", "step", "step"]


@pytest.mark.parametrize("by", [one.value for one in command.By])
def test_every_grouping_prints_a_table_csv_and_json(type_: Type, kept: World, by: str) -> None:
    for form in ("table", "csv", "json"):
        result = type_("costs", "--by", by, "--format", form)
        assert result.exit_code == 0, result.output


def test_costs_of_one_experiment_leave_the_endpoint_out(type_: Type, kept: World) -> None:
    told = json.loads(type_("costs", "--experiment", "deep", "--json").stdout)
    assert told["total"]["cost"] == "0.250000000"
    refused = type_("costs", "--experiment", "deeper")
    assert refused.exit_code == 1
    assert "did you mean deep?" in refused.stderr


def test_an_unknown_pipeline_is_answered_with_the_recorded_ones(type_: Type, kept: World) -> None:
    result = type_("costs", "--pipeline", "trainin")
    assert result.exit_code == 1
    assert "did you mean training?" in result.stderr


def test_a_time_that_is_none_is_a_wrong_command_line(type_: Type, kept: World) -> None:
    result = type_("costs", "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is no time" in result.stderr


def test_an_object_that_holds_no_rows_is_named(type_: Type, kept: World) -> None:
    key = rows.key("flights-dev-training", datetime.now(UTC).date())
    kept.s3.objects["artifacts", key] = b'{"cost": "much"}\n'
    result = type_("costs")
    assert result.exit_code == 1
    assert f"s3://artifacts/{key} holds a line that is no row of costs" in result.stderr


def test_nothing_recorded_says_why_and_what_to_type(type_: Type, world: World) -> None:
    result = type_("costs")
    assert result.exit_code == 0
    assert "the Operations stack, which records runs, is not deployed" in result.stdout
    assert "ratchet deploy" in result.stderr
    world.ssm.parameters[world.target.settings.parameter("operations")] = "{}"
    assert "recorded soon after it ends" in type_("costs").stdout
    keep(world, priced("1"), day=date(2025, 1, 3))
    later = type_("costs")
    assert "the records are from 2025-01-03 to 2025-01-03" in later.stdout
    assert "ratchet costs --since 2025-01-03 --until 2025-01-03" in later.stderr
    assert json.loads(type_("costs", "--json").stdout)["lines"] == []


def of_run(run: FakeRun, *own: Row) -> list[Row]:
    return [replace(row, run=run.id, pipeline=PIPELINE, run_status=run.status) for row in own]


def test_runs_and_show_say_what_was_recorded(type_: Type, world: World, passed: FakeRun) -> None:
    own = of_run(
        passed,
        priced("0.42", step="train"),
        priced(None, step="evaluate"),
        step_row(step="prepare", cache_hit=True, saved_by_cache=Decimal("0.1")),
    )
    keep(world, *own, day=START.date())
    assert "≥ $0.42" in type_("runs").stdout
    shown = type_("show", passed.id).stdout
    assert "cost ≥ $0.42, saved $0.10" in shown
    train, evaluate, prepare = (
        next(line for line in shown.splitlines() if f" {name} " in line)
        for name in ("train", "evaluate", "prepare")
    )
    assert "$0.42" in train
    assert "unknown" in evaluate
    assert "$0.00" in prepare
    told = json.loads(type_("show", passed.id, "--json").stdout)
    assert told["cost"] == {"cost": "0.420000000", "saved": "0.100000000", "unknown": 1}
    assert json.loads(type_("runs", "--json").stdout)[0]["cost"] == told["cost"]


def test_a_run_that_is_recorded_while_it_runs_says_so(
    type_: Type, world: World, running: FakeRun
) -> None:
    keep(world, *of_run(running, priced("0.1")), day=START.date())
    assert "cost $0.10 so far" in type_("show", running.id).stdout


def test_runs_without_a_record_or_a_readable_one_are_listed_without_a_cost(
    type_: Type, world: World, passed: FakeRun
) -> None:
    assert "cost" not in type_("runs").stdout
    assert json.loads(type_("show", "latest", "--json").stdout)["cost"] is None
    world.s3.objects["artifacts", rows.key(PIPELINE, START.date())] = b"no row"
    assert type_("runs").exit_code == 0


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (Amount(cost=Decimal("1.2")), "$1.20"),
        (Amount(cost=Decimal("1.2"), unknown=2), "≥ $1.20"),
        (Amount(unknown=1), "unknown"),
        (Amount(), "$0.00"),
    ],
)
def test_an_amount_never_hides_what_is_unknown(amount: Amount, said: str) -> None:
    assert cost_words.shown(amount) == said


def test_bars_and_trends_show_the_smallest_amount() -> None:
    one, hundred = Decimal(1), Decimal(100)
    assert cost_words.bar(hundred, hundred, 4) == "████"
    assert cost_words.bar(Decimal("0.001"), hundred, 4) == "▏"
    assert cost_words.bar(Decimal(0), hundred, 4) == ""
    assert cost_words.share(Decimal("0.4"), hundred) == "<1 %"
    assert cost_words.share(one, hundred) == "1 %"
    amounts = [Amount(cost=hundred), Amount(cost=one), Amount(), Amount(unknown=1)]
    assert cost_words.spark(amounts) == "█▁·?"


def test_names_are_shown_as_they_are_written() -> None:
    own = [priced("1", run="r", experiment="[red]x", run_name="[b]")]
    read = read_all([(rows.write(own), LAST)])
    found = report.report(read, by="experiment", period=PERIOD, today=LAST)
    assert "[red]x" in drawn(grouped(found, at(100)))
    assert Text.from_markup(cost_words.total_sentence(found)).plain == "$1.00 in 1 run"
