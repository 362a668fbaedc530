"""A notebook as a step's code: what it says, without what running it leaves behind.

https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ratchet.authoring.errors import BundleError
from ratchet.loop.notebook_jobs import PARAMETERS_TAG

SUFFIX = ".ipynb"
KERNEL = "python3"
_RUN_AS_IT_STANDS = ("%%time", "%%capture")
_OWN_LINE = re.compile(r"(\s*)([%!?].*|[%\w.]+\?{1,2}|[\w, ]+=\s*[%!].*)")


def is_notebook(path: Path | str) -> bool:
    return Path(path).suffix == SUFFIX


@dataclass(frozen=True)
class CodeCell:
    """`number` counts all cells of the notebook from 1. `python` has as many lines as the cell."""

    number: int
    python: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class NotebookFile:
    """A notebook of Python code in format 4."""

    path: Path
    document: Mapping[str, Any]

    @cached_property
    def cells(self) -> tuple[CodeCell, ...]:
        """The code cells."""
        return tuple(
            CodeCell(number, _python(_text(cell["source"])), _tags(cell))
            for number, cell in enumerate(self.document["cells"], start=1)
            if cell["cell_type"] == "code"
        )

    @property
    def python(self) -> bytes:
        """The code of all cells, one after the other."""
        return "".join(f"{cell.python}\n" for cell in self.cells).encode()

    def place(self, line: int) -> str:
        """Where a line of `python` stands, for people: `cell 3, line 2`."""
        for cell in self.cells:
            lines = cell.python.count("\n") + 1
            if line <= lines:
                return f"cell {cell.number}, line {line}"
            line -= lines
        return f"line {line}"

    @cached_property
    def defaults(self) -> Mapping[str, ast.expr] | None:
        """The names that the cells tagged `parameters` set, and to what; None without such cells.

        Raises:
            BundleError: one is not valid Python.
        """
        cells = [cell for cell in self.cells if PARAMETERS_TAG in cell.tags]
        if not cells:
            return None
        return {name: value for cell in cells for name, value in self._assigned(cell)}

    def _assigned(self, cell: CodeCell) -> Iterator[tuple[str, ast.expr]]:
        try:
            body = ast.parse(cell.python).body
        except SyntaxError as error:
            raise BundleError(
                f"{self.path}, cell {cell.number}, line {error.lineno} is not valid Python: "
                f"{error.msg}"
            ) from None
        yield from assignments(ast.Module(body, type_ignores=[]))

    def stripped(self) -> bytes:
        """The notebook as the job gets it: its cells with their tags. Without outputs, counts, ids,
        dates, and whatever else of its metadata an editor writes, so that running it changes
        nothing."""
        kernel = {"display_name": KERNEL, "language": "python", "name": KERNEL}
        document = {
            "cells": [_stripped(cell) for cell in self.document["cells"]],
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 4,  # the last without ids
        }
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The names that the statements of a cell set, each with the expression of its value."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                yield from ((t.id, value) for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def load(path: Path) -> NotebookFile:
    """Reads a notebook.

    Raises:
        BundleError: it is no notebook of Python code in format 4.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BundleError(f"{path} is no notebook: {error}") from None
    if not isinstance(document, dict) or document.get("nbformat") != 4:
        version = document.get("nbformat") if isinstance(document, dict) else None
        found = f"format {version}" if version else "no notebook"
        raise BundleError(
            f"{path} is {found}, expected format 4; convert it: "
            f"jupyter nbconvert --to notebook --nbformat 4 {path}"
        )
    language = _language(document.get("metadata") or {})
    if language and not language.lower().startswith(("python", "ipython")):
        raise BundleError(f"{path} is a notebook for {language}, expected Python")
    return NotebookFile(path, document)


def _language(metadata: Mapping[str, Any]) -> str:
    kernel = metadata.get("kernelspec") or {}
    return str(kernel.get("language") or (metadata.get("language_info") or {}).get("name") or "")


def _stripped(cell: Mapping[str, Any]) -> dict[str, Any]:
    tags = _tags(cell)
    kept: dict[str, Any] = {
        "cell_type": cell["cell_type"],
        "metadata": {"tags": list(tags)} if tags else {},
        "source": _text(cell["source"]).splitlines(keepends=True),
    }
    if cell["cell_type"] == "code":
        return {**kept, "execution_count": None, "outputs": []}
    return {**kept, "attachments": cell["attachments"]} if cell.get("attachments") else kept


def _tags(cell: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, (cell.get("metadata") or {}).get("tags") or ()))


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _python(source: str) -> str:
    """The source with `pass` for what only IPython understands, line by line."""
    if _is_python(source):
        return source
    lines = source.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if lines[first].split()[0] not in _RUN_AS_IT_STANDS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    own = [_OWN_LINE.fullmatch(line) for line in lines]
    return "\n".join(
        f"{match[1]}pass" if match else line for match, line in zip(own, lines, strict=True)
    )


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
