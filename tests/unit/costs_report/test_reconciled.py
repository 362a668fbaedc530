"""The estimate beside the bill: what belongs together, and what the difference is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ratchet.cli.views import reconciled_view
from ratchet.costs_report.grouping import ReportLine, Spent
from ratchet.costs_report.reconciled import compare
from ratchet.deployment.costs.bill import Bill

DAY = date(2026, 11, 1)
SAGEMAKER, S3 = "Amazon SageMaker", "Amazon Simple Storage Service"


def line(kind: str, name: str, cost: str, *, step: str = "", unknown: int = 0) -> ReportLine:
    spent = Spent(cost=Decimal(cost), unknown=unknown)
    return ReportLine(kind=kind, name=name, first=DAY, spent=spent, step=step)


ESTIMATE = [
    line("step", "flights-dev-training", "10"),
    line("step", "flights-dev-evaluation", "2"),
    line("endpoint", "flights-dev", "30"),
    line("storage", "data", "1"),
    line("storage", "artifacts", "0.5"),
]
BILL = [
    ("flights-dev-training", SAGEMAKER, Decimal("10.5")),
    ("", SAGEMAKER, Decimal("29")),
    ("", S3, Decimal("1.7")),
    ("", "AWS Lambda", Decimal("0.2")),
    ("", "AWS Glue", Decimal(0)),
]


def test_what_belongs_together_is_one_line_with_the_difference() -> None:
    found = compare(ESTIMATE, BILL, by="pipeline")
    assert [(x.share, x.name, x.difference) for x in found] == [
        ("runs", "flights-dev-training", Decimal("0.5")),
        ("runs", "flights-dev-evaluation", None),  # not billed yet
        ("endpoint", "", Decimal(-1)),
        ("storage", "", Decimal("0.2")),
        ("other", "AWS Lambda", None),
    ]
    assert found[0].ratio == Decimal("0.05")


def test_the_total_compares_only_what_is_estimated() -> None:
    total = reconciled_view.total(compare(ESTIMATE, BILL, by="pipeline"))
    assert total.estimate
    assert (total.estimate.cost, total.billed) == (Decimal("43.5"), Decimal("41.2"))


def test_a_step_of_several_pipelines_is_one_value_of_its_tag() -> None:
    steps = [line("step", "a", "1", step="prepare"), line("step", "b", "2", step="prepare")]
    (found,) = compare(steps, [("prepare", SAGEMAKER, Decimal(4))], by="step")
    assert (found.name, found.difference) == ("prepare", Decimal(1))


def remarks(bill: Bill, *lines: ReportLine, today: date = date(2026, 12, 20)) -> str:
    told = ((b.value, b.service, b.amount) for b in bill.billed)
    return "\n".join(
        reconciled_view.remarks(compare(lines, told, by="pipeline"), bill, today=today)
    )


def bill(*open_days: date, last: date = date(2026, 11, 30), empty: bool = False) -> Bill:
    from ratchet.deployment.costs.bill import Billed

    billed = () if empty else (Billed(value="", service=SAGEMAKER, amount=Decimal(1)),)
    return Bill(first=DAY, last=last, billed=billed, open_days=open_days, currency="USD")


def test_days_that_may_still_grow_are_named() -> None:
    assert "Not final" not in remarks(bill())
    assert "Not final: 2026-11-30." in remarks(bill(date(2026, 11, 30)))
    late = remarks(bill(last=date(2026, 11, 26)), today=date(2026, 11, 26))
    assert "Not final: 2026-11-25 to 2026-11-26." in late


def test_what_the_estimate_does_not_know_is_named() -> None:
    text = remarks(bill(), line("step", "a", "1", unknown=2))
    assert "2 recorded jobs have no known price" in text
    assert "savings plans" in text
    assert "ran before the tag was active" in text


def test_an_empty_bill_asks_for_active_tags() -> None:
    assert "must be active as cost allocation tags" in remarks(bill(empty=True))
