"""How long a step takes is read from the past runs that say something about it."""

from __future__ import annotations

from datetime import timedelta

from ratchet.costs.durations import RUNS, history
from tests.unit.costs.past_rows import NOW, ran

HERE = ("ml.m5.large", 1)


def test_the_median_and_the_slowest_tenth_of_the_newest_runs() -> None:
    past = [ran("train", 100 + n, run=f"r{n}", ago_days=n) for n in range(1, 31)]
    took = history(past).took("train", *HERE)
    assert took
    assert (took.runs, took.median) == (RUNS, 110.5)  # 101 … 120
    assert round(took.high, 3) == 118.1


def test_one_run_is_better_than_none() -> None:
    took = history([ran("train", 100)]).took("train", *HERE)
    assert took
    assert (took.median, took.high, took.runs) == (100, 100, 1)
    assert history([]).took("train", *HERE) is None


def test_runs_on_the_same_instances_count_before_those_on_others() -> None:
    past = [
        ran("train", 50, run="a", ago_days=1, instance_type="ml.m5.xlarge"),
        ran("train", 100, run="b", ago_days=2, instance_count=2),
        ran("train", 200, run="c", ago_days=3),
    ]
    took = history(past).took("train", *HERE)
    assert took
    assert took.median == 200
    other = history(past).took("train", "ml.m5.large", 4)  # the same type, another number
    assert other
    assert (other.median, other.instance_count) == (100, 2)
    newest = history(past).took("train", "ml.g5.xlarge", 1)
    assert newest
    assert (newest.median, newest.instance_type) == (50, "ml.m5.xlarge")


def test_cached_steps_say_nothing_of_how_long_they_take() -> None:
    past = [ran("train", 100), ran("train", 0, run="r2", cache_hit=True)]
    took = history(past).took("train", *HERE)
    assert took
    assert (took.median, took.runs) == (100, 1)


def test_what_may_have_failed_does_not_count_and_what_came_before_it_does() -> None:
    past = [
        ran("prepare", 10, run_status="Failed"),
        ran("train", 5, run_status="Failed", at=20),
    ]
    known = history(past)
    assert known.took("train", *HERE) is None
    assert known.took("prepare", *HERE)


def test_spot_counts_as_it_ran_and_says_what_it_spared() -> None:
    past = [
        ran("train", 100, billed=30, spot=True),
        ran("train", 100, run="r2", billed=10, spot=True),
    ]
    known = history(past)
    took = known.took("train", *HERE)
    assert took
    assert took.median == 100
    assert known.spared_by_spot("train") == 0.8
    assert known.spared_by_spot("prepare") is None


def test_a_result_is_kept_as_long_as_the_cache_says() -> None:
    known = history([ran("train", 100, ago_days=10)])
    assert known.has_fresh_result("train", timedelta(days=30), NOW)
    assert not known.has_fresh_result("train", timedelta(days=7), NOW)
    assert not known.has_fresh_result("prepare", timedelta(days=30), NOW)
