"""What a foundation model answered for a row: read strictly, or unparsable with the reason.

An answer is one JSON value, alone or in one code fence, or a bare number or class. Whatever else
stands there may be an answer to a person; to guess at it would score the guess.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.candidates.prompts import RowQuestion
from ratchet.judging.answers import plain
from ratchet.loop.problems import BINARY, MULTICLASS

_FENCE = re.compile(r"```[A-Za-z]*\s*\n?(.*?)\n?\s*```", re.DOTALL)
_TOGETHER = 0.01
"""How far the probabilities of a row may be from 1 together, as they are written."""

EMULATOR_MOCK = "[ministack mock"
"""How an emulator's own text begins when no model stands behind it."""


class UnparsableError(ValueError):
    """The message says what was expected."""


class MockAnswerError(Exception):
    """Nobody answered but an emulator: nothing of it may be scored."""


@dataclass(frozen=True, kw_only=True)
class RowAnswer:
    """What one answer says."""

    value: float | str
    """Binary: the probability of the positive class. Regression: a number. Else: a class."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Of several classes: of each of them; empty where the answer has none."""


def read_answer(text: str, question: RowQuestion) -> RowAnswer:
    """The answer in a model's text.

    Raises:
        UnparsableError: there is none.
        MockAnswerError: an emulator made the text up.
    """
    if text.lstrip().lower().startswith(EMULATOR_MOCK):
        raise MockAnswerError(text.strip()[:80])
    content = _content(text)
    if question.problem == BINARY:
        return RowAnswer(value=_probability(content, question))
    if question.problem == MULTICLASS:
        return _class(content, question)
    return RowAnswer(value=_number(_member(content, "value")))


def _content(text: str) -> Any:
    """The JSON value; a text that is none is a bare word."""
    text = text.strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1].strip()
    if not text:
        raise UnparsableError("the answer is empty")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnparsableError:
        raise
    except (ValueError, RecursionError):
        return text


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise UnparsableError("a member stands there twice, so the answer is not clear")
    return members


def _refuse_constant(name: str) -> None:
    raise UnparsableError(f"{name} is no number")


def _member(content: Any, name: str) -> Any:
    """The member of an object that is the answer; a bare value is the answer itself."""
    if not isinstance(content, dict):
        return content
    if name not in content:
        raise UnparsableError(f"the answer has no member {name!r}")
    return content[name]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnparsableError("expected a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UnparsableError("expected a finite number")
    return number


def _probability(content: Any, question: RowQuestion) -> float:
    if isinstance(content, str) and (name := plain(content)) in question.classes:
        return float(name == question.positive)
    value = _number(_member(content, "probability"))
    if not 0 <= value <= 1:
        raise UnparsableError("expected a probability from 0 to 1")
    return value


def _class(content: Any, question: RowQuestion) -> RowAnswer:
    value = _member(content, "class")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnparsableError("expected the name of a class")
    name = plain(str(value))
    if name not in question.classes:
        raise UnparsableError(f"expected a class, one of {', '.join(question.classes)}"[:120])
    shares = content.get("probabilities") if isinstance(content, dict) else None
    return RowAnswer(value=name, probabilities=_shares(shares, question) if shares else {})


def _shares(shares: Any, question: RowQuestion) -> dict[str, float]:
    if not isinstance(shares, dict):
        raise UnparsableError("expected an object with the probability of each class")
    by_class = {plain(name): _number(value) for name, value in shares.items()}
    if set(by_class) != set(question.classes) or len(by_class) < len(shares):
        raise UnparsableError("expected a probability of each class")
    if any(not 0 <= share <= 1 for share in by_class.values()):
        raise UnparsableError("expected probabilities from 0 to 1")
    if abs(sum(by_class.values()) - 1) > _TOGETHER:
        raise UnparsableError("expected probabilities that are 1 together")
    return by_class
