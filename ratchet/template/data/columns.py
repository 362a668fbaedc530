"""What the columns of a sample hold, judged by their texts and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Kind = Literal["number", "category", "text", "date", "id", "constant"]
USABLE: tuple[Kind, ...] = ("number", "category", "date")
"""What a model can learn from as it is."""

_MOST_CATEGORIES = 1_000
_FREE_TEXT = 50
"""Up to so many different texts are categories, whatever their share of the rows."""
_FREE_TEXT_SHARE = 0.2
_ID_SHARE = 0.95
"""From this share of different values on, a column names its rows."""
_TIMES = ("", " %H:%M", " %H:%M:%S")
_DAYS = ("%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y")
_ISO = "ISO8601"
LAYOUTS = (_ISO, *(day + time for day in _DAYS for time in _TIMES))
"""How dates are written, for `pandas.to_datetime`; the first that fits every value counts."""
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
MISSING = ["", "#N/A", "N/A", "n/a", "NA", "<NA>", "NULL", "null", "NaN", "nan", "None"]
_BOOLEANS = {"true", "false"}
_COMMAS = re.compile(r"-?\d+(,\d+)+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the sample."""

    name: str
    kind: Kind
    missing: int
    """Rows of the sample without a value."""
    distinct: int
    """Different values in the sample."""
    note: str = ""
    """Why it cannot be learned from; of a date how it was understood."""
    layout: str = ""
    """Of dates: their format, for `pandas.to_datetime`."""


def texts(values: pd.Series) -> pd.Series:
    """One text for what is the same value: 3, 3.0 and " 3 " are; what stands for none is missing.

    The scripts of a model do the same (problems/shared/features.py.tmpl).
    """
    stripped = values.astype("string").str.strip()
    present = stripped.mask(stripped.isin(MISSING))
    whole = present.str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    return whole.astype(object).where(whole.notna(), np.nan)


def numbers(values: pd.Series) -> pd.Series:
    """As floats; NaN for what is missing and for what is no number. True and false are 1 and 0."""
    parsed = pd.to_numeric(values, errors="coerce").astype("float64")
    words = values.astype("string").str.strip().str.lower().map({"true": 1.0, "false": 0.0})
    return parsed.fillna(words.astype("float64"))


def describe(name: str, values: pd.Series) -> Column:
    """A column of texts; missing cells are missing."""
    cells = texts(values)
    present = cells.dropna()
    distinct = int(present.nunique())
    kind, note, layout = _kind(name, present, distinct)
    return Column(
        name=name,
        kind=kind,
        missing=int(cells.isna().sum()),
        distinct=distinct,
        note=note,
        layout=layout,
    )


def _kind(name: str, present: pd.Series, distinct: int) -> tuple[Kind, str, str]:
    """Kind, note and layout."""
    rows = len(present)
    if distinct == 0:
        return "constant", "it has no value in any row", ""
    if distinct == 1:
        return "constant", f"every value is {present.iloc[0]!r}", ""
    if numbers(present).notna().all():
        return *_of_numbers(name, present, distinct), ""
    if layout := _layout(present):
        return "date", _date_note(present, layout), layout
    if _COMMAS.fullmatch(present.iloc[0]) and present.str.fullmatch(_COMMAS).all():
        example = present.iloc[0]
        note = f"its numbers have commas, such as {example!r}; written as 1234.5 they can be used"
        return "text", note, ""
    return *_of_texts(present, distinct, rows), ""


def _of_numbers(name: str, present: pd.Series, distinct: int) -> tuple[Kind, str]:
    if set(present.str.lower().unique()) <= _BOOLEANS:
        return "number", ""
    if not present.str.fullmatch(r"-?\d+").all():
        return "number", ""
    if named_id(name) and distinct < _ID_SHARE * len(present) and distinct <= _MOST_CATEGORIES:
        return "category", ""  # such as shop_id: numbers that name, and that come again
    if named_id(name):
        return "id", f"it names its row: {distinct:,} values in {len(present):,} rows"
    if distinct == len(present) and _counts_rows(present):
        return "id", "it counts the rows"
    return "number", ""


def _of_texts(present: pd.Series, distinct: int, rows: int) -> tuple[Kind, str]:
    if distinct > _FREE_TEXT and distinct >= _ID_SHARE * rows:
        words = present.str.contains(" ", regex=False).mean()
        if words < 0.5:
            return "id", f"it names its row: {distinct:,} values in {rows:,} rows"
        return "text", f"it is free text: {distinct:,} different in {rows:,} rows"
    if distinct > _MOST_CATEGORIES or (
        distinct > _FREE_TEXT and distinct > _FREE_TEXT_SHARE * rows
    ):
        return "text", f"it is free text: {distinct:,} different in {rows:,} rows"
    return "category", ""


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case: sale, price of SalePrice and of sale_price."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def named_id(name: str) -> bool:
    words = words_of(name)
    return name == "" or name.startswith(("Unnamed: ", "__index_level_")) or words[-1:] in (
        ["id"], ["ids"], ["uuid"], ["guid"], ["key"], ["index"], ["idx"], ["rowid"],
    )  # fmt: skip


def _counts_rows(present: pd.Series) -> bool:
    """Whether whole numbers, each once, are one for each row, from the first on."""
    values = pd.to_numeric(present)
    if not values.is_monotonic_increasing:
        return False
    steps = np.diff(values.to_numpy())
    return bool((steps == steps[0]).all()) and abs(float(values.iloc[0])) <= float(steps[0])


def _layout(present: pd.Series) -> str:
    """The format that all values have; "" where they are no dates."""
    head = str(present.iloc[0])
    if not head[:1].isdigit():
        return ""
    if _ISO_DATE.fullmatch(head):
        return _ISO if present.str.fullmatch(_ISO_DATE).all() and _fits(present, _ISO) else ""
    return next(_layouts(present), "")


def _layouts(present: pd.Series) -> Iterator[str]:
    few = present.head(20)
    for layout in LAYOUTS[1:]:
        if _fits(few, layout) and _fits(present, layout):
            yield layout


def _fits(present: pd.Series, layout: str) -> bool:
    return bool(pd.to_datetime(present, format=layout, errors="coerce", utc=True).notna().all())


def _date_note(present: pd.Series, layout: str) -> str:
    """What to say of dates that can be read in two ways."""
    if layout.startswith("%d/%m"):
        other = layout.replace("%d/%m", "%m/%d")
        if _fits(present, other):
            return f"{present.iloc[0]!r} is read as day/month/year; it may be month/day/year"
    return ""
