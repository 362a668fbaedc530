"""The tables of the API: their columns and types, and how views become their rows.

A column's value is what `--json` says at its path, as pandas keeps such a value: text as `string`,
times as `datetime64[ns, UTC]`, numbers and amounts in US dollars as `float64`, whole numbers as
`Int64`, yes and no as `bool` or, where it may be missing, `boolean`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ratchet.costs_report.report import By
from ratchet.views.plain import as_json

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "time", "number", "whole", "yes", "maybe", "object"]

_TYPES: Mapping[Kind, str] = {
    "text": "string",
    "time": "datetime64[ns, UTC]",
    "number": "float64",
    "whole": "Int64",
    "yes": "bool",
    "maybe": "boolean",
    "object": "object",
}


@dataclass(frozen=True)
class TableColumn:
    """A column of a table. `path`: where `--json` has its value, if not at its name."""

    name: str
    kind: Kind
    path: str = ""

    def value(self, row: Mapping[str, Any]) -> Any:
        """None where a part of the path is missing."""
        value: Any = row
        for key in (self.path or self.name).split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


Columns = tuple[TableColumn, ...]


def _columns(kind: Kind, *names: str) -> Columns:
    return tuple(TableColumn(name, kind) for name in names)


_RECORDED: Columns = (
    TableColumn("cost", "number", "cost.cost"),
    TableColumn("saved", "number", "cost.saved"),
    TableColumn("unknown_costs", "whole", "cost.unknown"),
)
RUNS: Columns = (
    *_columns("text", "id", "name", "pipeline"),
    TableColumn("edit", "yes"),
    *_columns("text", "status", "outcome"),
    TableColumn("no_new_model", "yes"),
    TableColumn("copy_of", "whole"),
    *_columns("time", "started", "ended"),
    TableColumn("seconds", "number"),
    *_RECORDED,
    *_columns("text", "failure", "description", "arn"),
    TableColumn("parameters", "object"),
)
STEPS: Columns = (
    *_columns("text", "name", "type", "gate", "status", "word"),
    *_columns("time", "started", "ended"),
    TableColumn("seconds", "number"),
    TableColumn("attempts", "whole"),
    *_columns("text", "cached_from", "reason", "failure", "detail", "job"),
    *_RECORDED,
)
METRICS: Columns = (
    *_columns("text", "report", "metric"),
    *_columns("number", "candidate", "champion", "regression"),
    TableColumn("better", "text"),
    TableColumn("decides", "yes"),
)
OUTPUTS: Columns = (
    *_columns("text", "step", "output", "uri"),
    *_columns("whole", "files", "bytes"),
)
MODELS: Columns = (
    TableColumn("version", "whole"),
    TableColumn("approval", "text"),
    TableColumn("serves", "yes"),
    TableColumn("metric", "text", "score.metric"),
    TableColumn("score", "number", "score.value"),
    TableColumn("better", "text", "score.better"),
    TableColumn("judged_against", "whole"),
    TableColumn("regression", "number"),
    *_columns("time", "registered", "changed"),
    TableColumn("failed", "time", "failed_deployment.time"),
    TableColumn("failure", "text", "failed_deployment.reason"),
    *_columns("text", "approval_note", "description"),
    TableColumn("edit", "yes"),
    *_columns("text", "run", "artifact", "image", "group", "arn"),
    TableColumn("metadata", "object"),
)
EVALUATIONS: Columns = (
    TableColumn("evaluated", "time"),
    TableColumn("version", "whole"),
    TableColumn("data", "text"),
    TableColumn("rows", "whole"),
    TableColumn("metric", "text"),
    TableColumn("better", "text"),
    TableColumn("score", "number"),
    TableColumn("low", "number", "interval.low"),
    TableColumn("high", "number", "interval.high"),
    *_columns("number", "floor", "registered", "max_regression"),
    TableColumn("served", "yes"),
    *_columns("text", "outcome", "verdict"),
    TableColumn("violations", "object"),
    *_columns("text", "execution", "package_arn", "manifest"),
)
DISTANCES: Columns = (
    *_columns("text", "feature", "method"),
    *_columns("number", "distance", "threshold"),
    TableColumn("exceeds", "yes"),
)
VIOLATIONS: Columns = _columns("text", "feature", "check", "description")

_SPENT: Columns = (
    TableColumn("cost", "number"),
    *_columns("whole", "unknown", "runs", "cached_steps"),
    TableColumn("saved_by_cache", "number"),
    TableColumn("unknown_savings", "whole"),
    TableColumn("saved_by_spot", "number"),
)
_OF_PIPELINE = _columns("text", "kind", "pipeline", "resource")
_FIRST = TableColumn("first_day", "time")
COSTS: Mapping[By, Columns] = {
    "run": (
        *_OF_PIPELINE,
        *_columns("text", "run", "run_name", "status", "experiment"),
        *(TableColumn("started", "time"), _FIRST, *_SPENT),
    ),
    "experiment": (*_columns("text", "kind", "experiment", "resource"), _FIRST, *_SPENT),
    "pipeline": (*_OF_PIPELINE, _FIRST, *_SPENT),
    "step": (*_OF_PIPELINE, TableColumn("step", "text"), _FIRST, *_SPENT),
    "month": (TableColumn("month", "text"), *_SPENT),
    "model": (
        TableColumn("pipeline", "text"),
        TableColumn("versions", "object"),
        TableColumn("run", "text"),
        TableColumn("day", "time"),
        TableColumn("runs", "whole"),
        TableColumn("cost", "number"),
        TableColumn("unknown", "whole"),
    ),
}
"""Columns of each grouping; a line's trend is in `--json` alone."""


def table(views: Iterable[Any], columns: Columns) -> pd.DataFrame:
    """One row for each view. An empty table has its columns too."""
    import pandas as pd

    rows = [as_json(view) for view in views]
    series = {c.name: _series([c.value(row) for row in rows], c.kind) for c in columns}
    return pd.DataFrame(series, columns=[column.name for column in columns])


def _series(values: Sequence[Any], kind: Kind) -> Any:
    """A column; None is missing."""
    import pandas as pd

    if kind == "time":
        times = pd.to_datetime(pd.Series(values, dtype="object"), utc=True, format="ISO8601")
        return times.dt.as_unit("ns")
    if kind == "number":
        values = [None if value is None else float(value) for value in values]
    made: Any = pd.Series
    return made(values, dtype=_TYPES[kind])
