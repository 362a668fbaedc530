"""Whether two models answer the same."""

from __future__ import annotations

import copy
from typing import Any, Callable, Mapping

from .kinds import is_plain, kind

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

    Args:
        otherwise: what is returned when no question gets an answer.
    """
    text = compare(_plain_parameters(got), _plain_parameters(want), False)
    if text:
        return f"parameters: {text}"
    answered = False
    for name in sorted(questions):
        if kind(questions[name]) not in ASKABLE:
            continue
        for method in METHODS:
            mine, theirs = (_ask(model, method, questions[name]) for model in (got, want))
            if (mine is None) != (theirs is None):
                return f"{method}({name}) works for one of the two only"
            if mine is None or theirs is None:
                continue
            text = compare(mine[0], theirs[0], False)
            if text:
                return f"{method}({name}): {text}"
            answered = True
    return "" if answered else f"{otherwise}; no recorded input that the model could be asked about"


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
