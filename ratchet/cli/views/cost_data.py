"""`ratchet costs` for scripts: JSON and CSV. Pure.

Amounts are US dollars as text with nine places, so that no reader makes a binary fraction of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from ratchet.costs import money, rows
from ratchet.costs_report.grouping import Amount, ReportLine, Spent
from ratchet.costs_report.models import ModelCost
from ratchet.costs_report.report import CostReport


def amount(value: Decimal | None) -> str | None:
    """`1.200000000`."""
    return None if value is None else f"{money.rounded(value):f}"


def as_document(report: CostReport) -> dict[str, Any]:
    """The whole report. `limit` bounds the lines."""
    limit = report.limit
    by_model = report.by == "model"
    models = report.models
    return {
        "by": report.by,
        "since": str(report.period.first),
        "until": str(report.period.last),
        "experiment": report.experiment or None,
        "currency": "USD",
        "total": _spent(report.total),
        "lines": [
            dict(line_data)
            for line_data in (
                map(_of_model, models.lines[:limit])
                if by_model
                else (_of_line(line, report) for line in report.lines[:limit])
            )
        ],
        "trend": {"unit": report.trend.unit, "starts": [str(day) for day in report.trend.starts]},
        "months": [
            {
                "month": line.name,
                **_spent(line.spent),
                "kinds": {
                    kind: _amount(kind_amount)
                    for kind, kind_amount in sorted(report.kinds_by_month[line.name].items())
                },
            }
            for line in report.months
        ],
        "models": {
            "registered": models.registered,
            "cost": amount(models.cost),
            "unknown": models.unknown,
            "per_version": amount(models.per_version),
        },
        "prices": [asdict(source) for source in report.prices.sources],
        "unknown": [asdict(gap) for gap in report.prices.gaps],
    }


def as_csv(report: CostReport) -> str:
    """The lines, with a header and without a total; the overview's are pipelines."""
    limit = report.limit
    rows: list[Mapping[str, Any]]
    if report.by == "model":
        rows = [
            {**model_row, "versions": " ".join(map(str, model_row["versions"]))}
            for model_row in map(_of_model, report.models.lines[:limit])
        ]
    else:
        rows = [
            {name: value for name, value in _of_line(line, report).items() if name != "trend"}
            for line in report.lines[:limit]
        ]
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _of_line(line: ReportLine, report: CostReport) -> dict[str, Any]:
    return {**dict(_naming(line, report)), **_spent(line.spent), **_trend(line)}


def _naming(line: ReportLine, report: CostReport) -> Iterator[tuple[str, Any]]:
    of_step = line.kind == rows.STEP
    by = report.by or "pipeline"
    if by == "month":
        yield "month", line.name
        return
    yield "kind", line.kind
    if by == "experiment":
        yield "experiment", line.name if of_step else None
    else:
        yield "pipeline", line.name if of_step else None
    yield "resource", None if of_step else line.name
    if by == "step":
        yield "step", line.step or None
    if by == "run":
        yield "run", line.run or None
        yield "run_name", line.run_name or None
        yield "status", line.run_status or None
        yield "experiment", line.experiment or None
        yield "started", line.started or None
    yield "first_day", str(line.first)


def _trend(line: ReportLine) -> dict[str, Any]:
    return {"trend": [_amount(period_amount) for period_amount in line.trend]} if line.trend else {}


def _of_model(line: ModelCost) -> dict[str, Any]:
    return {
        "pipeline": line.pipeline,
        "versions": list(line.versions),
        "run": line.run or None,
        "day": str(line.day),
        "runs": line.runs,
        "cost": amount(line.cost),
        "unknown": line.unknown,
    }


def _amount(total: Amount) -> dict[str, Any]:
    return {"cost": amount(total.cost), "unknown": total.unknown}


def _spent(spent: Spent) -> dict[str, Any]:
    return {
        **_amount(spent),
        "runs": spent.runs,
        "cached_steps": spent.cached,
        "saved_by_cache": amount(spent.saved_by_cache),
        "unknown_savings": spent.unknown_savings,
        "saved_by_spot": amount(spent.saved_by_spot),
    }
