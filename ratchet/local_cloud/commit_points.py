"""Every moment that changes what a kill would leave behind: a commit of SQLite, a replaced file.

A kill leaves what was written before it (the kernel keeps that), and nothing else. So a copy of the
folder that an observer takes inside ``reached`` is what SIGKILL at that moment would leave, and one
recorded operation gives an image of every kill. Without an observer none of this is done.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

_lock = threading.RLock()
_observer: Callable[[str], None] | None = None


def observe(observer: Callable[[str], None] | None) -> None:
    """Call ``observer`` with the name of every commit, right after it, while no other one runs."""
    global _observer
    _observer = observer


@contextlib.contextmanager
def committing(what: str) -> Iterator[None]:
    """A lock around one commit, so that an observer never copies another one half done."""
    if _observer is None:
        yield
        return
    with _lock:
        yield
        reached(what)


def reached(what: str) -> None:
    """A commit is on disk. Called with the lock of ``committing`` held."""
    if _observer is not None:
        _observer(what)


def replace(*files: tuple[str, str]) -> None:
    """Give files (the first of each pair) the names of others, as one point of commit."""
    with committing(f"file {files[0][1].rpartition('/')[2]}"):
        for temporary, target in files:
            os.replace(temporary, target)  # noqa: PTH105 – for each object; pathlib costs more
