"""Runs inside the server: copies the cloud's folder at every point of commit, or kills at one.

``images`` makes a server import this module at its start.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ratchet.local_cloud import commit_points

IMAGES = "STORM_IMAGES"
CLOUD = "STORM_CLOUD"
KILL_AT = "STORM_KILL_AT"
WITHOUT_ADOPTION = "STORM_WITHOUT_ADOPTION"
ARMED = "armed"
"""Points are counted while the folder of images has a file of this name."""

_LEFT_OUT = shutil.ignore_patterns(
    *("tmp", "*.lock", "*-shm", "*.tmp", "*.new", "cache", "endpoints", "endpoint.json"),
    *("cloud.log", "monitoring"),
)
_REPLACED_ONLY = ("/s3/", "/lambda-blobs/")  # never written in place, so a link is a copy


def install(images: Path, cloud: Path, kill_at: int) -> None:
    """Observe the commits of this process."""
    numbers = itertools.count(1)

    def observe(what: str) -> None:
        if not (images / ARMED).exists():
            return
        number = next(numbers)
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not kill_at:
            image = images / f"{number:04d}"
            shutil.copytree(cloud, image, ignore=_LEFT_OUT, copy_function=_copy)
            (images / f"{number:04d}.txt").write_text(what)

    commit_points.observe(observe)


def _copy(source: str, target: str) -> None:
    try:
        if any(part in source for part in _REPLACED_ONLY):
            os.link(source, target)
        else:
            shutil.copyfile(source, target)
    except FileNotFoundError:
        pass  # a step's own file, which has gone meanwhile


class _Ablation(importlib.abc.MetaPathFinder):
    """Takes the adoption out of the cloud, when the module that has it is imported."""

    _MODULE = "ratchet.local_cloud.emulator.cloudformation"

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        del path, target
        if fullname != self._MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def changed(module: ModuleType) -> None:
            execute(module)
            module._Handlers._is_ours = lambda *arguments: False

        setattr(spec.loader, "exec_module", changed)  # noqa: B010
        return spec


if IMAGES in os.environ:
    install(
        Path(os.environ.pop(IMAGES)),
        Path(os.environ.pop(CLOUD)),
        int(os.environ.pop(KILL_AT, "0")),
    )
if WITHOUT_ADOPTION in os.environ:
    sys.meta_path.insert(0, _Ablation())
