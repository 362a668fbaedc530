"""Runs a step's script in this process, so that a debugger of this process stops in it."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ratchet.deployment.pipelines.here import StepHere


def run(step: StepHere) -> int:
    """Runs the script as `python script.py` would, and returns its exit status. What it raises is
    raised."""
    with _as_the_step(step):
        try:
            runpy.run_path(str(step.script), run_name="__main__")
        except SystemExit as ended:
            return _status(ended)
    return 0


def _status(ended: SystemExit) -> int:
    """As Python ends: a text is printed, and means 1."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    print(ended.code, file=sys.stderr)  # noqa: T201 - as Python itself
    return 1


@contextmanager
def _as_the_step(step: StepHere) -> Iterator[None]:
    """Command line, variables, import path and working directory of the script, and then those of
    before. A module of the project that has the name of one of the script's is loaded anew."""
    before = (list(sys.argv), list(sys.path), dict(os.environ), os.getcwd())  # noqa: PTH109
    hidden = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.partition(".")[0] in step.modules - {"ratchet"}
    }
    sys.argv = [str(step.script), *step.arguments]
    sys.path.insert(0, str(step.code))
    os.environ.update(step.variables)
    os.chdir(step.cwd)
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before[0], before[1]
        os.environ.clear()
        os.environ.update(before[2])
        os.chdir(before[3])
        for name in [n for n in sys.modules if n.partition(".")[0] in step.modules - {"ratchet"}]:
            del sys.modules[name]
        sys.modules.update(hidden)
