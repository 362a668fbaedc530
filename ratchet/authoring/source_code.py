"""The Python of a file, a script's or a notebook's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ratchet.authoring import notebook_file
from ratchet.authoring.errors import BundleError
from ratchet.authoring.notebook_file import is_notebook

T = TypeVar("T")


def read(file: Path, how: Callable[[bytes], T]) -> T:
    """What a function makes of the Python of a file.

    Raises:
        BundleError: the file is not valid Python.
    """
    try:
        return how(notebook_file.load(file).python if is_notebook(file) else file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = f", {place(file, error.lineno)}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BundleError(f"{file}{line} is not valid Python: {reason}") from None


def place(file: Path, line: int | None) -> str:
    """A line for people, of a notebook with its cell."""
    if is_notebook(file):
        return notebook_file.load(file).place(line or 1)
    return f"line {line}"
