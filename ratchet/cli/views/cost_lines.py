"""The lines of `ratchet costs` as CSV, for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io

from ratchet.views.costs import CostView
from ratchet.views.plain import as_json


def as_csv(report: CostView) -> str:
    """The lines, with a header and without a total; the overview's are pipelines."""
    lines = [
        {name: _cell(value) for name, value in as_json(line).items() if name != "trend"}
        for line in report.lines
    ]
    if not lines:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value
