"""Training steps that are notebook jobs, by our driver in place of the image's."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from ratchet.loop import notebook_jobs
from ratchet.runner import notebook_driver
from ratchet.runner.container import Container

_PACKAGES = ("nbclient", "nbformat", "ipykernel")
_LAUNCH = """\
import runpy, sys
sys.argv[1:] = [{executed!r}]
runpy.run_path({driver!r}, run_name="__main__")
"""


def missing() -> str | None:
    """What this Python lacks to run notebooks, and how to get it; None when nothing."""
    names = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not names:
        return None
    return (
        f"a notebook needs {' and '.join(names)} here: pip install 'sagemaker-ratchet[notebooks]'"
    )


def installed(environment: Mapping[str, str], container: Container) -> dict[str, str]:
    """The environment of a notebook job, with its program on the PATH."""
    programs = container.temporary / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / notebook_jobs.PROGRAM
    executed = notebook_jobs.executed_name(environment.get(notebook_jobs.EXECUTED, ""))
    launch = _LAUNCH.format(executed=executed, driver=notebook_driver.__file__)
    program.write_text(f"#!{sys.executable}\n{launch}")
    program.chmod(0o755)
    return {**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"}


def problems(job: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the driver would refuse: the variable, and what is wrong with it."""
    variables = job.get("Environment") or {}
    needed = (notebook_jobs.NOTEBOOK, notebook_jobs.EXECUTED, notebook_jobs.INPUT_PATH)
    return [(name, "is required of a notebook job") for name in needed if name not in variables]
