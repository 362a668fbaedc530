"""What recorded rows add up to, against sums done by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.costs import money, rows
from ratchet.costs.rows import Row
from ratchet.costs_report import models, period, recorded_rows, report, sources
from ratchet.costs_report.recorded_rows import ReportRow
from ratchet.costs_report.report import By, CostReport
from tests.unit.costs_report.recorded_rows import (
    EVALUATION,
    TRAINING,
    priced,
    read_all,
    step_row,
)

TODAY = date(2026, 11, 26)
PERIOD = period.read(None, None, today=TODAY)
SPREADSHEET = Path(__file__).parent / "spreadsheet.csv"
# Added up by hand from spreadsheet.csv, to the nanodollar.
BY_PIPELINE = {
    "flights-dev": "1.344",
    TRAINING: "0.8165",
    "flights-dev-artifacts": "0.0092",
    EVALUATION: "0.005781944",
}
BY_MONTH = {"2026-11": "1.358981944", "2026-10": "0.69", "2026-09": "0.1265"}
BY_STEP = {
    ("", "flights-dev"): "1.344",
    ("train", TRAINING): "0.805",
    ("prepare", TRAINING): "0.0115",
    ("", "flights-dev-artifacts"): "0.0092",
    ("evaluate", EVALUATION): "0.005781944",
    ("register", TRAINING): "0",
}
TOTAL, SAVED_BY_CACHE, SAVED_BY_SPOT = "2.175481944", "0.023", "0.23"


def recorded(found: Iterable[Row], days: Iterable[date] | None = None) -> list[ReportRow]:
    """As if each row lay in the object of the day on which it started."""
    listed = list(found)
    of = days or [date.fromisoformat((row.started or "2026-11-20")[:10]) for row in listed]
    return read_all((rows.write([row]), day) for row, day in zip(listed, of, strict=True))


def of_spreadsheet() -> list[Row]:
    return [_of(line) for line in csv.DictReader(SPREADSHEET.open())]


def _of(line: dict[str, str]) -> Row:
    started = f"{line['day']}T06:00:00.000Z"
    cost = Decimal(line["cost"]) if line["cost"] else None
    if line["pipeline"].startswith("_"):
        kind = {"_endpoint": "endpoint", "_storage": "storage"}[line["pipeline"]]
        named = {"kind": kind, "pipeline": line["pipeline"], "resource": line["step"]}
        return priced(line["cost"], **named, run="", run_name="", step="", started=started)
    cached = Decimal(line["cache_saved"])
    common: dict[str, Any] = {
        "pipeline": f"flights-dev-{line['pipeline']}",
        "run": line["run"],
        "step": line["step"],
        "started": started,
        "units": Decimal(line["hours"]),
        "saved_by_spot": Decimal(line["spot_saved"]),
        "saved_by_cache": cached,
        "cache_hit": bool(cached),
        "model_version": int(line["version"]) if line["version"] else None,
    }
    if cost:
        assert money.rounded(common["units"] * Decimal(line["price"])) == cost
    return (
        step_row(**common, cost=cost)
        if not cost and cost is not None
        else priced(line["cost"] or None, **common)
    )


def made(by: By | None = None, **more: Any) -> CostReport:
    return report.report(recorded(of_spreadsheet()), by=by, period=PERIOD, today=TODAY, **more)


def test_the_report_adds_up_to_the_spreadsheet() -> None:
    found = made("pipeline")
    assert {x.name: x.spent.cost for x in found.lines} == {
        name: Decimal(cost) for name, cost in BY_PIPELINE.items()
    }
    assert [x.name for x in found.lines] == list(BY_PIPELINE), "the dearest first"
    total = found.total
    assert (total.cost, total.unknown, total.runs) == (Decimal(TOTAL), 1, 6)
    assert (total.saved_by_cache, total.saved_by_spot) == (
        Decimal(SAVED_BY_CACHE),
        Decimal(SAVED_BY_SPOT),
    )
    assert total.cached == 2


def test_months_and_steps_add_up_to_the_spreadsheet() -> None:
    by_month = {x.name: x.spent.cost for x in made("month").lines}
    assert by_month == {name: Decimal(cost) for name, cost in BY_MONTH.items()}
    assert list(by_month) == list(BY_MONTH), "the newest first"
    by_step = {(x.step, x.name): x.spent.cost for x in made("step").lines}
    assert by_step == {name: Decimal(cost) for name, cost in BY_STEP.items()}


@pytest.mark.parametrize("by", ["run", "experiment", "pipeline", "step", "month"])
def test_every_way_to_group_adds_up_to_the_same_total(by: By) -> None:
    found = made(by)
    assert sum(x.spent.cost for x in found.lines) == Decimal(TOTAL) == found.total.cost
    assert sum(x.spent.unknown for x in found.lines) == 1
    if by not in {"run", "month"}:
        for line in found.lines:
            assert sum(one.cost for one in line.trend) == line.spent.cost


def test_an_unknown_price_is_counted_and_never_zero() -> None:
    (line,) = [x for x in made("run").lines if x.run == "f6"]
    assert (line.spent.cost, line.spent.unknown) == (Decimal(0), 1)
    assert made("run").prices.gaps == (
        sources.Gap(
            kind="step",
            where=TRAINING,
            step="train",
            component="Training",
            instance_type="ml.m5.xlarge",
            rows=1,
        ),
    )


def test_what_is_not_described_any_more_is_told_from_what_has_no_price() -> None:
    unseen = step_row(units=None, cost=None, price_source=rows.UNKNOWN, attempt=1)
    (gap,) = sources.prices(recorded([unseen])).gaps
    assert (gap.step, gap.component, gap.instance_type) == ("train", "", "")


def test_a_model_costs_what_all_runs_since_the_last_version_cost() -> None:
    found = made("model").models
    newest, second, first = found.lines
    assert (newest.run, newest.unknown, newest.cost) == ("", 1, Decimal(0))
    assert not newest.versions
    assert (second.versions, second.run, second.runs, second.cost) == (
        (2,),
        "c3",
        2,
        Decimal("0.69"),
    )
    assert (first.versions, first.cost) == ((1,), Decimal("0.1265"))
    assert found.per_version == Decimal("0.40825")


def test_without_a_version_there_is_no_cost_of_one() -> None:
    found = models.models(recorded([priced("1")]))
    assert (found.lines, found.per_version) == ((), None)


def test_runs_are_of_the_day_of_their_object_whenever_their_steps_began() -> None:
    late = priced("1", step="train", started="2026-11-01T00:10:00.000Z")
    early = priced("2", step="prepare", started="2026-10-31T23:50:00.000Z")
    found = report.report(
        recorded([late, early], [date(2026, 10, 31)] * 2), by="run", period=PERIOD, today=TODAY
    )
    (line,) = found.lines
    assert [month.name for month in found.months] == ["2026-10"]
    assert line.started == early.started


def test_a_step_that_never_began_does_not_hide_when_its_run_did() -> None:
    own = [priced("1"), step_row(step="register", started="")]
    found = report.report(recorded(own), by="run", period=PERIOD, today=TODAY)
    assert [line.started for line in found.lines] == [own[0].started]


def test_a_saving_that_is_not_known_is_counted_apart() -> None:
    hits = [
        step_row(cache_hit=True, saved_by_cache=Decimal("0.5"), run="x"),
        step_row(cache_hit=True, saved_by_cache=None, run="y"),
    ]
    total = report.report(recorded(hits), by=None, period=PERIOD, today=TODAY).total
    assert (total.cost, total.cached) == (Decimal(0), 2)
    assert (total.saved_by_cache, total.unknown_savings) == (Decimal("0.5"), 1)


def test_prices_say_where_they_are_from_and_of_when() -> None:
    own = [
        priced("1", price_date="2026-11-01"),
        priced("1", price_date="2026-11-20", run="b"),
        priced("1", price_source=rows.BUNDLED, price_date="2026-07-01", run="c"),
        step_row(step="condition"),
    ]
    found = sources.prices(recorded(own))
    assert found.listed is not None
    assert (found.listed.rows, found.listed.first, found.listed.last) == (
        2,
        "2026-11-01",
        "2026-11-20",
    )
    assert found.bundled is not None
    assert (found.bundled.rows, found.bundled.last) == (1, "2026-07-01")


def test_sums_of_many_small_amounts_stay_exact() -> None:
    own = [priced("0.000000001", run=f"r{n}") for n in range(1000)]
    one_object = recorded_rows.read(rows.write(own), day=TODAY)
    found = report.report(one_object, by=None, period=PERIOD, today=TODAY)
    assert found.total.cost == Decimal("0.000001")


def test_rows_of_an_older_version_without_a_member_are_read() -> None:
    text = b'{"kind":"step","pipeline":"p","run":"r","cost":0.5,"saved_by_cache":0}\n\n'
    found = report.report(recorded_rows.read(text, day=TODAY), by="run", period=PERIOD, today=TODAY)
    assert [(x.run, x.experiment, x.spent.cost) for x in found.lines] == [("r", "", Decimal("0.5"))]


@pytest.mark.parametrize("text", [b"[1]\n", b'{"kind": 1}\n', b"{", b'{"cost": "much"}\n'])
def test_what_is_no_row_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's own words
        recorded_rows.read(text, day=TODAY)


def test_objects_are_read_alike_together_and_one_by_one() -> None:
    texts = [rows.write([priced("1", run="a")]), b"", rows.write([priced("2", run="b")])]
    days = [date(2026, 10, 1), date(2026, 10, 2), date(2026, 11, 1)]
    lines = [rows.unpacked(body) for body in texts]
    blank = [lines[0] + b"\n\n", b"\n", lines[2].rstrip()]
    for own in (texts, blank):
        found = read_all(list(zip(own, days, strict=True)))
        assert [row.day for row in found] == [days[0], days[2]]
        assert [row.run for row in found] == ["a", "b"]
    with pytest.raises(ValueError):  # noqa: PT011 - the reader's own words
        read_all([(texts[0], days[0]), (b'{"cost": "much"}\n', days[1])])
    assert read_all([]) == []


def test_nothing_recorded_is_an_empty_report() -> None:
    found = report.report([], by="step", period=PERIOD, today=TODAY)
    assert not found.lines
    assert not found.months
    assert not found.total.cost
    assert recorded_rows.read(b"\n", day=TODAY) == []
