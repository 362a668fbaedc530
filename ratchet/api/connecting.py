"""Opens an environment from Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ratchet.api.errors import explained
from ratchet.api.loop import LoopConnection


@explained
def connect(
    environment: str | None = None,
    *,
    local: bool | None = None,
    model: str | None = None,
    project: str | Path | None = None,
) -> LoopConnection:
    """Opens the loop of a model in an environment, for reading.

    >>> dev = ratchet.connect("dev", local=True)
    >>> dev.runs()

    Args:
        environment: a file in `config/`; None: `RATCHET_ENV`, or else `dev`.
        local: True: the local cloud on this machine, which is started if need be. False: AWS.
            None: what `RATCHET_LOCAL` or the settings say.
        model: a folder in `config/`; None: `RATCHET_MODEL`, or the only one, or the one whose
            folder the working directory is in.
        project: a folder of the project; None: the working directory, which in Jupyter is the
            notebook's folder. The project is the nearest one from there upward.

    Raises:
        RatchetError: there is no such project, environment or model, or it cannot be reached.
    """
    from ratchet.deployment.target.environment import (
        DEFAULT_ENVIRONMENT,
        ENVIRONMENT_VARIABLE,
        open_target,
    )
    from ratchet.project import current, find
    from ratchet.template.projects import refuse_newer

    acting = find(Path(project)) if project is not None else current()
    refuse_newer(acting.root)
    target = open_target(
        project=acting,
        environment=environment or os.environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_ENVIRONMENT,
        model=model,
        local=local,
        starting=lambda: print("starting the local cloud …", file=sys.stderr),  # noqa: T201
    )
    return LoopConnection(target)
