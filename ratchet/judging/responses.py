"""What a model's inference code answers in CSV, one line for each row.

Binary: the probability of the positive class. Regression: the number. Multiclass: the class, then
either nothing or the probability of each class, in the order of the classes.
"""

from __future__ import annotations

import csv

import numpy as np

from ratchet.judging.answers import Answers, RefusedError, TrueLabels, numbers, plain, refuse
from ratchet.loop.problems import MULTICLASS, REGRESSION

_WHOLE = 0.01
"""How far the probabilities of a row, rounded as they are written, may be from 1 together."""
_SAME_ORDER = 0.5
"""In which share of rows at least the likeliest class is the answer."""


def read_response(response: str, labels: TrueLabels) -> Answers:
    """The answers for the rows of the labels.

    Raises:
        RefusedError: there are more or fewer, or some are not understood.
    """
    try:
        cells = [row for row in csv.reader(response.splitlines()) if row]
    except csv.Error as error:
        raise RefusedError(f"the answers are no CSV: {error}") from None
    if len(cells) == 1 and labels.rows > 1:  # as SageMaker's own algorithms answer
        cells = [[cell] for cell in cells[0] if cell]
    if len(cells) != labels.rows:
        raise RefusedError(f"{len(cells):,} answers for {labels.rows:,} rows; expected one a row")
    if labels.problem == MULTICLASS:
        return _of_classes(cells, labels)
    wide = [row for row in cells if len(row) > 1]
    if wide:
        raise RefusedError(
            f"{len(wide):,} of {len(cells):,} answers have several values, such as "
            f"{','.join(wide[0])[:60]!r}; expected one number a row"
        )
    texts = [row[0].strip() for row in cells]
    values = numbers(texts, "answers")
    if labels.problem != REGRESSION:
        refuse(
            "answers",
            texts,
            (values < 0) | (values > 1),
            expected="probabilities between 0 and 1",
        )
    return Answers(values)


def _of_classes(cells: list[list[str]], labels: TrueLabels) -> Answers:
    names = [plain(row[0]) for row in cells]
    refuse("answers", names, np.array([not name for name in names]), expected="the name of a class")
    only_answered = sorted(set(names) - set(labels.classes))
    classes = (*labels.classes, *only_answered)
    places = {name: place for place, name in enumerate(classes)}
    values = np.array([places[name] for name in names])
    widths = {len(row) - 1 for row in cells}
    if len(widths) > 1:
        raise RefusedError(
            f"answers have {min(widths)} to {max(widths)} probabilities; expected none, or one for "
            "each class in every row"
        )
    (width,) = widths
    if width == 0:
        return Answers(values, classes, no_probabilities="the model answers none")
    if width != len(labels.classes) or only_answered:
        why = (
            f"the model answers {width:,} probabilities and {len(only_answered):,} classes that no "
            f"label has, of which there are {len(labels.classes):,}; [model] classes can name all "
            "of the model's, in its order"
        )
        return Answers(values, classes, no_probabilities=why)
    flat = [cell.strip() for row in cells for cell in row[1:]]
    shares = numbers(flat, "probabilities")
    refuse("probabilities", flat, (shares < 0) | (shares > 1), expected="numbers between 0 and 1")
    probabilities = shares.reshape(len(cells), width)
    totals = probabilities.sum(axis=1)
    refuse(
        "rows of probabilities",
        [",".join(row[1:]) for row in cells],
        np.abs(totals - 1) > _WHOLE,
        expected="numbers that are 1 together",
    )
    if (probabilities.argmax(axis=1) == values).mean() < _SAME_ORDER:
        why = (
            "the likeliest class is another than the answer in most rows, so the probabilities are "
            "in another order than the classes; [model] classes can name the model's order"
        )
        return Answers(values, classes, no_probabilities=why)
    return Answers(values, classes, probabilities=probabilities)
