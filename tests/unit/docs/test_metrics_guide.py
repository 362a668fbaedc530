"""The guide's tables of metrics are the table that everything reads."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from ratchet.loop.problems import OF_MODEL, PROBLEMS, ModelMetric

GUIDE = Path(__file__).resolve().parents[3] / "docs/guides/metrics.md"


def rows_of_the_guide() -> dict[str, list[tuple[str, ...]]]:
    """Heading → the rows of the first table below it."""
    _, *sections = re.split(r"^### (.+)$", GUIDE.read_text(), flags=re.MULTILINE)
    return {
        heading: [
            tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))
            for line in re.findall(r"^\| `.*\|$", text.split("\n## ")[0], flags=re.MULTILINE)
        ]
        for heading, text in zip(sections[::2], sections[1::2], strict=True)
    }


def row_of(metric: ModelMetric) -> tuple[str, ...]:
    low, high = (f"{end:g}" for end in (metric.low, metric.high))
    values = f"{low} to {high}"
    if math.isinf(metric.high):
        values = f"{low} or more"
    if math.isinf(metric.low):
        values = f"up to {high}"
    if metric.in_label_unit:
        values += ", in the label's unit"
    if metric.chance is not None:
        values += f", by chance {metric.chance:g}"
    return metric.name, metric.better, values, metric.monitor


def test_every_metric_is_in_the_guide_as_it_is_in_the_table() -> None:
    tables: dict[str, Mapping[str, ModelMetric]] = {
        **{problem.name: problem.metrics for problem in PROBLEMS.values()},
        "of the model itself": OF_MODEL,
    }
    assert rows_of_the_guide() == {
        heading: [row_of(metric) for metric in metrics.values()]
        for heading, metrics in tables.items()
    }
