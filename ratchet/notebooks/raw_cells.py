"""A cell as a file holds it, before its mark and its Python are read."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.notebooks.errors import NotebookError


@dataclass(frozen=True)
class RawCell:
    """Attributes: `kind` is code, markdown or raw; `first_line` counts from 1 in a script."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    first_line: int | None = None


def python_only(path: str, language: str) -> None:
    """Refuses a notebook whose kernel speaks another language; an empty name is taken for Python.

    Raises:
        NotebookError: it is another language.
    """
    if language and not language.lower().startswith(("python", "ipython")):
        raise NotebookError(
            f"{path} is a notebook for {language}; expected Python. "
            "Mark steps in a notebook with a Python kernel"
        )
