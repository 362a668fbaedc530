"""Notebooks as cells: `.ipynb`, and Python scripts in the percent form (`# %%`).

The percent form is the one that jupytext writes: https://jupytext.readthedocs.io, "The percent
format". Its other forms are refused, and so are notebooks for another language than Python.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from ratchet.notebooks import marks, percent
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.ipython import Magic, PythonCode, SyntaxFault, to_python
from ratchet.notebooks.raw_cells import RawCell, python_only

SUFFIXES = (".ipynb", ".py")
_TEXT_FORMS = {".md", ".rmd", ".qmd", ".myst", ".markdown"}


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        index: the place among all cells of the notebook, from 0.
        kind: `code`, `markdown` or `raw`.
        source: the text as it stands in the notebook.
        python: the Python of a code cell, of as many lines as the source, and its magics.
        tags: the cell's tags.
        step: the name of the step that the cell is marked for, or None.
        outputs: the names after `->` of the mark.
        promoted: the step whose script the cell calls, or None.
        first_line: of a script, the line of the file on which the source begins, from 1; None in
            `.ipynb`, where a cell's lines count for themselves.
    """

    index: int
    kind: str
    source: str
    python: PythonCode = field(repr=False)
    tags: tuple[str, ...] = ()
    step: str | None = None
    outputs: tuple[str, ...] = ()
    promoted: str | None = None
    first_line: int | None = None

    @property
    def code(self) -> str:
        """The Python without magics, of as many lines as the source."""
        return self.python.text

    @property
    def tree(self) -> ast.Module:
        return self.python.tree

    @property
    def magics(self) -> tuple[Magic, ...]:
        return self.python.magics

    @property
    def syntax_fault(self) -> SyntaxFault | None:
        """Why the cell is not Python, or None."""
        return self.python.fault

    def where(self, line: int = 1) -> str:
        """A place for people: `cell 3, line 2`, both from 1; in a script `line 41`."""
        if self.first_line is None:
            return f"cell {self.index + 1}, line {line}"
        return f"line {self.first_line + line - 1}"


@dataclass(frozen=True)
class MarkProblem:
    """A mark that is not as it should be."""

    cell: Cell
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.cell.where(self.line)}: {self.message}"


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook.

    Attributes:
        path: as the reader was given it; names the notebook in messages.
        cells: all cells, in order.
        mark_problems: marks that do not count because something is wrong with them.
    """

    path: str
    cells: tuple[Cell, ...]
    mark_problems: tuple[MarkProblem, ...] = ()

    @cached_property
    def code_cells(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind == "code")

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The names of the marked steps, in the order of their first cells."""
        return tuple(dict.fromkeys(cell.step for cell in self.cells if cell.step))

    @cached_property
    def promoted(self) -> tuple[str, ...]:
        """The names of the steps whose scripts are called by cells, in order."""
        return tuple(dict.fromkeys(cell.promoted for cell in self.cells if cell.promoted))

    def step_cells(self, step: str) -> tuple[Cell, ...]:
        """The cells that are marked for a step, in order."""
        return tuple(cell for cell in self.cells if cell.step == step)

    def step_outputs(self, step: str) -> tuple[str, ...]:
        """The names that the step's marks name after `->`, in order; empty if they name none."""
        return tuple(dict.fromkeys(name for c in self.step_cells(step) for name in c.outputs))


def load(path: Path) -> Notebook:
    """Reads a notebook from a file.

    Raises:
        NotebookError: there is no such file, or it is not a notebook that Ratchet reads.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotebookError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise NotebookError(f"{path} cannot be read: {problem}") from None
    return read(str(path), text)


def read(path: str, text: str) -> Notebook:
    """Reads a notebook from its text.

    Args:
        path: its suffix says the form; it names the notebook in messages.
        text: the content of the file.

    Raises:
        NotebookError: it is not a notebook of Python code in one of the two forms.
    """
    suffix = PurePath(path).suffix.lower()
    if suffix == ".ipynb":
        raw_cells = _read_ipynb(path, text)
    elif suffix == ".py":
        raw_cells = percent.read_percent(path, text)
    elif suffix in _TEXT_FORMS:
        raise NotebookError(
            f"{path} is a notebook in a text form; expected .ipynb, or a script with `# %%`. "
            f"Convert it: jupytext --to py:percent {path}"
        )
    else:
        raise NotebookError(f"{path} is no notebook; expected .ipynb, or a script with `# %%`")
    cells: list[Cell] = []
    problems: list[MarkProblem] = []
    for index, raw in enumerate(raw_cells):
        cell, faults = _cell(index, raw)
        cells.append(cell)
        problems.extend(MarkProblem(cell, fault.line, fault.message) for fault in faults)
    return Notebook(path, tuple(cells), tuple(problems))


def _cell(index: int, raw: RawCell) -> tuple[Cell, tuple[marks.MarkFault, ...]]:
    is_code = raw.kind == "code"
    mark, faults = marks.read_mark(raw.source, raw.tags, is_code=is_code)
    cell = Cell(
        index=index,
        kind=raw.kind,
        source=raw.source,
        python=to_python(raw.source if is_code else ""),
        tags=raw.tags,
        step=mark.step if mark else None,
        outputs=mark.outputs if mark else (),
        promoted=marks.promoted_step(raw.tags) if is_code else None,
        first_line=raw.first_line,
    )
    return cell, faults


def _read_ipynb(path: str, text: str) -> list[RawCell]:
    """The cells of a notebook in JSON: nbformat 4, or 3, which has its cells in worksheets."""
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise NotebookError(f"{path} is not JSON: {problem}") from None
    if not isinstance(document, dict) or not ("cells" in document or "worksheets" in document):
        raise NotebookError(f"{path} has no cells: it is JSON, but no notebook")
    metadata = document.get("metadata") or {}
    python_only(path, _language(metadata))
    try:
        if "cells" in document:
            entries = document["cells"]
        else:
            entries = [cell for sheet in document["worksheets"] for cell in sheet["cells"]]
        return [_raw_cell(entry) for entry in entries]
    except (KeyError, TypeError, AttributeError) as problem:
        raise NotebookError(
            f"{path} has a cell that is no cell of a notebook ({type(problem).__name__}: {problem})"
        ) from None


def _raw_cell(entry: Mapping[str, Any]) -> RawCell:
    kind = str(entry["cell_type"])
    source: str | Sequence[str] = entry.get("source", entry.get("input", ""))
    return RawCell(
        kind=kind if kind in ("code", "raw") else "markdown",
        source=source if isinstance(source, str) else "".join(source),
        tags=tuple(str(tag) for tag in entry.get("metadata", {}).get("tags", ())),
    )


def _language(metadata: Mapping[str, Any]) -> str:
    kernel = metadata.get("kernelspec") or {}
    return str(kernel.get("language") or (metadata.get("language_info") or {}).get("name") or "")
