"""The packages that a script needs beside those of this machine: its image's, and those that its
requirements.txt asks for.

SageMaker's containers have the first, and install the second before the script starts. Here both
go into an environment that is named by what is in it and made once: what this machine's own
environment has is seen in it, and counts as installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ratchet.runner import image_packages
from ratchet.runner.errors import StepFailed
from ratchet.runner.records import Stream

_FILE = "requirements.txt"
_DONE = "complete"


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
        file=code / _FILE,
    )


def interpreter_at_hand(code: Path, *, image: str = "") -> str:
    """As `interpreter`, but this Python where nothing has installed what they need."""
    file = code / _FILE
    requirements = file.read_bytes() if file.is_file() else b""
    folder = _folder(_missing_here(code, image), requirements)
    return str(folder / "bin" / "python") if (folder / _DONE).exists() else sys.executable


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
    if file is not None and not file.is_file():
        file = None
    if file is None and not missing:
        return sys.executable
    requirements = file.read_bytes() if file is not None else b""
    folder = _folder(missing, requirements)
    python = folder / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another step may want the same ones at this moment
        if not (folder / _DONE).exists():
            _make(folder, python, missing, file, on_line, environment)
    return str(python)


def _make(
    folder: Path,
    python: Path,
    missing: Sequence[str],
    file: Path | None,
    on_line: Callable[[Stream, str], None],
    environment: Mapping[str, str],
) -> None:
    if missing:
        on_line("stdout", f"installing packages of the image, once: {', '.join(missing)}")
    if file is not None:
        on_line("stdout", f"installing {_FILE}: {file.read_text(errors='replace').strip()}")
    venv.create(folder, clear=True, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    seen = [path for path in sys.path if path.endswith("site-packages")]
    (site_packages / "ratchet-parent.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in seen)
    )
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-input"]
    pip = subprocess.Popen(
        [
            *(*words, "--disable-pip-version-check"),
            *missing,
            *(("-r", _FILE) if file is not None else ()),
        ],
        cwd=file.parent if file is not None else folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert pip.stdout is not None
    lines = []
    for line in pip.stdout:
        lines.append(line.rstrip())
        on_line("stdout", lines[-1])
    if pip.wait() != 0:
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise StepFailed(
            f"ClientError: {_FILE if file is not None else ', '.join(missing)} cannot be "
            f"installed: {' '.join(errors)} (without a network, put wheels into the bundle and "
            "begin the file with `--no-index --find-links=wheels`)"
        )
    (folder / _DONE).touch()


def _folder(missing: Sequence[str], requirements: bytes) -> Path:
    return _cache() / _digest("\n".join([*missing, ""]).encode() + requirements)


def _digest(requirements: bytes) -> str:
    about = f"{sys.executable} {platform.python_version()} {platform.machine()}\n"
    return hashlib.sha256(about.encode() + requirements).hexdigest()[:32]


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ratchet" / "requirements"
