"""The packages that a script needs beside those of this machine: its image's, and those that its
requirements.txt asks for.

SageMaker's containers have the first, and install the second before the script starts. Here both
go into an environment that is named by what is in it and made once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ratchet.loop import environments
from ratchet.runner import image_packages
from ratchet.runner.errors import StepFailed
from ratchet.runner.records import Stream


def interpreter(
    code: Path,
    on_line: Callable[[Stream, str], None],
    *,
    environment: Mapping[str, str],
    image: str = "",
) -> str:
    """The Python that runs the scripts in folder `code`: this one, or one with what they need.

    Args:
        code: with a requirements.txt or without.
        environment: the variables of pip, and so of what a package runs when it is installed.
        image: its URI, whose packages the scripts may import.

    Raises:
        StepFailed: they cannot be installed; with pip's words.
    """
    return with_packages(
        _missing_here(code, image),
        on_line,
        environment=environment,
        file=code / environments.REQUIREMENTS,
    )


def interpreter_at_hand(code: Path, *, image: str = "") -> str:
    """As `interpreter`, but this Python where nothing has installed what they need."""
    python = environments.python_at_hand(
        environments.cache(),
        _if_there(code / environments.REQUIREMENTS),
        _missing_here(code, image),
    )
    return python or sys.executable


def _missing_here(code: Path, image: str) -> list[str]:
    modules = image_packages.imported(image_packages.in_folder(code))
    return image_packages.missing_here(modules, image)


def with_packages(
    missing: Sequence[str],
    on_line: Callable[[Stream, str], None],
    *,
    environment: Mapping[str, str],
    file: Path | None = None,
) -> str:
    """The Python with these packages of an image, and those of a requirements file.

    As `interpreter`.
    """
    file = _if_there(file)
    try:
        return environments.python_with(
            environments.cache(),
            file,
            missing,
            environment=environment,
            emit=lambda line: on_line("stdout", line),
        )
    except environments.NotInstalledError as error:
        raise StepFailed(f"ClientError: {error}") from None


def _if_there(file: Path | None) -> Path | None:
    return file if file is not None and file.is_file() else None
