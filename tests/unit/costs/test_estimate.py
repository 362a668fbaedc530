"""What the next run will cost, and what a change changes in it, by numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from ratchet.costs import change
from ratchet.costs.change import NO_HISTORY, changed, notes
from ratchet.costs.durations import History, history
from ratchet.costs.estimate import Estimate, Planned, estimate, remarks
from ratchet.costs.prices import Price
from tests.unit.costs.past_rows import NOW, ran

MONTH = timedelta(days=30)
PREPARE = Planned(
    step="prepare",
    step_type="Processing",
    component="Processing",
    instance_type="ml.m5.large",
    instance_count=1,
    cache_for=MONTH,
)
TRAIN = replace(
    PREPARE,
    step="train",
    step_type="Training",
    component="Training",
    takes=frozenset({"prepare"}),
)
HALT = replace(PREPARE, step="explain", cache_for=None, gate="no-regression", apart=True)
HOURLY = {"ml.m5.large": "0.1", "ml.m5.xlarge": "0.2"}
PAST = history([ran("prepare", 36, component="Processing"), ran("train", 360, at=40)])


def price(component: str, instance_type: str) -> Price | None:
    amount = HOURLY.get(instance_type)
    return Price(amount=Decimal(amount), source="price-list", date="2026-11-26") if amount else None


def estimated(*planned: Planned, past: History = PAST, **said: float) -> Estimate:
    return estimate("p", planned, history=past, price=price, assumed=said, now=NOW)


def test_each_step_costs_its_usual_time_at_todays_price() -> None:
    found = estimated(PREPARE, replace(TRAIN, instance_count=2))
    assert [line.cost for line in found.lines] == [Decimal("0.001"), Decimal("0.02")]
    assert found.total.amount == Decimal("0.021")
    assert not found.total.at_least
    assert remarks(found.lines[1]) == ["time of runs on ml.m5.large"]


def test_what_is_assumed_takes_the_place_of_past_runs() -> None:
    found = estimated(PREPARE, TRAIN, train=3600)
    assert found.total.amount == Decimal("0.101")
    assert remarks(found.lines[1]) == ["time as assumed"]


def test_a_step_that_never_ran_has_no_cost_and_says_what_to_type() -> None:
    found = estimated(PREPARE, replace(TRAIN, step="new"))
    assert found.lines[1].cost is None
    assert found.total.at_least
    assert remarks(found.lines[1]) == ["no past run: --assume new=10m"]


def test_an_unknown_price_is_no_zero() -> None:
    found = estimated(replace(TRAIN, instance_type="ml.x9.large"))
    assert found.lines[0].cost is None
    assert "no price known for ml.x9.large (Training)" in remarks(found.lines[0])


def test_results_that_are_there_are_taken_and_what_follows_a_change_runs_again() -> None:
    found = estimated(PREPARE, TRAIN)
    assert found.hits == ("prepare", "train")
    assert found.with_hits.amount == 0
    edited = estimated(replace(PREPARE, runs_again=("code",)), TRAIN)
    assert edited.hits == ()
    assert edited.with_hits.amount == edited.total.amount
    uncached = estimated(PREPARE, replace(TRAIN, cache_for=None))
    assert uncached.hits == ("prepare",)


def test_what_runs_only_where_a_gate_does_not_pass_is_apart() -> None:
    found = estimated(PREPARE, HALT)
    assert [line.planned.step for line in found.otherwise] == ["explain"]
    assert found.total.amount == Decimal("0.001")


def test_spot_saves_what_it_saved_before() -> None:
    past = history([ran("train", 360, billed=90, spot=True)])
    (line,) = estimated(replace(TRAIN, spot=True), past=past).lines
    assert (line.cost, line.saved_by_spot) == (Decimal("0.0025"), Decimal("0.0075"))
    assert remarks(line) == ["spot saves 75%"]
    (new,) = estimated(replace(TRAIN, spot=True)).lines
    assert new.cost == Decimal("0.01")
    assert remarks(new) == ["spot: no past run shows what it saves, so the full price counts"]


# -- what a change changes -------------------------------------------------------------------------


def told(before: list[Planned], after: list[Planned], past: History = PAST) -> list[str]:
    return notes(changed(before, after, {}), history=past, price=price)


def test_larger_instances_cost_more_if_they_take_as_long() -> None:
    larger = replace(TRAIN, instance_type="ml.m5.xlarge")
    assert told([PREPARE, TRAIN], [PREPARE, larger]) == [
        "train: ml.m5.large → ml.m5.xlarge: $0.010 → $0.020 a run (+$0.010) if it takes as long as "
        "in the last run (6 min 0 s, on ml.m5.large)"
    ]


def test_each_side_is_priced_by_its_own_runs_where_both_have_run() -> None:
    larger = replace(TRAIN, instance_type="ml.m5.xlarge")
    quick = ran("train", 100, run="r2", instance_type="ml.m5.xlarge")
    both = history([ran("train", 360), quick])
    assert told([TRAIN], [larger], both) == [
        "train: ml.m5.large → ml.m5.xlarge: $0.010 → $0.0056 a run (-$0.0044) by the last run on "
        "ml.m5.large (6 min 0 s) and the last run on ml.m5.xlarge (1 min 40 s)"
    ]


def test_more_changes_are_added_up() -> None:
    twice = [replace(one, instance_count=2) for one in (PREPARE, TRAIN)]
    assert told([PREPARE, TRAIN], twice)[-1] == "together +$0.011 a run"


def test_without_a_past_run_the_price_of_an_hour_is_compared() -> None:
    larger = replace(TRAIN, instance_type="ml.m5.xlarge", instance_count=2)
    assert told([TRAIN], [larger], NO_HISTORY) == [
        "train: ml.m5.large → 2 × ml.m5.xlarge: $0.1/h → $0.4/h; no past run says for how long"
    ]


def test_cache_settings_cost_a_run_when_it_takes_no_earlier_result() -> None:
    assert told([TRAIN], [replace(TRAIN, cache_for=None)]) == [
        "train: no longer cached, so every run pays for it: a run that takes no earlier result "
        "costs $0.010 if it takes as long as in the last run (6 min 0 s)"
    ]
    shorter = replace(TRAIN, cache_for=timedelta(days=7))
    assert "cached for 7 days instead of 30 days" in told([TRAIN], [shorter])[0]
    (offline,) = told([TRAIN], [shorter], NO_HISTORY)
    assert offline.endswith("$0.1/h; no past run says for how long")


def test_steps_that_come_and_go_are_told() -> None:
    assert told([PREPARE], [PREPARE, TRAIN])[0].startswith(
        "train: new, on ml.m5.large: $0.010 a run (+$0.010)"
    )
    assert told([PREPARE, TRAIN], [PREPARE])[0].startswith(
        "train: gone, was on ml.m5.large: $0.010 a run (-$0.010)"
    )


def test_an_unknown_price_says_so() -> None:
    odd = replace(TRAIN, instance_type="ml.x9.large")
    assert told([TRAIN], [odd]) == [
        "train: ml.m5.large → ml.x9.large: no price known for ml.x9.large, so its cost is unknown"
    ]


def test_nothing_is_told_of_what_stays() -> None:
    assert told([PREPARE, TRAIN], [PREPARE, TRAIN]) == []
    assert list(change.steps(changed([TRAIN], [replace(TRAIN, spot=True)], {}))) == ["train"]
