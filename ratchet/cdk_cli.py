"""The CDK CLI, at the version that package-lock.json pins, installed when it is first needed.

It lies in this user's cache, a folder for each lock, for all projects and environments. A project
with an `aws-cdk` in node_modules of its own has that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ratchet import node
from ratchet.machinery import PACKAGES
from ratchet.node import NodeMissingError

VARIABLE = "RATCHET_CDK"
"""Names the script of a CDK CLI that is to be used: …/aws-cdk/bin/cdk."""

_SCRIPT = Path("node_modules", "aws-cdk", "bin", "cdk")
_PIN = ("package.json", "package-lock.json")
_PACKED = Path(__file__).with_name("npm")  # in a wheel
_INSTALL = (
    "ci",
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    # Without a network the error comes in seconds; the default waits for a minute and more.
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)
_LINES = 5
"""Of npm's errors: the first ones say what it is, the others where in npm."""


def command() -> list[str]:
    """The command that runs the CDK CLI on our Node.

    Raises:
        NodeMissingError: it is not installed, and cannot be.
    """
    return [node.program(), str(_script())]


def version() -> str:
    """The version that is pinned, such as "2.1148.1"."""
    package = json.loads((_pin() / "package.json").read_text(encoding="utf-8"))
    return str(package["dependencies"]["aws-cdk"])


def main() -> None:
    """The `cdk` command of the environment."""
    try:
        node.become([*command(), *sys.argv[1:]])
    except NodeMissingError as problem:
        sys.exit(str(problem))


def _script() -> Path:
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise NodeMissingError(
                f"{VARIABLE} is {named!r}, which is no file; expected the script of a CDK CLI: "
                f"{VARIABLE}=FOLDER/aws-cdk/bin/cdk"
            )
        return Path(named).absolute()
    own = _of_project()
    return own if own is not None else _folder() / _SCRIPT


def _of_project() -> Path | None:
    from ratchet.project import NoProjectError, current

    try:
        script = current().root / _SCRIPT
    except NoProjectError:
        return None
    return script if script.is_file() else None


def _pin() -> Path:
    """The folder with the pinned versions."""
    return _PACKED if _PACKED.is_dir() else PACKAGES


def _cache() -> Path:
    """Where this user's caches are (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "ratchet"


def _folder() -> Path:
    """The folder that the CLI is installed in. It appears whole or not at all; of several processes
    that need it, one installs and the others wait."""
    from ratchet.local_cloud.layout import acquire

    lock = hashlib.sha256((_pin() / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = _cache() / f"cdk-{lock}"
    if (folder / _SCRIPT).is_file():
        return folder
    try:
        guard = acquire(folder.with_suffix(".lock"), wait=True)
        assert guard is not None
        with guard:
            if not (folder / _SCRIPT).is_file():
                _install(folder)
    except OSError as error:
        raise NodeMissingError(
            f"The CDK CLI cannot be installed in {folder}: {error}. "
            "Name a folder for caches that you can write to: XDG_CACHE_HOME=/FOLDER"
        ) from None
    return folder


def _install(folder: Path) -> None:
    """Installs into a draft beside the folder, and gives it the name at the end."""
    draft = folder.with_suffix(".draft")
    for rest in (draft, folder):  # of an install that was killed; of a cache that lost files
        shutil.rmtree(rest, ignore_errors=True)
    draft.mkdir()
    for name in _PIN:
        shutil.copyfile(_pin() / name, draft / name)
    with _progress(f"Installing the CDK CLI {version()}, once for all projects, in {folder}"):
        done = subprocess.run(
            [*node.npm_command(), *_INSTALL],
            cwd=draft,
            env=node.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode or not (draft / _SCRIPT).is_file():
        message = _failure(folder, done.stdout, registry=_registry(draft))
        shutil.rmtree(draft, ignore_errors=True)
        raise NodeMissingError(message)
    draft.rename(folder)


@contextlib.contextmanager
def _progress(message: str) -> Iterator[None]:
    """Says on standard error what takes time: answers of commands go to standard output."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(message, markup=False)
    with console.status("npm ci") if console.is_terminal else contextlib.nullcontext():
        yield


def _registry(folder: Path) -> str:
    """The registry that npm asks, by its own configuration."""
    asked = subprocess.run(
        [*node.npm_command(), "config", "get", "registry"],
        cwd=folder,
        env=node.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "its registry"


def _failure(folder: Path, output: str, *, registry: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("npm error")]
    words = "\n".join(f"  {line}" for line in lines[:_LINES]) or "  (npm said nothing)"
    return (
        f"The CDK CLI {version()} is not installed, and npm could not get it from {registry}:\n"
        f"{words}\n"
        f"It is needed once, in {folder}. One of these helps:\n"
        "  a registry that this machine reaches:  npm_config_registry=https://REGISTRY/ "
        "(or a line in ~/.npmrc)\n"
        f"  an installed CDK CLI:                  {VARIABLE}=FOLDER/aws-cdk/bin/cdk\n"
        f"  a copy from another machine:           there npm pack aws-cdk@{version()}, here "
        f"tar xzf aws-cdk-{version()}.tgz and {VARIABLE}=$PWD/package/bin/cdk"
    )


if __name__ == "__main__":
    main()
