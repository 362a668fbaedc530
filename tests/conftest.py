"""What holds for every test."""

from __future__ import annotations

import gc
import os
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import hypothesis
import pytest
import typer.testing
from botocore.loaders import JSONFileLoader

gc.disable()  # until everything is collected

# Local clouds that tests start hold every answer against botocore's output shapes.
os.environ["RATCHET_CHECK_ANSWERS"] = "1"

# The workers fill the cores. Threads of a fit of a few hundred rows would spend more time waiting
# for each other, with the processor busy, than on the fit.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# No test asserts how long an example takes: the machine may be busy.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

_load_file = JSONFileLoader.load_file


@cache
def _model(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


def _load(loader: JSONFileLoader, file_path: str) -> Any:
    # botocore writes into its table of endpoints while it resolves one.
    shared = not file_path.endswith("endpoints")
    return _model(file_path) if shared else _load_file(loader, file_path)


# Each session parses botocore's models anew, a quarter of a second for those of one command, and
# tests make thousands of sessions.
JSONFileLoader.load_file = _load  # type: ignore[method-assign, assignment]
# It also parses the table of endpoints, and looks into 400 folders. Sessions that share a loader
# share both, as the clients of one session do.
botocore.session.create_loader = cache(botocore.session.create_loader)

# Typer makes every command of a program anew for each line that a test types, 50 ms.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]


_LONG = ("cloud", "synth", "jobs")
"""Marks of what takes long, the longest first."""


@pytest.hookimpl(trylast=True)  # when `infra` has marked its tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that all workers end together."""
    places: dict[object, int] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if item.path.parent == Path(__file__).parent:  # as a project has them, without marks
            marks.add("synth")
        place = next((n for n, name in enumerate(_LONG) if name in marks), len(_LONG))
        places[item.path] = min(place, places.get(item.path, place))
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no look for garbage goes through it again."""
    gc.freeze()
    gc.enable()
