"""Labels as the eval slice holds them, and what a model answered for the same rows."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratchet.loop.problems import BINARY, FALSE, MULTICLASS, REGRESSION, THRESHOLD, TRUE, Kind

Array = np.ndarray[Any, Any]

_EXAMPLES = 3


class RefusedError(ValueError):
    """Values that are not understood, with counts and examples."""


@dataclass(frozen=True)
class TrueLabels:
    problem: Kind
    values: Array
    """Numbers; of classes their positions in `classes`, which of a binary problem are 0 and 1."""
    classes: tuple[str, ...] = ()
    weights: Array | None = None
    """How much each row counts, 0 or more; None: all the same."""

    @property
    def rows(self) -> int:
        return len(self.values)

    def of(self, rows: Array) -> TrueLabels:
        """Of some rows: a mask or positions."""
        return replace(self, values=self.values[rows], weights=_part(self.weights, rows))

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each class has."""
        if not self.classes:
            return {}
        sizes = np.bincount(self.values, minlength=len(self.classes))
        return {name: int(size) for name, size in zip(self.classes, sizes, strict=True)}

    @property
    def texts(self) -> Array:
        """Of several classes: their names, row by row."""
        return np.array(self.classes, dtype=object)[self.values]


@dataclass(frozen=True)
class Answers:
    """For the rows of some labels."""

    values: Array
    """Binary: the probability of the positive class (0 or 1 where the model answers a class alone).
    Regression: a number. Multiclass: the position of a class in `classes`."""
    classes: tuple[str, ...] = ()
    """Multiclass: those of the labels, then those that only answers have."""
    probabilities: Array | None = None
    """Multiclass: (rows, classes of the labels)."""
    no_probabilities: str = ""
    """Why there are none."""
    threshold: float = THRESHOLD
    """Binary: from this probability on, the answer is the positive class."""
    named: Array | None = None
    """Binary: the class that the model itself answers, 0 or 1, where it does; then no threshold
    decides."""
    quantile: float = 0.5
    """Regression: which quantile of the label, given the row, the answer is meant to be."""

    @property
    def positions(self) -> Array:
        """Of the class that each row is taken for."""
        if self.classes:
            return self.values
        return (self.values >= self.threshold).astype(int) if self.named is None else self.named

    def of(self, rows: Array) -> Answers:
        """For some rows: a mask or positions."""
        return replace(
            self,
            values=self.values[rows],
            probabilities=_part(self.probabilities, rows),
            named=_part(self.named, rows),
        )


def _part(column: Array | None, rows: Array) -> Array | None:
    return None if column is None else column[rows]


def plain(text: str) -> str:
    """One text for what is the same class: 3, 3.0 and " 3 " are."""
    text = text.strip()
    whole, point, zeros = text.partition(".")
    return whole if point and whole.lstrip("-").isdigit() and not zeros.strip("0") else text


def read_labels(
    problem: Kind, column: Iterable[str], *, positive: str = "", classes: Sequence[str] = ()
) -> TrueLabels:
    """The labels of a column, text by text.

    Raises:
        RefusedError: some are not understood.
    """
    texts = [plain(text) for text in column]
    if not texts:
        raise RefusedError("there are no rows")
    if problem == REGRESSION:
        return TrueLabels(problem, numbers(texts, "labels"))
    if problem == MULTICLASS:
        return _of_classes(texts, tuple(plain(name) for name in classes) or _sorted(set(texts)))
    return _binary(texts, plain(positive))


def numbers(texts: Sequence[str], what: str) -> Array:
    """Finite numbers.

    Raises:
        RefusedError: some are none.
    """
    values = np.array([_number(text) for text in texts])
    refuse(what, texts, ~np.isfinite(values), expected="finite numbers")
    return values


def refuse(what: str, texts: Sequence[str], wrong: Array, *, expected: str) -> None:
    """Raises RefusedError, with counts and examples, where something is wrong."""
    if not wrong.any():
        return
    kinds = Counter(text for text, refused in zip(texts, wrong, strict=True) if refused)
    shown = ", ".join(f"{text!r} ({n:,})" for text, n in kinds.most_common(_EXAMPLES))
    more = len(kinds) - _EXAMPLES
    rest = f" and {more:,} more" if more > 0 else ""
    raise RefusedError(
        f"{int(wrong.sum()):,} of {len(texts):,} {what} are not understood: {shown}{rest}; "
        f"expected {expected}"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _of_classes(texts: Sequence[str], classes: tuple[str, ...]) -> TrueLabels:
    classes = tuple(name for name in classes if name)
    places = {name: place for place, name in enumerate(classes)}
    values = np.array([places.get(text, -1) for text in texts])
    expected = f"one of {', '.join(classes)}" if len(classes) <= 10 else "the name of a class"
    refuse("labels", texts, values < 0, expected=expected)
    return TrueLabels(MULTICLASS, values, classes)


def _binary(texts: Sequence[str], positive: str) -> TrueLabels:
    if not positive or positive.lower() in TRUE:
        truth = {**dict.fromkeys(TRUE, 1), **dict.fromkeys(FALSE, 0)}
        values = np.array([truth.get(text.lower(), -1) for text in texts])
        hint = '0 and 1, or true and false; of other words, say which: [model] positive = "…"'
        refuse("labels", texts, values < 0, expected=hint)
        return TrueLabels(BINARY, values, ("0", "1"))
    others = Counter(text for text in texts if text and text != positive)
    negative = others.most_common(1)[0][0] if others else ""
    if negative and positive not in texts:
        near = difflib.get_close_matches(positive, others, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        shown = ", ".join(f"{text!r} ({n:,})" for text, n in others.most_common(_EXAMPLES))
        raise RefusedError(f"no label is {positive!r}, the positive class{hint} There are {shown}")
    truth = {positive: 1, negative: 0}
    values = np.array([truth.get(text, -1) if text else -1 for text in texts])
    expected = f"{positive!r} and one other value" + (f", {negative!r}" if negative else "")
    refuse("labels", texts, values < 0, expected=expected)
    return TrueLabels(BINARY, values, (negative, positive))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """As scikit-learn sorts classes: by value if all are numbers, else as texts."""
    kept = [name for name in names if name]
    if all(np.isfinite(_number(name)) for name in kept):
        return tuple(sorted(kept, key=_number))
    return tuple(sorted(kept))
