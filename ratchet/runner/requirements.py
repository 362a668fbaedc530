"""The packages that a code bundle's requirements.txt asks for, beside those of the image.

SageMaker's containers install them before the script starts. Here they go into an environment that
is named by the digest of the file and made once: what this machine's own environment has is seen in
it, and counts as installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

from ratchet.runner.errors import StepFailed
from ratchet.runner.records import Stream

_FILE = "requirements.txt"
_DONE = "complete"


def interpreter(
    code: Path, on_line: Callable[[Stream, str], None], *, environment: Mapping[str, str]
) -> str:
    """The Python that runs the script in folder `code`: this one, or one with its requirements.

    `environment`: the variables of pip, and so of what a package runs when it is installed.
    Raises `StepFailed` with pip's words when they cannot be installed.
    """
    file = code / _FILE
    if not file.is_file():
        return sys.executable
    folder = _cache() / _digest(file.read_bytes())
    python = folder / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another step may want the same ones at this moment
        if not (folder / _DONE).exists():
            _make(folder, python, file, on_line, environment)
    return str(python)


def _make(
    folder: Path,
    python: Path,
    file: Path,
    on_line: Callable[[Stream, str], None],
    environment: Mapping[str, str],
) -> None:
    on_line("stdout", f"installing {_FILE}: {file.read_text(errors='replace').strip()}")
    venv.create(folder, clear=True, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    seen = [path for path in sys.path if path.endswith("site-packages")]
    (site_packages / "ratchet-parent.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in seen)
    )
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-input"]
    pip = subprocess.Popen(
        [*words, "--disable-pip-version-check", "-r", _FILE],
        cwd=file.parent,
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
            f"ClientError: {_FILE} cannot be installed: {' '.join(errors)} "
            "(without a network, put wheels into the bundle and begin the file with "
            "`--no-index --find-links=wheels`)"
        )
    (folder / _DONE).touch()


def _digest(requirements: bytes) -> str:
    about = f"{sys.executable} {platform.python_version()} {platform.machine()}\n"
    return hashlib.sha256(about.encode() + requirements).hexdigest()[:32]


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ratchet" / "requirements"
