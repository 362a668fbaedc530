"""Folders that one worker of a test session makes, and every worker reads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.local_cloud.layout import acquire


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """The session's folder of this name. Who needs it first makes it; the others wait meanwhile.

    ``make`` gets a folder that does not exist yet. A test that changes something takes a copy.
    """
    base = factory.getbasetemp()
    session = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = session / "shared" / name
    unfinished = folder.with_name(f"{name}.unfinished")
    lock = acquire(folder.with_name(f"{name}.lock"), wait=True)
    assert lock is not None
    with lock:
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder
