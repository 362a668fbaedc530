"""Runs a notebook on this machine, on the newest landed data, and keeps what came of it.

The notebook gets, if it has parameters of these names and nobody says other values: `data`, the
folder with the landed files; `manifest`, the URI of the list of them; `environment`, its name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ratchet.deployment.target.environment import ENVIRONMENT_VARIABLE, Target
from ratchet.notebooks import (
    cells,
    executed_copy,
    landed_data,
    modules_beside,
    parameters,
    run_records,
    step_records,
)
from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.executed_copy import INTERRUPTED, CellFailure, NotebookRun
from ratchet.notebooks.landed_data import LandedData
from ratchet.notebooks.statements import statements_of
from ratchet.notebooks.step_code import code_digest
from ratchet.project import MODEL_VARIABLE
from ratchet.runner import notebook_driver
from ratchet.runner.notebook_driver import CellFailedError, CellProgress
from ratchet.runner.step_types.notebook import missing

DATA, MANIFEST, ENVIRONMENT = "data", "manifest", "environment"
_IN_A_NAME = str.maketrans("", "", "-:.")


@dataclass(frozen=True, kw_only=True)
class PreparedNotebook:
    """A notebook with everything that it will be given."""

    path: Path
    notebook: Notebook
    parameters: Mapping[str, object]
    data: LandedData | None


def load(path: Path) -> Notebook:
    """Reads a notebook that is to run.

    Raises:
        DeploymentError: it cannot be read or run here.
    """
    if lack := missing():
        raise NotebookError(lack)
    notebook = cells.load(path)
    _refuse_faults(notebook)
    return notebook


def prepare(
    target: Target,
    notebook: Notebook,
    values: Mapping[str, str],
    *,
    fetching: Callable[[LandedData], Callable[[int], None]],
) -> PreparedNotebook:
    """Gets what the notebook is given.

    Args:
        values: name → text, as somebody typed it.
        fetching: called before data is fetched; answers with what is told the bytes that arrive.

    Raises:
        DeploymentError: a parameter is none of its own, or there is no data for it.
    """
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
        path=Path(notebook.path),
        notebook=notebook,
        parameters={**handed_over, **chosen},
        data=data,
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
    _refuse_unknown(kernel)
    path = prepared.path.resolve()
    nb = executed_copy.document(path, prepared.notebook)
    inserted = notebook_driver.inject(nb, prepared.parameters)
    began, clock = datetime.now(UTC), time.monotonic()
    modules = modules_beside.in_folder(path.parent)
    code = code_digest(every := statements_of(prepared.notebook), every, modules)
    name = _in_project(path, target.root)
    records = run_records.records_file(target.root, target.root / name)
    moment = began.isoformat(timespec="milliseconds").translate(_IN_A_NAME)
    failure: CellFailure | None = INTERRUPTED
    try:
        notebook_driver.execute(
            nb,
            folder=path.parent,
            progress=progress,
            kernel=kernel,
            environment=_environment(target),
        )
        failure = None
    except CellFailedError as error:
        failure = _failure(error, inserted)
    finally:
        data = prepared.data
        result = NotebookRun(
            notebook=name,
            executed=records.with_suffix("") / f"{moment.partition('+')[0]}Z-{code[:8]}.ipynb",
            when=began,
            seconds=round(time.monotonic() - clock, 3),
            environment=target.settings.environment,
            data=data.digest if data else "",
            data_label=data.label if data else "",
            code=code,
            parameters=prepared.parameters,
            failure=failure,
        )
        executed_copy.write(nb, result, to)
    if inserted is not None:
        del nb.cells[inserted]
    if prepared.notebook.steps and (failure is None or failure.cell is not None):
        made = step_records.records_of(
            prepared.notebook,
            {place: cell.get("outputs", ()) for place, cell in enumerate(nb.cells)},
            name=name,
            when=datetime.now(UTC),
            data=result.data,
            modules=modules,
            failed=failure.cell - 1 if failure and failure.cell else None,
        )
        run_records.append(records, made)
    return result


def _refuse_unknown(kernel: str) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(kernel)
    except NoSuchKernel:
        raise NotebookError(
            f"this machine has no kernel {kernel!r}. Leave --kernel away for this Python, or see "
            "what there is: jupyter kernelspec list"
        ) from None


def _failure(error: CellFailedError, inserted: int | None) -> CellFailure:
    """The failure of a cell as the file counts it, which has no cell with the parameters."""
    place = error.number - 1
    cell: int | None = error.number
    if inserted is not None and place >= inserted:
        cell = None if place == inserted else place
    return CellFailure(cell=cell, error=error.error, traceback=error.traceback)


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


def _in_project(path: Path, root: Path) -> str:
    root = root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
