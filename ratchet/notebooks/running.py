"""Runs a notebook on this machine, on the newest landed data, and keeps what came of it.

The notebook gets, if it has parameters of these names and nobody says other values: `data`, the
folder with the landed files; `manifest`, the URI of the list of them; `environment`, its name.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ratchet.deployment.target.environment import ENVIRONMENT_VARIABLE, Target
from ratchet.notebooks import cells, landed_data, parameters
from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.landed_data import LandedData
from ratchet.notebooks.statements import statements_of
from ratchet.notebooks.step_code import code_digest
from ratchet.project import MODEL_VARIABLE
from ratchet.runner import notebook_driver
from ratchet.runner.notebook_driver import CellFailedError, CellProgress
from ratchet.runner.step_types.notebook import missing

DATA, MANIFEST, ENVIRONMENT = "data", "manifest", "environment"
FOLDER = Path(".ratchet", "notebooks")
"""Below the project's; git ignores it."""
_KEY = "ratchet"
"""Of the executed notebook's metadata: what `NotebookRun` has, without the notebook itself."""


@dataclass(frozen=True, kw_only=True)
class CellFailure:
    """`cell` counts all cells of the notebook as its file has them, from 1; None is the cell with
    the parameters, which its file does not have."""

    cell: int | None
    error: str
    traceback: str


@dataclass(frozen=True, kw_only=True)
class NotebookRun:
    """One run of a notebook, and where its executed copy is."""

    notebook: str
    """Its path in the project."""
    executed: Path
    when: datetime
    """When it began, in UTC."""
    seconds: float
    environment: str
    data: str
    """The digest of the landed data; "" when the notebook takes none."""
    data_label: str
    """Which data it was, such as `2013-03`."""
    code: str
    """The digest of its code: 16 hexadecimal digits, which no comment changes."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    failure: CellFailure | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, kw_only=True)
class PreparedNotebook:
    """A notebook with everything that it will be given."""

    path: Path
    notebook: Notebook
    parameters: Mapping[str, object]
    data: LandedData | None


def prepare(
    target: Target,
    path: Path,
    values: Mapping[str, str],
    *,
    fetching: Callable[[LandedData], Callable[[int], None]],
) -> PreparedNotebook:
    """Reads the notebook and gets what it is given.

    Args:
        values: name → text, as somebody typed it.
        fetching: called before data is fetched; answers with what is told the bytes that arrive.

    Raises:
        DeploymentError: it cannot be read or run here, a parameter is none of its own, or there is
            no data for it.
    """
    if lack := missing():
        raise NotebookError(lack)
    notebook = cells.load(path)
    _refuse_faults(notebook)
    chosen = parameters.typed(notebook, values)
    names = [name for name in parameters.defaults(notebook) if name not in chosen]
    own: dict[str, object] = {}
    if MANIFEST in chosen and DATA in names:
        raise NotebookError(
            f"-p {MANIFEST}=… needs the folder with its files too: -p {DATA}=FOLDER"
        )
    data = None
    if DATA in names or MANIFEST in names:
        data = landed_data.newest(target)
        own[MANIFEST] = data.manifest
        if DATA in names:
            own[DATA] = str(landed_data.fetched(target, data, progress=fetching(data)))
    own[ENVIRONMENT] = target.settings.environment
    handed_over = {name: value for name, value in own.items() if name in names}
    return PreparedNotebook(
        path=path, notebook=notebook, parameters={**handed_over, **chosen}, data=data
    )


def run(
    target: Target,
    prepared: PreparedNotebook,
    *,
    progress: CellProgress,
    kernel: str = "python3",
    to: Path | None = None,
) -> NotebookRun:
    """Runs the notebook in its own folder, and writes its executed copy, as far as it came.

    Args:
        kernel: python3 is the Python that runs Ratchet.
        to: a second place for the executed notebook.

    Raises:
        NotebookError: this machine has no such kernel.
    """
    from jupyter_client.kernelspec import NoSuchKernel

    path = prepared.path.resolve()
    nb = _document(prepared)
    notebook_driver.inject(nb, prepared.parameters)
    began, clock = datetime.now(UTC), time.monotonic()
    code = code_digest(every := statements_of(prepared.notebook), every)
    failure: CellFailure | None = None
    finished = False
    name = _in_project(path, target.root)
    executed = target.root / FOLDER / _place(name) / f"{began:%Y%m%dT%H%M%SZ}-{code[:8]}.ipynb"
    try:
        notebook_driver.execute(
            nb,
            folder=path.parent,
            progress=progress,
            kernel=kernel,
            environment=_environment(target),
        )
        finished = True
    except CellFailedError as error:
        failure = CellFailure(
            cell=_cell_of_file(nb, error.number), error=error.error, traceback=error.traceback
        )
    except NoSuchKernel:
        raise NotebookError(
            f"this machine has no kernel {kernel!r}. Leave --kernel away for this Python, or see "
            "what there is: jupyter kernelspec list"
        ) from None
    finally:
        if not finished and failure is None:
            failure = CellFailure(cell=None, error="interrupted", traceback="")
        data = prepared.data
        result = NotebookRun(
            notebook=name,
            executed=executed,
            when=began,
            seconds=round(time.monotonic() - clock, 3),
            environment=target.settings.environment,
            data=data.digest if data else "",
            data_label=data.label if data else "",
            code=code,
            parameters=prepared.parameters,
            failure=failure,
        )
        _write(nb, result, to)
    return result


def _refuse_faults(notebook: Notebook) -> None:
    """A cell that is no Python fails when its turn comes; here before anything has run."""
    for cell in notebook.code_cells:
        if fault := cell.syntax_fault:
            raise NotebookError(
                f"{notebook.path}, {cell.where(fault.line)} is not valid Python: {fault.message}"
            )


def _environment(target: Target) -> dict[str, str]:
    """This process's, with what leads `ratchet.connect()` and boto3 to the same place."""
    place = {
        ENVIRONMENT_VARIABLE: target.settings.environment,
        MODEL_VARIABLE: target.settings.model_name,
        "RATCHET_LOCAL": str(target.folder) if target.folder else "0",
    }
    return {**os.environ, **target.variables, **place}


def _document(prepared: PreparedNotebook) -> Any:
    """The notebook as nbformat has it; a script in the percent form as the notebook it stands
    for."""
    import nbformat

    if prepared.path.suffix == ".ipynb":
        return notebook_driver.read(prepared.path)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.from_dict(  # type: ignore[no-untyped-call]
        {
            "cells": [_cell(cell) for cell in prepared.notebook.cells],
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def _cell(cell: cells.Cell) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"cell-{cell.index + 1}",
        "metadata": {"tags": list(cell.tags)} if cell.tags else {},
        "source": cell.source,
    }
    return made | {"execution_count": None, "outputs": []} if cell.kind == "code" else made


def _cell_of_file(nb: Any, number: int) -> int | None:
    """The place in the file of a cell that ran: one with parameters was put among them."""
    tags = [cell.metadata.get("tags", ()) for cell in nb.cells]
    injected = [notebook_driver.INJECTED_TAG in each for each in tags]
    if injected[number - 1]:
        return None
    return number - sum(injected[:number])


def _in_project(path: Path, root: Path) -> str:
    root = root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _place(name: str) -> Path:
    """The folder of a notebook's runs, below that of all: its path below `notebooks/`, without
    suffix."""
    path = Path(name).with_suffix("")
    return path.relative_to("notebooks") if path.is_relative_to("notebooks") else path


def _write(nb: Any, result: NotebookRun, to: Path | None) -> None:
    import nbformat

    nb.metadata[_KEY] = {
        "notebook": result.notebook,
        "when": result.when.isoformat(timespec="seconds"),
        "seconds": result.seconds,
        "environment": result.environment,
        "data": result.data,
        "data_label": result.data_label,
        "code": result.code,
        "parameters": json.loads(json.dumps(dict(result.parameters), default=str)),
        "ok": result.ok,
        "error": result.failure.error if result.failure else "",
    }
    for file in filter(None, (result.executed, to)):
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, file)  # type: ignore[no-untyped-call]
