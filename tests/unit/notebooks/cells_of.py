"""Notebooks for tests, written as short texts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ratchet.notebooks.cells import Notebook, read

CellText = str | tuple[str, Sequence[str]]
"""A cell: its source, or its source and its tags."""


def ipynb(*cells: CellText, language: str = "python") -> str:
    """The JSON of a notebook; a cell is its source, or its source and its tags."""
    entries = []
    for cell in cells:
        source, tags = (cell, ()) if isinstance(cell, str) else cell
        entries.append(
            {
                "cell_type": "code",
                "metadata": {"tags": list(tags)} if tags else {},
                "source": source.splitlines(keepends=True),
                "outputs": [],
                "execution_count": None,
            }
        )
    kernel = {"language": language, "name": "python3", "display_name": "Python 3"}
    document = {"cells": entries, "metadata": {"kernelspec": kernel}, "nbformat": 4}
    return json.dumps(document | {"nbformat_minor": 5}, indent=1)


def notebook(*cells: CellText) -> Notebook:
    """A notebook of these cells."""
    return read("a.ipynb", ipynb(*cells))
