"""The project that a command acts on, and whether this installation is the one to act on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ratchet.cli.console import err
from ratchet.machinery import PACKAGES
from ratchet.project import Project, current
from ratchet.template import projects


def acting_project() -> Project:
    """The project of the working directory.

    Says it when the project has an environment of its own, and another one's `ratchet` was typed.

    Raises:
        NoProjectError: there is none.
        TemplateVersionError: a newer version wrote it.
        DeploymentError: the folder is a clone of Ratchet, and this is the Ratchet of another one:
            its edits would have no effect, and those of the other one would be deployed.
    """
    from ratchet.deployment.errors import DeploymentError

    project = current()
    projects.refuse_newer(project.root)
    own = project.root / ".venv"
    if (project.root / "ratchet" / "machinery.py").is_file() and project.root != PACKAGES:
        raise DeploymentError(
            f"{project.root} has a Ratchet of its own, and this is the one in {PACKAGES}. "
            f"Use its own: source {own / 'bin' / 'activate'}"
        )
    if (own / "bin" / "ratchet").exists() and Path(sys.prefix).resolve() != own.resolve():
        err().print(
            f"[yellow]This is the Ratchet of {sys.prefix}; the project has its own:[/] "
            f"source {os.path.relpath(own / 'bin' / 'activate')}",
            soft_wrap=True,
        )
    return project
