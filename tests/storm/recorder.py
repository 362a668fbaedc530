"""Runs inside the server: copies the cloud's folder at every point of commit, or kills at one.

``images.recording`` makes a server import this module at its start.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from pathlib import Path

from ratchet.local_cloud import commit_points

IMAGES = "STORM_IMAGES"
CLOUD = "STORM_CLOUD"
KILL_AT = "STORM_KILL_AT"
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


if IMAGES in os.environ:
    install(
        Path(os.environ.pop(IMAGES)),
        Path(os.environ.pop(CLOUD)),
        int(os.environ.pop(KILL_AT, "0")),
    )
