"""Rows keep what was recorded, exactly, however often and in whatever order it is recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.costs import money, rows
from ratchet.costs.rows import Row

BASE = Row(
    kind="step",
    recorded_at="2026-11-26T12:10:00.000Z",
    project="flights",
    environment="dev",
    owner="ml-platform",
    cost_center="ml-0001",
    pipeline="flights-dev-training",
    run="abc",
    run_status="Succeeded",
    step="train",
    step_type="Training",
    attempt=1,
    job_arn="arn:aws:sagemaker:us-east-1:000000000000:training-job/abc-train",
    units=Decimal("0.1"),
    price=Decimal("0.115"),
    cost=Decimal("0.0115"),
)

amounts = st.decimals("0", "999999", places=9)
some = st.builds(
    Row,
    kind=st.sampled_from(["step", "endpoint", "storage"]),
    recorded_at=st.text(),
    project=st.text(),
    environment=st.just("dev"),
    owner=st.just("o"),
    cost_center=st.just("c"),
    pipeline=st.text(),
    run=st.text(),
    attempt=st.integers(0, 9),
    billed_seconds=st.integers(0, 10**9).map(lambda ms: ms / 1000),
    units=st.none() | amounts,
    price=st.none() | amounts,
    cost=st.none() | amounts,
    saved_by_cache=st.none() | amounts,
    spot=st.booleans(),
    model_version=st.none() | st.integers(1, 99),
)


@given(st.lists(some, max_size=4))
def test_what_is_written_is_read_back_to_the_nanodollar(found: list[Row]) -> None:
    assert sorted(map(rows.line, rows.read(rows.write(found)))) == sorted(map(rows.line, found))
    assert sorted(rows.read(rows.write(found)), key=rows.line) == sorted(found, key=rows.line)


def test_the_same_rows_are_the_same_text_in_whatever_order() -> None:
    other = replace(BASE, step="prepare", started="2026-11-26T12:00:00.000Z")
    assert rows.write([BASE, other]) == rows.write([other, BASE])


def test_recording_again_changes_nothing_not_even_the_time() -> None:
    later = replace(BASE, recorded_at="2026-11-26T13:00:00.000Z")
    assert rows.replaced([BASE], "abc", [later]) == [BASE]


def test_what_changed_is_replaced_and_other_runs_stay() -> None:
    other = replace(BASE, run="other")
    dearer = replace(BASE, recorded_at="2026-11-26T13:00:00.000Z", cost=Decimal(1))
    assert rows.replaced([other, BASE], "abc", [dearer]) == [other, dearer]


def test_a_job_before_a_retry_stays_since_it_cost_as_much() -> None:
    failed = replace(BASE, run_status="Failed")
    again = replace(BASE, attempt=2, job_arn=f"{BASE.job_arn}-2", run_status="Succeeded")
    unseen = replace(BASE, attempt=1, job_arn="", units=None, cost=None)
    found = rows.replaced([failed], "abc", [unseen, again])
    assert [(row.attempt, row.job_arn, row.run_status) for row in found] == [
        (1, failed.job_arn, "Succeeded"),
        (2, again.job_arn, "Succeeded"),
    ]
    assert rows.replaced(found, "abc", [unseen, again]) == found


def test_an_attempt_that_nobody_saw_is_a_row_without_a_cost() -> None:
    unseen = replace(BASE, attempt=1, job_arn="", units=None, cost=None)
    again = replace(BASE, attempt=2)
    assert rows.replaced([], "abc", [unseen, again]) == [unseen, again]


@pytest.mark.parametrize(
    ("row", "over"),
    [
        (BASE, True),
        (replace(BASE, run_status="Executing"), False),
        (replace(BASE, open=True), False),
        (replace(BASE, cost=None), False),  # its price may be known later
        (replace(BASE, cost=None, units=None), True),  # nothing will ever be known of it
    ],
)
def test_a_row_is_over_when_there_is_nothing_more_to_find_out(row: Row, over: bool) -> None:
    assert row.over is over


def test_a_line_that_is_no_row_is_named() -> None:
    with pytest.raises(ValueError, match="not a row of costs"):
        rows.read(b'{"kind": "step"}\n')


def test_an_object_that_is_not_whole_is_no_rows() -> None:
    assert rows.unpacked(b"plain\n") == b"plain\n"
    with pytest.raises(ValueError, match="cannot be unpacked"):
        rows.read(rows.write([BASE])[:-9])


def test_members_of_a_later_version_are_left_alone() -> None:
    assert rows.read(rows.line(BASE).replace("{", '{"later":1,', 1).encode()) == [BASE]


def test_a_day_is_an_object_below_its_pipeline_and_month() -> None:
    assert rows.key("flights-dev-training", date(2026, 11, 26)) == (
        "costs/rows/pipeline=flights-dev-training/month=2026-11/2026-11-26.jsonl.gz"
    )


def test_times_are_utc_to_the_millisecond() -> None:
    moment = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)
    assert rows.time_text(moment) == "2026-11-26T12:00:00.123Z"
    assert rows.time_text(None) == ""


def test_money_in_the_table_of_athena_is_decimal() -> None:
    columns = rows.columns()
    assert columns["cost"] == columns["saved_by_cache"] == "decimal(18,9)"
    assert columns["model_version"] == "int"
    assert "pipeline" not in columns  # a partition key


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("12.345", "$12.35"),
        ("0.01", "$0.01"),
        ("0.0099", "$0.0099"),
        ("0.00425", "$0.0043"),
        ("0.00001", "<$0.0001"),
        ("-1.2", "-$1.20"),
        ("1234567.891", "$1,234,567.89"),
    ],
)
def test_amounts_are_shown_in_cents_and_small_ones_finer(amount: str, shown: str) -> None:
    assert money.shown(Decimal(amount)) == shown
