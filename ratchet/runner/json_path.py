"""JsonPath as Std:JsonGet takes it.

The service follows the Jayway implementation (developer guide, "Pass Data Between Steps"): a
definite path gives the value itself and fails when nothing is there; an indefinite one (wildcard,
filter, slice, descent) gives the list of what it finds. A leading `$.` may be left out.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

_PLAIN = re.compile(r"""\.?([A-Za-z_][A-Za-z0-9_\-]*)|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
_SHOWN = 200


class JsonPathError(Exception):
    """The path is not one, or finds nothing."""


def find(path: str, document: Any) -> Any:
    """The value at a path, or the list of values of an indefinite path."""
    plain = _plain(path)
    return _dig(plain, path, document) if plain is not None else _query(path, document)


def check(path: str) -> str | None:
    """What is wrong with a path, or None."""
    if _plain(path) is not None:
        return None
    try:
        _compile(path)
    except JsonPathError as error:
        return str(error)
    return None


@functools.lru_cache(maxsize=1024)
def _plain(path: str) -> tuple[str | int, ...] | None:
    """The steps of a path of names and indexes only, or None; spares the import of a parser."""
    text = path.removeprefix("$")
    tokens: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PLAIN.match(text, position)
        # A name must follow a dot, except at the very start.
        if match is None or (match[1] and position > 0 and text[position] != "."):
            return None
        name, index, single, double = match.groups()
        tokens.append(
            int(index) if index is not None else next(filter(None, (name, single, double)), "")
        )
        position = match.end()
    return tuple(tokens) if path else None


def _dig(tokens: tuple[str | int, ...], path: str, document: Any) -> Any:
    value = document
    for token in tokens:
        try:
            value = child(value, token)
        except LookupError:
            raise JsonPathError(_nothing(path, document)) from None
    return value


def child(value: Any, token: str | int) -> Any:
    """The member of an object or the element of a list; LookupError if there is none."""
    if isinstance(value, dict) and isinstance(token, str):
        return value[token]
    if isinstance(value, list) and isinstance(token, int):
        return value[token]
    raise LookupError(token)


def _nothing(path: str, document: Any) -> str:
    shown = json.dumps(document, ensure_ascii=False)
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return f"nothing at JSON path {path!r}; the document holds {shown}"


@functools.lru_cache(maxsize=256)
def _compile(path: str) -> Any:
    # python-jsonpath takes 0.15 s to import and most definitions need none of it.
    import jsonpath

    try:
        return jsonpath.compile(path if path.startswith("$") else f"$.{path}")
    except (jsonpath.JSONPathError, IndexError) as error:
        raise JsonPathError(f"{path!r} is not a JSON path: {error}") from None


def _query(path: str, document: Any) -> Any:
    compiled = _compile(path)
    values = compiled.findall(document)
    if not compiled.singular_query():
        return values
    if not values:
        raise JsonPathError(_nothing(path, document))
    return values[0]
