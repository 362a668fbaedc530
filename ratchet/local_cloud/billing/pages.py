"""Pages of a list; a token marks where the next one begins."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from ratchet.local_cloud.sagemaker.errors import ApiError

T = TypeVar("T")


def page(items: Sequence[T], token: str | None, size: int) -> tuple[Sequence[T], str | None]:
    """One page, and the token of the next; None after the last.

    Raises ApiError (InvalidNextTokenException) for a token that is none of ours.
    """
    start = _start(token)
    end = start + size
    following = base64.b64encode(f"from:{end}".encode()).decode() if end < len(items) else None
    return items[start:end], following


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        name, number = base64.b64decode(token, validate=True).decode().split(":")
    except ValueError:
        name, number = "", ""
    if name != "from" or not number.isdecimal():
        raise ApiError("InvalidNextTokenException", f"{token!r} is no token of this list")
    return int(number)
