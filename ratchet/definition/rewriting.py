"""Another document made of one, with some places changed; the first stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from ratchet.definition.expressions import Keys, place_of


class _Sentinel(Enum):
    REMOVED = "removed"


REMOVED: Final = _Sentinel.REMOVED
"""As the new value of an object's member: the member goes."""


def rewritten(body: Any, changes: Mapping[Keys, Any]) -> Any:
    """A copy of a JSON value with other values at these places; what is unchanged is shared.

    A change may add a member to an object that is there. Items of lists are replaced only: to add
    or remove one, replace the list.

    Raises:
        LookupError: a place is not there.
    """
    if () in changes:
        raise LookupError("the root has no holder: write its members")
    copies: dict[Keys, Any] = {(): _copy(body)} if changes else {}
    for keys, value in changes.items():
        _put(_holder(copies, keys), keys, value)
    return copies.get((), body)


def _holder(copies: dict[Keys, Any], keys: Keys) -> Any:
    for depth in range(1, len(keys)):
        here = keys[:depth]
        if here not in copies:
            above = copies[keys[: depth - 1]]
            copies[here] = above[keys[depth - 1]] = _copy(above[keys[depth - 1]])
    return copies[keys[:-1]]


def _put(holder: Any, keys: Keys, value: Any) -> None:
    last = keys[-1]
    if isinstance(holder, dict) != isinstance(last, str):
        raise LookupError(f"{place_of(keys)} is no place: {place_of(keys[:-1])} has no such key")
    if value is REMOVED:
        if not isinstance(holder, dict):
            raise LookupError(f"{place_of(keys)} is an item of a list: replace the list")
        del holder[last]
    else:
        holder[last] = value


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise LookupError(f"expected an object or a list to change something in, got {value!r}")
