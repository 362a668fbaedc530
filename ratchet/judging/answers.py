"""Labels as the eval slice holds them, and what a model answered for the same rows."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ratchet.loop.problems import (
    BINARY,
    FALSE,
    MEDIAN,
    MULTICLASS,
    REGRESSION,
    THRESHOLD,
    TRUE,
    Kind,
)

Array = np.ndarray[Any, Any]

MOST_REFUSED = 0.01
"""The share of labels that may be left out of an evaluation, or of the baseline that it leads to,
because they are not understood."""

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
    quantile: float = MEDIAN
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


@dataclass(frozen=True)
class LabelRule:
    """Which texts are labels, and what each of them means."""

    problem: Kind
    expected: str
    """In words, for a message."""
    classes: tuple[str, ...] = ()
    meanings: Mapping[str, int] = field(default_factory=dict)
    """Text, or lower-case text of `any_case` → position in `classes`."""
    any_case: bool = False

    def values(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """As `TrueLabels.values`, and which of the texts, as `plain` makes them, are no label."""
        if self.problem == REGRESSION:
            values = np.array([_number(text) for text in texts], dtype=float)
            return values, ~np.isfinite(values)
        cases = [text.lower() for text in texts] if self.any_case else texts
        places = np.array([self.meanings.get(text, -1) for text in cases], dtype=int)
        return places, places < 0


@dataclass(frozen=True)
class RefusedValues:
    """Values that are not understood: how often each."""

    texts: Mapping[str, int] = field(default_factory=dict)
    expected: str = ""

    @classmethod
    def of(cls, texts: Iterable[str], wrong: Iterable[bool], *, expected: str) -> RefusedValues:
        counts = Counter(text for text, refused in zip(texts, wrong, strict=True) if refused)
        return cls(dict(counts.most_common()), expected)

    @property
    def count(self) -> int:
        return sum(self.texts.values())

    @property
    def examples(self) -> dict[str, int]:
        """The most frequent ones."""
        return dict(Counter(self.texts).most_common(_EXAMPLES))

    def message(self, what: str, total: int) -> str:
        shown = ", ".join(f"{text!r} ({n:,})" for text, n in self.examples.items())
        more = len(self.texts) - len(self.examples)
        rest = f" and {more:,} more" if more > 0 else ""
        return (
            f"{self.count:,} of {total:,} {what} are not understood: {shown}{rest}; "
            f"expected {self.expected}"
        )


def read_labels(
    problem: Kind, column: Iterable[str], *, positive: str = "", classes: Sequence[str] = ()
) -> TrueLabels:
    """The labels of a column, text by text.

    Raises:
        RefusedError: some are not understood.
    """
    labels, _, refused = most_labels(problem, column, positive=positive, classes=classes, most=0)
    assert not refused.count
    return labels


def most_labels(
    problem: Kind,
    column: Iterable[str],
    *,
    positive: str = "",
    classes: Sequence[str] = (),
    most: float,
) -> tuple[TrueLabels, Array, RefusedValues]:
    """The labels that are understood, the mask of their rows in the column, and the others.

    Args:
        most: the share that may be refused.

    Raises:
        RefusedError: more are not understood.
    """
    texts = [plain(text) for text in column]
    if not texts:
        raise RefusedError("there are no rows")
    rule = label_rule(problem, texts, positive=positive, classes=classes)
    values, wrong = rule.values(texts)
    if wrong.mean() > most:
        refuse("labels", texts, wrong, expected=rule.expected)
    refused = RefusedValues.of(texts, wrong, expected=rule.expected)
    return TrueLabels(problem, values[~wrong], rule.classes), ~wrong, refused


def read_weights(column: Iterable[str]) -> Array:
    """How much each row counts.

    Raises:
        RefusedError: some are no numbers of 0 or more, or all are 0.
    """
    texts = [text.strip() for text in column]
    weights = np.array([_number(text) for text in texts], dtype=float)
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    refuse("weights", texts, wrong, expected="finite numbers of 0 or more")
    if not weights.any():
        raise RefusedError(f"all {len(texts):,} weights are 0; expected one above 0 at least")
    return weights


def label_rule(
    problem: Kind, texts: Sequence[str], *, positive: str = "", classes: Sequence[str] = ()
) -> LabelRule:
    """The rule for a column of texts, as `plain` makes them.

    Raises:
        RefusedError: the positive class does not occur.
    """
    if problem == REGRESSION:
        return LabelRule(problem, "finite numbers")
    if problem == MULTICLASS:
        stated = tuple(plain(name) for name in classes)
        return class_rule(stated or _sorted(set(texts)))
    positive = plain(positive)
    truth = {*TRUE, *FALSE}.issuperset(text.lower() for text in texts if text)
    if not positive or (truth and positive.lower() in TRUE):
        return word_rule("0", "1")
    others = Counter(text for text in texts if text and text != positive)
    if others and positive not in texts:
        near = difflib.get_close_matches(positive, others, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        shown = ", ".join(f"{text!r} ({n:,})" for text, n in others.most_common(_EXAMPLES))
        raise RefusedError(f"no label is {positive!r}, the positive class{hint} There are {shown}")
    return word_rule(others.most_common(1)[0][0] if others else "", positive)


def class_rule(classes: Sequence[str]) -> LabelRule:
    """Of several classes, in this order."""
    classes = tuple(name for name in classes if name)
    expected = f"one of {', '.join(classes)}" if len(classes) <= 10 else "the name of a class"
    places = {name: place for place, name in enumerate(classes)}
    return LabelRule(MULTICLASS, expected, classes, places)


def word_rule(negative: str, positive: str) -> LabelRule:
    """Of two classes. 0 and 1 may be written as truth values; other words are as they are."""
    if positive.lower() in TRUE and negative.lower() in ("", *FALSE):
        truth = {**dict.fromkeys(TRUE, 1), **dict.fromkeys(FALSE, 0)}
        hint = '0 and 1, or true and false; of other words, say which: [model] positive = "…"'
        return LabelRule(BINARY, hint, ("0", "1"), truth, any_case=True)
    words = {positive: 1, **({negative: 0} if negative else {})}
    expected = f"{positive!r} and one other value" + (f", {negative!r}" if negative else "")
    return LabelRule(BINARY, expected, (negative, positive), words)


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
    refused = RefusedValues.of(texts, wrong, expected=expected)
    raise RefusedError(refused.message(what, len(texts)))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """As scikit-learn sorts classes: by value if all are numbers, else as texts."""
    kept = [name for name in names if name]
    if all(np.isfinite(_number(name)) for name in kept):
        return tuple(sorted(kept, key=_number))
    return tuple(sorted(kept))
