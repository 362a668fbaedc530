"""A small project with one notebook, whose step `s` a test promotes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ratchet.notebooks import cells
from ratchet.notebooks.plan import refusals
from ratchet.notebooks.promotion import Request, StepPromotion, modules_beside, promote
from ratchet.notebooks.refusals import NotPromotableError
from ratchet.notebooks.writing import write

NOTEBOOK = Path("notebooks") / "n.ipynb"


def notebook_text(sources: Sequence[str], tags: Mapping[int, Sequence[str]] | None = None) -> str:
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {"tags": list((tags or {}).get(number, ()))},
                    "outputs": [],
                    "source": source.splitlines(keepends=True),
                }
                for number, source in enumerate(sources)
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    )


def project(root: Path, sources: Sequence[str], files: Mapping[str, str] | None = None) -> Request:
    """Writes a project; files lie beside the notebook."""
    path = root / NOTEBOOK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook_text(sources), encoding="utf-8")
    for name, text in (files or {}).items():
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).write_text(text, encoding="utf-8")
    return Request(notebook=path, step="s", root=root, model="m", name="the_step")


def static_reasons(request: Request) -> str:
    """What the code alone says against the promotion."""
    notebook = cells.load(request.notebook)
    return "\n".join(map(str, refusals(notebook, "s", modules_beside(request.notebook))))


def outcome(request: Request) -> tuple[StepPromotion | None, str]:
    """The promotion, or the reasons against it."""
    try:
        return promote(request, lambda text: None), ""
    except NotPromotableError as problem:
        return None, "\n".join(map(str, problem.refusals))


def printed(notebook: Path, *, hash_seed: str) -> str:
    """What the cells of a notebook print, run as one plain program in the notebook's folder."""
    sources = [cell.code for cell in cells.load(notebook).code_cells]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(sources)],
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed_before_and_after(request: Request, promotion: StepPromotion) -> tuple[str, str]:
    """What the notebook prints before and after the promotion is written."""
    before = printed(request.notebook, hash_seed="1")
    write(promotion)
    return before, printed(request.notebook, hash_seed="2")
