"""Recorded rows as a report reads them: a few columns each, as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from ratchet.costs import rows

_TEXTS = (
    "pipeline",
    "kind",
    "run",
    "run_name",
    "run_status",
    "experiment",
    "step",
    "resource",
    "component",
    "instance_type",
    "price_source",
    "price_date",
    "started",
)
_AMOUNTS = ("units", "cost", "saved_by_spot", "saved_by_cache")


class ReportRow(NamedTuple):
    """One recorded row, with the day of the object that holds it.

    The day of a step is the day on which its run started (UTC), so that a run is in a period
    whole or not at all. Text that an older version did not write is empty.
    """

    day: date
    pipeline: str
    kind: str
    run: str
    run_name: str
    run_status: str
    experiment: str
    step: str
    resource: str
    component: str
    instance_type: str
    price_source: str
    price_date: str
    started: str
    """ISO 8601; empty of a step that did not begin."""
    units: Decimal | None
    cost: Decimal | None
    """None: not known."""
    saved_by_spot: Decimal | None
    saved_by_cache: Decimal | None
    cache_hit: bool
    model_version: int | None

    @property
    def place(self) -> str:
        """The pipeline of a step; an endpoint or a bucket goes by its own name."""
        return self.pipeline if self.kind == rows.STEP else self.resource


def read(body: bytes, *, day: date) -> list[ReportRow]:
    """The rows of one object.

    Raises:
        ValueError: a line is no row.
    """
    lines = [line for line in rows.unpacked(body).splitlines() if line.strip()]
    # One call for all lines of an object: a call for each takes half as long again.
    values = json.loads(b"[" + b",".join(lines) + b"]", parse_float=Decimal)
    if len(values) != len(lines):
        raise ValueError("a line holds no row, or more than one")
    return list(_rows(values, day))


def of_experiment(listed: Sequence[ReportRow], experiment: str = "") -> Sequence[ReportRow]:
    """The rows of an experiment; all of them when none is named."""
    return [row for row in listed if row.experiment == experiment] if experiment else listed


def _rows(parsed: Iterable[Any], day: date) -> Iterator[ReportRow]:
    # The same names stand in thousands of rows: each is held in memory once.
    share: dict[str, str] = {}
    for values in parsed:
        if not isinstance(values, dict):
            raise ValueError(f"{values!r:.80} is not a row of costs")
        try:
            yield _row(values, day, share.setdefault)
        except TypeError as problem:
            raise ValueError(f"not a row of costs ({problem}): {values!r:.80}") from problem


def _row(values: dict[str, Any], day: date, share: Callable[[str, str], str]) -> ReportRow:
    texts: list[Any] = [values.get(name) for name in _TEXTS]
    if not _ALL_TEXT.issuperset(map(type, texts)):
        texts = [_text(text) for text in texts]
    amounts = [values.get(name) for name in _AMOUNTS]
    if not _EXACT.issuperset(map(type, amounts)):
        amounts = [_amount(amount) for amount in amounts]
    shared = map(share, texts, texts)
    version = _version(values.get("model_version"))
    return ReportRow._make([day, *shared, *amounts, bool(values.get("cache_hit")), version])


_ALL_TEXT = frozenset({str})
_EXACT = frozenset({Decimal, type(None)})


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is not text")


def _amount(value: Any) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise TypeError(f"{value!r} is not a number")


def _version(value: Any) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"{value!r} is not a version")
