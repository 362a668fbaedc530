"""Environments of packages before those that a Python has: for a script's requirements.txt, and for
a model's.

An environment is named by what is in it, and made once. What the Python that makes it has is seen
in it, and counts as installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

REQUIREMENTS = "requirements.txt"

_DONE = "complete"
_PIP_OF_OTHERS = (22, 3)
"""From this version on pip installs for another Python: `--python`."""

Emit = Callable[[str], None]


class NotInstalledError(Exception):
    """Packages cannot be installed; with pip's words."""


def cache() -> Path:
    """The folder of all environments of this person."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ratchet" / "requirements"


def python_at_hand(cache: Path, file: Path | None, packages: Sequence[str] = ()) -> str | None:
    """The Python of `python_with` where its packages are installed."""
    folder = _folder(cache, file, packages)
    return str(_python(folder)) if (folder / _DONE).exists() else None


def python_with(
    cache: Path,
    file: Path | None,
    packages: Sequence[str] = (),
    *,
    environment: Mapping[str, str],
    emit: Emit,
) -> str:
    """The Python that has these packages: this one, where there are none.

    Args:
        cache: the folder of all environments.
        file: a requirements file. Paths in it are from its folder.
        packages: requirements of the image's packages.
        environment: the variables of pip, and so of what a package runs when it is installed.
        emit: gets each line that pip says.

    Raises:
        NotInstalledError: they cannot be installed.
    """
    if file is None and not packages:
        return sys.executable
    folder = _folder(cache, file, packages)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else may want the same ones at this moment
        if not (folder / _DONE).exists():
            _make(folder, file, packages, environment, emit)
    return str(_python(folder))


def _make(
    folder: Path,
    file: Path | None,
    packages: Sequence[str],
    environment: Mapping[str, str],
    emit: Emit,
) -> None:
    if packages:
        emit(f"installing packages of the image, once: {', '.join(packages)}")
    if file is not None:
        emit(f"installing {file.name}: {file.read_text(errors='replace').strip()}")
    venv.create(folder, clear=True, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    seen = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site_packages / "ratchet-parent.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in seen)
    )
    pip = subprocess.Popen(
        [
            *_pip_for(_python(folder)),
            *("install", "--no-input", "--disable-pip-version-check"),
            *packages,
            *(("-r", file.name) if file is not None else ()),
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
        emit(lines[-1])
    if pip.wait() != 0:
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise NotInstalledError(
            f"{file.name if file is not None else ', '.join(packages)} cannot be installed: "
            f"{' '.join(errors)} (without a network, put wheels beside the file and begin it with "
            "`--no-index --find-links=wheels`)"
        )
    (folder / _DONE).touch()


def _pip_for(python: Path) -> list[str]:
    try:
        numbers = re.findall(r"[0-9]+", importlib.metadata.version("pip"))
    except importlib.metadata.PackageNotFoundError:
        raise NotInstalledError(f"{sys.executable} has no pip") from None
    if tuple(map(int, numbers[:2])) >= _PIP_OF_OTHERS:
        return [sys.executable, "-m", "pip", "--python", str(python)]
    return [str(python), "-m", "pip"]  # which it sees


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _folder(cache: Path, file: Path | None, packages: Sequence[str]) -> Path:
    about = [sys.executable, platform.python_version(), platform.machine(), *packages]
    digest = hashlib.sha256("\n".join([*about, ""]).encode())
    if file is not None:
        content = file.read_bytes()
        digest.update(content)
        if _names_files(content.decode(errors="replace")):
            for path in sorted(file.parent.rglob("*")):
                if path.is_file():
                    digest.update(f"{path.relative_to(file.parent)}\0".encode())
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
    return cache / digest.hexdigest()[:32]


def _names_files(requirements: str) -> bool:
    """Whether what is installed may depend on files beside the requirements: wheels, constraints.
    Such a file says the same for two models that bring different wheels."""
    lines = [line.split(" #")[0].strip() for line in requirements.splitlines()]
    return any(
        line.startswith(("-", ".")) or "/" in line or line.endswith(".whl")
        for line in lines
        if not line.startswith("#")
    )
