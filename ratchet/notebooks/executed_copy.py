"""The executed copy of a notebook: how it is made, and what is written about its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ratchet.notebooks.cells import Cell, Notebook
from ratchet.runner import notebook_driver

_KEY = "ratchet"
"""Of the executed notebook's metadata: what `NotebookRun` has, without the notebook itself."""


@dataclass(frozen=True, kw_only=True)
class CellFailure:
    """`cell` counts all cells of the notebook as its file has them, from 1; None is the cell with
    the parameters, which its file does not have."""

    cell: int | None
    error: str
    traceback: str


INTERRUPTED = CellFailure(cell=None, error="interrupted", traceback="")


@dataclass(frozen=True, kw_only=True)
class NotebookRun:
    """One run of a notebook, and where its executed copy is."""

    notebook: str
    """Its path in the project."""
    executed: Path
    when: datetime
    """When it began, in UTC."""
    seconds: float
    environment: str
    data: str
    """The digest of the landed data; "" when the notebook takes none."""
    data_label: str
    """Which data it was, such as `2013-03`."""
    code: str
    """The digest of its code: 16 hexadecimal digits, which no comment changes."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    failure: CellFailure | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None


def document(path: Path, notebook: Notebook) -> Any:
    """The notebook as nbformat has it; a script in the percent form as the notebook it stands
    for."""
    import nbformat

    if path.suffix == ".ipynb":
        return notebook_driver.read(path)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.from_dict(  # type: ignore[no-untyped-call]
        {
            "cells": [_cell(cell) for cell in notebook.cells],
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def _cell(cell: Cell) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"cell-{cell.index + 1}",
        "metadata": {"tags": list(cell.tags)} if cell.tags else {},
        "source": cell.source,
    }
    return made | {"execution_count": None, "outputs": []} if cell.kind == "code" else made


def write(nb: Any, result: NotebookRun, to: Path | None) -> None:
    """Writes the executed notebook to its place, and to `to`."""
    import nbformat

    nb.metadata[_KEY] = {
        "notebook": result.notebook,
        "when": result.when.isoformat(timespec="seconds"),
        "seconds": result.seconds,
        "environment": result.environment,
        "data": result.data,
        "data_label": result.data_label,
        "code": result.code,
        "parameters": json.loads(json.dumps(dict(result.parameters), default=str)),
        "ok": result.ok,
        "error": result.failure.error if result.failure else "",
    }
    for file in filter(None, (result.executed, to)):
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, file)  # type: ignore[no-untyped-call]
