"""A step's file system and environment, as its container on SageMaker would have them.

Each step has a root folder of its own; `/opt/ml/x` of the container is `<root>/opt/ml/x` here. Its
program sees it at /opt/ml itself where the machine can do that (`namespace`). Elsewhere arguments,
variables and configuration files that name such paths are rewritten.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.runner import namespace, sealed

_OPT_ML = re.compile(r"(?<![A-Za-z0-9_.\-])/opt/ml(?![A-Za-z0-9_.\-])")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_@%+=:,./\-]+")
_DATA = (
    "opt/ml/processing",
    "opt/ml/input/data",
    "opt/ml/code",
    "opt/ml/model",
    "opt/ml/output/data",
)

_STEP_PYTHON = Path(__file__).with_name("step_python")
"""Holds the sitecustomize module of each step's Python, by which it does not see the project."""

FIRST_HOST = "algo-1"
STEP_FOLDER = "RATCHET_STEP_FOLDER"
"""The variable by which a process of a step is known, whatever becomes of its parent."""


class Container:
    """The root folder of one step's container. Use as a context: leaving it removes scratch.

    `isolated`: its program is to be started by `launch`, and sees /opt/ml. `host` is its name
    among the `hosts` of its job.
    """

    def __init__(
        self,
        folder: Path,
        *,
        isolated: bool = False,
        host: str = FIRST_HOST,
        hosts: Sequence[str] = (FIRST_HOST,),
    ) -> None:
        self._folder = folder
        self.isolated = isolated
        self.host, self.hosts = host, tuple(hosts)
        # Short, so that sockets in it stay within a socket path's 100 characters.
        self.temporary = Path(tempfile.mkdtemp(prefix="ratchet-"))
        self._link: Path | None = None
        self.root = folder.absolute()
        if not _PLAIN_PATH.fullmatch(str(self.root)):
            # Entry points may be shell commands, which would split such a path into words.
            self.root = self._link = Path(f"{self.temporary}-root")
            self._link.symlink_to(folder.absolute(), target_is_directory=True)

    def __enter__(self) -> Container:
        shutil.rmtree(self._folder / "opt", ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def remove_data(self) -> None:
        """Remove what was copied in and out; configuration and messages stay for a look."""
        for inside in _DATA:
            folder = self._folder / inside
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def shard(self) -> tuple[int, int]:
        """Which of how many parts of sharded data is this container's."""
        return self.hosts.index(self.host), len(self.hosts)

    def path(self, inside: str) -> Path:
        """Where an absolute path of the container is on this machine."""
        return Path(f"{self.root}{os.path.normpath(inside)}")

    def seen(self, inside: str) -> Path:
        """An absolute path of the container as its program names it."""
        return Path(inside) if self.isolated else self.path(inside)

    def launch(self, words: Sequence[str], *, cwd: Path) -> list[str]:
        """The command that runs `words` in `cwd`, a path as the program names it."""
        if not self.isolated:
            return list(words)
        opt_ml = self.folder("/opt/ml").absolute()
        return namespace.launch(words, opt_ml=opt_ml, cwd=str(cwd), scratch=self.temporary)

    def folder(self, inside: str) -> Path:
        """The same, made as a folder."""
        path = self.path(inside)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def rewrite(self, value: Any) -> Any:
        """A JSON value with `/opt/ml` in its strings moved to where the program finds it."""
        if self.isolated:
            return value
        if isinstance(value, str):
            return _OPT_ML.sub(lambda _: f"{self.root}/opt/ml", value)
        if isinstance(value, Mapping):
            return {key: self.rewrite(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.rewrite(item) for item in value]
        return value

    def names_opt_ml(self, text: str) -> bool:
        """Whether a text names /opt/ml itself, and not this container's."""
        return _OPT_ML.search(text) is not None

    def write_json(self, inside: str, value: Any) -> None:
        """Write a configuration file, its paths rewritten."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.rewrite(value)), encoding="utf-8")

    def environment(self, *, host: Mapping[str, str], region: str) -> dict[str, str]:
        """The variables that every process of a container gets on this machine; ``host`` has more
        of them, such as those by which it finds the local cloud."""
        variables = {**self.sealed(), **host}
        # What a script installs by itself is the step's own, not this machine's.
        # It is there before Python starts, which does not look again for a folder that was not.
        packages = self.temporary / "site-packages"
        packages.mkdir(exist_ok=True)
        variables["PIP_TARGET"] = variables["PYTHONPATH"] = str(packages)
        variables["PYTHONPATH"] += f"{os.pathsep}{_STEP_PYTHON}"
        variables["PYTHONUNBUFFERED"] = "1"
        variables.setdefault("AWS_REGION", region)
        variables.setdefault("AWS_DEFAULT_REGION", variables["AWS_REGION"])
        return variables

    def sealed(self) -> dict[str, str]:
        """The variables of a program that works for the container, such as one that installs."""
        variables = sealed.variables(self.temporary / "home")
        variables[STEP_FOLDER] = str(self._folder.absolute())
        variables["TMPDIR"] = str(self.temporary)
        return variables
