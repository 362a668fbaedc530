"""Whether two models answer the same."""

from __future__ import annotations

import copy
import random
from typing import Any, Callable, Mapping

from .kinds import is_plain, kind

ROWS_AMID = 2000
"""Rows that nobody was fitted on: enough to tell two models apart, and quickly answered."""

METHODS = ("predict_proba", "decision_function", "predict", "transform")
ASKABLE = ("frame", "array", "sparse", "series", "plain", "object")


def answers_difference(
    got: Any,
    want: Any,
    questions: Mapping[str, Any],
    otherwise: str,
    compare: Callable[[Any, Any, bool], str],
) -> str:
    """Empty when at least one question gets an answer and all answers of both models are the same.

    Models that were fitted on a question's rows may repeat its labels whatever they have learned,
    so each table is asked about once more with its columns shuffled, each by itself.

    Args:
        otherwise: what is returned when no question gets an answer.
    """
    text = compare(_plain_parameters(got), _plain_parameters(want), False)
    if text:
        return f"parameters: {text}"
    answered = False
    askable = {n: questions[n] for n in sorted(questions) if kind(questions[n]) in ASKABLE}
    shuffled = {f"{name}, shuffled": _columns_shuffled(each) for name, each in askable.items()}
    for name, question in {**askable, **shuffled}.items():
        if question is None:
            continue
        for method in METHODS:
            mine, theirs = (_ask(model, method, question) for model in (got, want))
            if (mine is None) != (theirs is None):
                return f"{method}({name}) works for one of the two only"
            if mine is None or theirs is None:
                continue
            text = compare(mine[0], theirs[0], False)
            if text:
                return f"{method}({name}): {text}"
            answered = True
    return "" if answered else f"{otherwise}; no recorded input that the model could be asked about"


def _columns_shuffled(table: Any) -> Any:
    """The first rows of a table with each column in an order of its own; None for what is none."""
    what = kind(table)
    if what not in ("frame", "array") or table.ndim != 2 or not len(table):
        return None
    rows = min(len(table), ROWS_AMID)
    generator = random.Random(0)  # noqa: S311
    orders = [generator.sample(range(rows), rows) for _ in range(table.shape[1])]
    if what == "frame":
        import pandas

        columns = [table.iloc[order, at].reset_index(drop=True) for at, order in enumerate(orders)]
        return pandas.concat(columns, axis=1) if columns else None
    mixed = table[:rows].copy()
    for at, order in enumerate(orders):
        mixed[:, at] = table[order, at]
    return mixed


def _ask(model: Any, method: str, question: Any) -> list[Any] | None:
    """The answer, in a list; None when the model gives none."""
    if not callable(getattr(model, method, None)):
        return None
    try:
        return [getattr(model, method)(copy.deepcopy(question))]
    except Exception:
        return None


def _plain_parameters(model: Any) -> dict[str, Any]:
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    return {name: value for name, value in parameters.items() if is_plain(value)}
