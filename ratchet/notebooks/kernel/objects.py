"""Whether two objects are the same, of types that are compared by their state, and models."""

from __future__ import annotations

import datetime
import decimal
import pickle
from typing import Any, Callable, Mapping

from .answers import answers_difference
from .kinds import kind

Compare = Callable[[Any, Any, bool], str]

_BY_EQUALITY = (datetime.date, datetime.time, datetime.timedelta, bytes, complex, range)


def object_difference(
    got: Any, want: Any, questions: Mapping[str, Any], compare: Compare, exact: bool
) -> str:
    """Empty when two objects of one type have the same pickle, state or, as models, answers."""
    if _is_masked(want):  # a pickle of it loses its hard mask
        return _masked_difference(got, want, compare, exact)
    if _same_pickle(got, want):
        return ""
    if isinstance(want, decimal.Decimal):
        return "" if str(got) == str(want) else f"{got} instead of {want}"
    if isinstance(want, _BY_EQUALITY):
        return "" if got == want and repr(got) == repr(want) else f"{got!r} instead of {want!r}"
    if _is_bunch(want):
        return compare(dict(got), dict(want), exact)
    text = _state_difference(got, want, compare, exact)
    if text and not exact and kind(want) == "model":
        return answers_difference(got, want, questions, text, compare)
    return text


def _is_bunch(value: Any) -> bool:
    """A dictionary of scikit-learn whose items can be read as attributes. A pickle of it leaves its
    own attributes out."""
    module = type(value).__module__
    return type(value).__name__ == "Bunch" and module.startswith("sklearn.utils")


def _is_masked(value: Any) -> bool:
    return type(value).__name__ == "MaskedArray" and type(value).__module__.startswith("numpy.ma")


def _masked_difference(got: Any, want: Any, compare: Compare, exact: bool) -> str:
    """By the values, those under the mask too, the mask, and what stands for masked values."""
    import numpy

    for what, part in (
        ("mask", numpy.ma.getmaskarray),
        ("values", lambda array: numpy.ma.getdata(array, subok=False)),
        # Whoever reads it sets it where it is not set yet, in a view of the array here
        ("fill value", lambda array: numpy.asarray(array.view().fill_value)),
        ("hard mask", lambda array: bool(array.hardmask)),
    ):
        text = compare(part(got), part(want), exact)
        if text:
            return f"{what}: {text}"
    return ""


def _same_pickle(got: Any, want: Any) -> bool:
    try:
        return pickle.dumps(got) == pickle.dumps(want)
    except Exception:
        return False


def _state_difference(got: Any, want: Any, compare: Compare, exact: bool) -> str:
    name = type(want).__name__
    try:
        mine, theirs = _state(got), _state(want)
    except Exception as error:
        return f"a {name} cannot be compared ({type(error).__name__})"
    if theirs is None or mine is None:
        return f"a {name} cannot be compared"
    text = compare(mine, theirs, exact)
    return f"state of a {name}: {text}" if text else ""


def _state(value: Any) -> Any:
    """What a pickle of the value keeps; None when there is no telling.

    https://docs.python.org/3/library/pickle.html#object.__reduce__: the constructor, its arguments,
    the state, and the items of lists and dicts.
    """
    reduced = value.__reduce_ex__(4)
    if not isinstance(reduced, tuple):
        return None
    parts: list[Any] = [getattr(reduced[0], "__qualname__", None)]
    parts.append([_argument(argument) for argument in reduced[1]])
    parts.append(reduced[2] if len(reduced) > 2 else None)
    parts += [list(items) if items is not None else None for items in reduced[3:5]]
    return parts


def _argument(argument: Any) -> Any:
    """A class by its name: classes themselves are not compared."""
    if isinstance(argument, type):
        return f"{argument.__module__}.{argument.__qualname__}"
    return argument
