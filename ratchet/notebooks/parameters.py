"""The parameters of a notebook: what its cells tagged `parameters` set, and values for them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ratchet.authoring.notebook_file import assignments
from ratchet.loop.notebook_jobs import PARAMETERS_TAG
from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.errors import NotebookError

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OPAQUE = object()


def defaults(notebook: Notebook) -> dict[str, ast.expr]:
    """Name → the expression of its default; empty when no cell is tagged `parameters`."""
    cells = [cell for cell in notebook.code_cells if PARAMETERS_TAG in cell.tags]
    return {name: value for cell in cells for name, value in assignments(cell.tree)}


def split(words: Iterable[str]) -> dict[str, str]:
    """`name=value` words as a mapping; the last of one name counts.

    Raises:
        NotebookError: a word has no `=`.
    """
    pairs = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise NotebookError(f"{word!r} is no parameter; expected name=value: -p {word}=…")
        pairs[name.strip()] = value
    return pairs


def typed(notebook: Notebook, values: Mapping[str, str]) -> dict[str, object]:
    """The values in the types of their defaults: `rows = 10` makes an int of "5".

    Raises:
        NotebookError: the notebook has no such parameter, or a value is not of the type.
    """
    known = defaults(notebook)
    for name in values:
        if name not in known:
            raise NotebookError(_unknown(notebook, name, known))
    return {name: _typed(name, text, known[name]) for name, text in values.items()}


def _unknown(notebook: Notebook, name: str, known: Mapping[str, ast.expr]) -> str:
    if not known:
        return (
            f"{notebook.path} has no parameter {name!r}: no cell is tagged `parameters`. Put the "
            f"default into a cell of its own ({name} = …), and tag that cell"
        )
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
    return f"{notebook.path} has no parameter {name!r}; {meant}"


def _typed(name: str, text: str, default: ast.expr) -> object:
    try:
        value: object = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError):
        value = _OPAQUE
    kind = type(value)
    try:
        if kind is bool:
            return _BOOLEANS[text.lower()]
        if kind in (int, float):
            return kind(text)
        if kind in (list, tuple, dict, set):
            read = ast.literal_eval(text)
            if type(read) is kind:
                return read
            raise ValueError
    except (ValueError, KeyError, SyntaxError):
        raise NotebookError(
            f"{name} is {text!r}; expected {_article(kind)}, as its default "
            f"{name} = {ast.unparse(default)}"
        ) from None
    return text


def _article(kind: type) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    return names.get(kind, f"a {kind.__name__} as Python writes it")
