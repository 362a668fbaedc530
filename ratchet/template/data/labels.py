"""Which column may be the label, and what problem a label poses."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ratchet.loop.problems import BINARY, MULTICLASS, REGRESSION, Kind
from ratchet.template.data.columns import Column, numbers, texts, words_of
from ratchet.template.data.errors import DataError

MOST_CLASSES = 50
_FEW_INTEGERS = 20
"""Up to so many different whole numbers are taken for classes."""
_ROWS_A_CLASS = 10
_NAMES = {
    "target", "label", "y", "class", "outcome", "response", "price", "churn", "churned", "default",
    "defaulted", "fraud", "survived", "species", "diagnosis", "quality", "converted", "clicked",
    "cancelled", "canceled", "late", "returned", "demand", "sales", "spam", "attrition",
    "subscribed", "approved",
}  # fmt: skip
"""Words that a label's name ends in."""
_POSITIVE = (
    ("0", "1"), ("-1", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"),
    ("negative", "positive"),
)  # fmt: skip
"""Negative, positive: pairs of which nobody doubts which is which."""
_LONGEST_NAME = 100
"""Of Model Monitor's exclusions, in characters."""


@dataclass(frozen=True)
class Candidate:
    """A column that may be the label."""

    name: str
    reason: str
    by_name: bool
    """False: nothing but its place speaks for it."""


def candidates(columns: Sequence[Column]) -> tuple[Candidate, ...]:
    """By name; where no name says it, the last column, as the weakest of hints."""
    able = [column for column in columns if _able(column)]
    named = [
        Candidate(column.name, f"a column of the name {column.name!r} is often the label", True)
        for column in able
        if words_of(column.name)[-1:] and words_of(column.name)[-1] in _NAMES
    ]
    if named or not able or able[-1] is not columns[-1]:
        return tuple(named)
    return (Candidate(able[-1].name, "it is the last column, and no name says more", False),)


def _able(column: Column) -> bool:
    return column.kind == "number" or (
        column.kind == "category" and column.distinct <= MOST_CLASSES
    )


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """What is to be predicted."""

    label: str
    problem: Kind
    reason: str
    """A sentence: why this problem, and which class is the positive one."""
    classes: tuple[str, ...] = ()
    """In the order in which a model answers them; of a binary problem the positive one is last."""
    counts: tuple[int, ...] = ()
    """Rows of the sample of each class."""
    missing: int = 0
    """Rows of the sample with no label."""
    deviation: float = 0.0
    """Of a regression: the standard deviation of the label in the sample."""


def target(column: Column, values: pd.Series, problem: Kind | None) -> LabelColumn:
    """What the label poses.

    Args:
        values: the label of each row, as text.
        problem: None: it is guessed.

    Raises:
        DataError: the label does not go with the problem, or with any.
    """
    _check_name(column.name)
    cells = texts(values)
    present = cells.dropna()
    if present.empty:
        raise DataError(f"the label {column.name!r} has no value in any row; name another: --label")
    if column.distinct == 1:
        raise DataError(
            f"the label {column.name!r} is {present.iloc[0]!r} in every row, so there is nothing "
            "to learn; name another: --label, or add rows with other values"
        )
    chosen, reason = (problem, "") if problem else _guess(column, present)
    if chosen == REGRESSION:
        return _regression(column, present, reason)
    return _classification(column, present, chosen, reason)


def unknown(label: str, columns: Sequence[Column]) -> DataError:
    """What to say where there is no such column."""
    names = [column.name for column in columns]
    folded = {name.strip().casefold(): name for name in names}
    near = difflib.get_close_matches(label.strip().casefold(), folded, n=1, cutoff=0.5)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    shown = ", ".join(map(repr, names[:30])) + (" …" if len(names) > 30 else "")
    return DataError(f"there is no column {label!r}.{hint} The columns are {shown}")


def _check_name(name: str) -> None:
    if len(name) > _LONGEST_NAME or "," in name or not name.isprintable():
        raise DataError(
            f"the label {name!r} has a name that Model Monitor cannot leave out of its comparison; "
            f"rename the column: at most {_LONGEST_NAME} characters, no comma, one line"
        )


def _guess(column: Column, present: pd.Series) -> tuple[Kind, str]:
    name, distinct = column.name, column.distinct
    if distinct == 2:
        return BINARY, f"{name!r} has two values, so this is a binary problem"
    values = numbers(present)
    if values.isna().all() or (values.isna().any() and distinct <= MOST_CLASSES):
        return MULTICLASS, f"{name!r} has {distinct} words, so this is a multiclass problem"
    whole = bool((values == np.floor(values)).all())
    if whole and distinct <= _FEW_INTEGERS and len(present) >= _ROWS_A_CLASS * distinct:
        return MULTICLASS, (
            f"{name!r} has {distinct} different whole numbers, so this is taken for a multiclass "
            "problem (--problem regression if they are amounts)"
        )
    return REGRESSION, f"{name!r} is a number, so this is a regression"


def _regression(column: Column, present: pd.Series, reason: str) -> LabelColumn:
    values = numbers(present)
    wrong = present[~np.isfinite(values)]
    if len(wrong):
        raise DataError(
            f"the label {column.name!r} of a regression must be a number, and {len(wrong):,} of "
            f"{len(present):,} values are none: {_counted(wrong)}. Leave these cells empty, or "
            "choose --problem multiclass"
        )
    return LabelColumn(
        label=column.name,
        problem=REGRESSION,
        reason=reason or f"{column.name!r} is predicted as a number",
        missing=column.missing,
        deviation=float(values.std()),
    )


def _classification(column: Column, present: pd.Series, problem: Kind, reason: str) -> LabelColumn:
    if problem == BINARY and column.distinct != 2:
        raise DataError(
            f"the label {column.name!r} of a binary problem must have two values, and it has "
            f"{column.distinct:,}: {_counted(present)}. Choose --problem multiclass or regression"
        )
    if column.distinct > MOST_CLASSES:
        fits = bool(numbers(present).notna().all())
        way_out = "choose --problem regression" if fits else "name another: --label, or merge some"
        raise DataError(
            f"the label {column.name!r} has {column.distinct:,} different values, expected at most "
            f"{MOST_CLASSES} classes; {way_out}. There are {_counted(present)}"
        )
    counts = Counter(present)
    classes = in_order(counts)
    said = f"{column.name!r} has {len(classes)} classes"
    if problem == BINARY:
        negative, positive, why = _positive(classes, counts)
        classes = (negative, positive)
        said = f"{positive!r} is the positive class of {column.name!r}, {why}"
        reason = f"{reason}; {said}" if reason else said
    return LabelColumn(
        label=column.name,
        problem=problem,
        reason=reason or said,
        classes=classes,
        counts=tuple(counts[name] for name in classes),
        missing=column.missing,
    )


def in_order(names: Sequence[str] | Counter[str]) -> tuple[str, ...]:
    """By value if all are numbers, else as texts."""
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def _positive(classes: Sequence[str], counts: Counter[str]) -> tuple[str, str, str]:
    """Negative, positive, and why."""
    by_word = {name.casefold(): name for name in classes}
    for no, yes in _POSITIVE:
        if set(by_word) == {no, yes}:
            return by_word[no], by_word[yes], "as is usual"
    rarer = min(reversed(classes), key=lambda name: counts[name])
    (other,) = (name for name in classes if name != rarer)
    return other, rarer, f"because it is the rarer one ({counts[rarer]:,} of {counts.total():,})"


def _counted(values: pd.Series) -> str:
    most = Counter(values).most_common(3)
    more = values.nunique() - len(most)
    rest = f" and {more:,} more" if more > 0 else ""
    return ", ".join(f"{str(name)[:60]!r} ({count:,})" for name, count in most) + rest
