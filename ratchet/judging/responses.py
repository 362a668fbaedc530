"""What a model's inference code answers in CSV, one line for each row.

Binary: the probability of the positive class. Regression: the number. Multiclass: the class, then
either nothing or the probability of each class, in the order of the classes. Where the settings say
in which columns prediction and probability stand, others may be there too.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratchet.judging.answers import (
    Answers,
    RefusedError,
    TrueLabels,
    numbers,
    plain,
    refuse,
    word_rule,
)
from ratchet.judging.metrics import best_threshold
from ratchet.loop.problems import MEDIAN, MULTICLASS, REGRESSION, THRESHOLD

Array = np.ndarray[Any, Any]

_WHOLE = 0.01
"""How far the probabilities of a row, rounded as they are written, may be from 1 together."""
_SAME_ORDER = 0.5
"""In which share of rows at least the likeliest class is the answer."""


@dataclass(frozen=True)
class Reading:
    """How a model's answers are read."""

    prediction: int | str | None = None
    """Where the class or the number stands: position or name; None: where the problem has it."""
    probability: int | str | None = None
    """Where the probability of the positive class stands, or that of the first class."""
    threshold: float | None = THRESHOLD
    """Of a binary problem; None: the one with the best F1 of the answers."""
    quantile: float = MEDIAN

    @property
    def places(self) -> list[int | str]:
        return [place for place in (self.prediction, self.probability) if place is not None]


def read_response(response: str, labels: TrueLabels, reading: Reading | None = None) -> Answers:
    """The answers for the rows of the labels.

    Raises:
        RefusedError: there are more or fewer, or some are not understood.
    """
    reading = reading or Reading()
    try:
        cells = [row for row in csv.reader(response.splitlines()) if row]
    except csv.Error as error:
        raise RefusedError(f"the answers are no CSV: {error}") from None
    if len(cells) == 1 and labels.rows > 1 and not reading.places:
        cells = [[cell] for cell in cells[0] if cell]  # as SageMaker's own algorithms answer
    names = any(isinstance(place, str) for place in reading.places)
    header = [name.strip() for name in cells.pop(0)] if names and cells else []
    if len(cells) != labels.rows:
        raise RefusedError(f"{len(cells):,} answers for {labels.rows:,} rows; expected one a row")
    prediction = _position(reading.prediction, header, "prediction")
    probability = _position(reading.probability, header, "probability")
    if labels.problem == MULTICLASS:
        return _of_classes(cells, labels, prediction, probability)
    if labels.problem == REGRESSION:
        texts = _single(cells) if prediction is None else _column(cells, prediction, "prediction")
        return Answers(numbers(texts, "answers"), quantile=reading.quantile)
    return _of_two(cells, labels, prediction, probability, reading.threshold)


def _position(place: int | str | None, header: Sequence[str], what: str) -> int | None:
    if not isinstance(place, str):
        return place
    if place in header:
        return header.index(place)
    near = difflib.get_close_matches(place, header, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise RefusedError(
        f"the answers have no column {place!r}, the {what} of [model]; {hint}Their first line is "
        f"{','.join(header)[:60]!r}"
    )


def _column(cells: list[list[str]], position: int, what: str) -> list[str]:
    short = [row for row in cells if len(row) <= position]
    if short:
        raise RefusedError(
            f"{len(short):,} of {len(cells):,} answers have no column {position}, the {what} of "
            f"[model], counted from 0; such as {','.join(short[0])[:60]!r}"
        )
    return [row[position].strip() for row in cells]


def _single(cells: list[list[str]]) -> list[str]:
    wide = [row for row in cells if len(row) > 1]
    if wide:
        raise RefusedError(
            f"{len(wide):,} of {len(cells):,} answers have several values, such as "
            f"{','.join(wide[0])[:60]!r}; expected one number a row, or [model] prediction or "
            "probability to say which"
        )
    return [row[0].strip() for row in cells]


def _of_two(
    cells: list[list[str]],
    labels: TrueLabels,
    prediction: int | None,
    probability: int | None,
    threshold: float | None,
) -> Answers:
    named = None
    if prediction is not None:
        texts = [plain(text) for text in _column(cells, prediction, "prediction")]
        rule = word_rule(*labels.classes)
        named, wrong = rule.values(texts)
        refuse("answers", texts, wrong, expected=rule.expected)
        if probability is None:
            why = "the model answers a class alone"
            return Answers(named.astype(float), named=named, no_probabilities=why)
    texts = _single(cells) if probability is None else _column(cells, probability, "probability")
    values = numbers(texts, "answers")
    wrong = (values < 0) | (values > 1)
    refuse("answers", texts, wrong, expected="probabilities between 0 and 1")
    if threshold is None:
        threshold = best_threshold(labels, values)
    return Answers(values, named=named, threshold=threshold)


def _of_classes(
    cells: list[list[str]], labels: TrueLabels, prediction: int | None, probability: int | None
) -> Answers:
    if probability is None and prediction is None:
        prediction, probability = 0, 1
    shares = None if probability is None else _shares(cells, prediction, probability)
    if prediction is None:
        assert shares is not None
        return _likeliest(_probabilities(shares, len(labels.classes)), labels)
    names = [plain(text) for text in _column(cells, prediction, "prediction")]
    refuse("answers", names, np.array([not name for name in names]), expected="the name of a class")
    only_answered = sorted(set(names) - set(labels.classes))
    classes = (*labels.classes, *only_answered)
    places = {name: place for place, name in enumerate(classes)}
    values = np.array([places[name] for name in names])
    width = len(shares[0]) if shares else 0
    if not shares or not width:
        return Answers(values, classes, no_probabilities="the model answers none")
    if width != len(labels.classes) or only_answered:
        why = (
            f"the model answers {width:,} probabilities and {len(only_answered):,} classes that no "
            f"label has, of which there are {len(labels.classes):,}; [model] classes can name all "
            "of the model's, in its order"
        )
        return Answers(values, classes, no_probabilities=why)
    probabilities = _probabilities(shares, width)
    if (probabilities.argmax(axis=1) == values).mean() < _SAME_ORDER:
        why = (
            "the likeliest class is another than the answer in most rows, so the probabilities are "
            "in another order than the classes; [model] classes can name the model's order"
        )
        return Answers(values, classes, no_probabilities=why)
    return Answers(values, classes, probabilities=probabilities)


def _likeliest(probabilities: Array, labels: TrueLabels) -> Answers:
    return Answers(probabilities.argmax(axis=1), labels.classes, probabilities=probabilities)


def _shares(cells: list[list[str]], prediction: int | None, probability: int) -> list[list[str]]:
    """The cells of each row from the first probability on: to its end, or to the prediction."""
    if prediction != probability - 1:  # where they stand behind the class, there may be none
        _column(cells, probability, "probability")
    end = prediction if prediction is not None and prediction > probability else None
    shares = [[cell.strip() for cell in row[probability:end]] for row in cells]
    widths = {len(row) for row in shares}
    if len(widths) > 1:
        raise RefusedError(
            f"answers have {min(widths)} to {max(widths)} probabilities; expected none, or one for "
            "each class in every row"
        )
    return shares


def _probabilities(shares: list[list[str]], classes: int) -> Array:
    """(rows, classes)"""
    if len(shares[0]) != classes:
        raise RefusedError(
            f"answers have {len(shares[0]):,} probabilities for {classes:,} classes; [model] "
            "classes names all of the model's, in its order"
        )
    flat = [cell for row in shares for cell in row]
    values = numbers(flat, "probabilities")
    refuse("probabilities", flat, (values < 0) | (values > 1), expected="numbers between 0 and 1")
    probabilities = values.reshape(len(shares), classes)
    refuse(
        "rows of probabilities",
        [",".join(row) for row in shares],
        np.abs(probabilities.sum(axis=1) - 1) > _WHOLE,
        expected="numbers that are 1 together",
    )
    return probabilities
