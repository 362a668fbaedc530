"""Where the cells of a notebook stand in its JSON text, so that all other text stays as it is."""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ratchet.notebooks.errors import NotebookError

_DECODER = json.JSONDecoder()


def cell_spans(path: str, text: str) -> list[tuple[int, int]]:
    """The start and end of each cell's object in the text.

    Raises:
        NotebookError: the notebook has its cells in worksheets (nbformat 3).
    """
    for key, start in _members(text, _skip(text, 0)):
        if key == "cells":
            return _elements(text, start)
    raise NotebookError(
        f"{path} is in the form of nbformat 3. "
        f"Convert it: jupyter nbconvert --to notebook --inplace {path}"
    )


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _members(text: str, at: int) -> list[tuple[str, int]]:
    """The keys of the object at a place, each with the place of its value."""
    members: list[tuple[str, int]] = []
    at = _skip(text, at + 1)
    while text[at] == '"':
        key, at = scanstring(text, at + 1, True)
        at = _skip(text, _skip(text, at) + 1)
        members.append((key, at))
        _, at = _value(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _elements(text: str, at: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _value(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return spans


def _value(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)
