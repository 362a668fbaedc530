"""`ratchet notebook status`: which marked steps are stable enough for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Model

if TYPE_CHECKING:
    from ratchet.notebooks.status import NotebookStatus
    from ratchet.project import Project

_CANNOT_TELL = 3


def status(
    notebooks: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="NOTEBOOK",
            help="Notebooks, or scripts with `# %%`. Default: those in notebooks/ with marks.",
            show_default=False,
        ),
    ] = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help="Exit with 1 if a step is due for promotion, 0 if none is, 3 if that is unknown.",
        ),
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
) -> None:
    """Show for how long the code of each marked step has been the same.

    Mark a cell by the tag step:NAME, or by the first line `#| step: NAME`. The
    code of a step is its statements with the functions, constants and imports
    that they use; comments, layout and outputs do not count.

    A step is due for promotion when it has been the same for as many days as
    the setting notebooks.promote_after_days says: by git, or by the recorded
    runs where there is no git. An edit that is not committed makes it moving.

    With --exit-code, the exit status is 1 if a step is due and 0 if none is. It
    is 3 if that cannot be told: the clone is shallow, a mark is faulty, or a
    notebook cannot be read.
    """
    from ratchet.deployment.errors import DeploymentError
    from ratchet.settings.toml_reader import SettingsError

    try:
        statuses = _statuses(notebooks or [], environment, model)
    except (DeploymentError, SettingsError) as problem:
        if not exit_code:
            raise
        err().print(f"[bold red]error[/] {escape(str(problem))}", soft_wrap=True)
        raise typer.Exit(_CANNOT_TELL) from None
    _show(statuses, as_json=as_json)
    raise typer.Exit(_exit_status(statuses) if exit_code else _failed(statuses))


def _show(statuses: Sequence[NotebookStatus], *, as_json: bool) -> None:
    from ratchet.cli.views.notebook_view import as_document, document

    if as_json:
        echo_json(as_document(statuses))
        return
    console = out()
    for part in document(statuses, now=datetime.now(UTC)):
        console.print(part)


def _exit_status(statuses: Sequence[NotebookStatus]) -> int:
    """1 for a step that is due, whatever is unknown of others; 3 for what is unknown."""
    from ratchet.notebooks.verdicts import StepVerdict

    verdicts = {step.judgement.verdict for status in statuses for step in status.steps}
    if StepVerdict.PROMOTE in verdicts:
        return 1
    faulty = any(status.error or status.mark_problems for status in statuses)
    return _CANNOT_TELL if faulty or StepVerdict.UNKNOWN in verdicts else 0


def _failed(statuses: Sequence[NotebookStatus]) -> int:
    return int(any(status.error for status in statuses))


@dataclass(frozen=True)
class _Place:
    """A notebook with the folder that its records belong to, and the setting that counts."""

    notebook: Path
    root: Path
    history_file: Path
    promote_after_days: int


def _statuses(named: Sequence[Path], environment: str, model: str | None) -> list[NotebookStatus]:
    """The notebooks that are named, or those of the project that have marks."""
    from ratchet.notebooks.in_project import notebooks_in

    console = err()
    if named:
        places = [_place_of(notebook, environment, model) for notebook in named]
    else:
        project = acting_project()
        places = [
            _place_in(project, notebook, environment, model)
            for notebook in notebooks_in(project.root)
        ]
    statuses = []
    for place in places:
        with console.status(f"[dim]{escape(str(place.notebook))}: reading its history[/]"):
            status = _status(place)
        if named or status.steps or status.mark_problems or status.error:
            statuses.append(status)
    return statuses


def _status(place: _Place) -> NotebookStatus:
    from ratchet.notebooks.cells import Notebook
    from ratchet.notebooks.errors import NotebookError
    from ratchet.notebooks.plan import refusals
    from ratchet.notebooks.promotion import modules_beside
    from ratchet.notebooks.remembered import Remembered
    from ratchet.notebooks.status import NotebookStatus, notebook_status

    def reasons(notebook: Notebook, step: str) -> list[str]:
        """What stands against a promotion, as far as the code alone shows it."""
        return [str(each) for each in refusals(notebook, step, modules_beside(place.notebook))]

    remembered = Remembered(place.history_file)
    try:
        return notebook_status(
            place.notebook,
            root=place.root,
            now=datetime.now(UTC),
            promote_after_days=place.promote_after_days,
            remembered=remembered,
            refusals=reasons,
        )
    except NotebookError as problem:
        return NotebookStatus(path=str(place.notebook), error=str(problem))
    finally:
        remembered.save()


def _place_of(notebook: Path, environment: str, model: str | None) -> _Place:
    """Of a notebook that is named; it may lie in no project."""
    from ratchet import project as projects
    from ratchet.notebooks.in_project import history_file
    from ratchet.settings.notebooks import NotebookSettings

    try:
        project = projects.find(notebook.parent)
    except projects.NoProjectError:
        days = NotebookSettings().promote_after_days
        return _Place(notebook, notebook.parent, history_file(None), days)
    return _place_in(project, notebook, environment, model)


def _place_in(project: Project, notebook: Path, environment: str, model: str | None) -> _Place:
    from ratchet.notebooks.in_project import history_file

    days = _promote_after_days(project, environment, model)
    path = notebook.resolve()
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else notebook
    return _Place(shown, project.root, history_file(project.root), days)


def _promote_after_days(project: Project, environment: str, model: str | None) -> int:
    """The setting of the model; of several models, the shortest time."""
    from ratchet.settings.notebooks import NotebookSettings

    if not project.models:
        return NotebookSettings().promote_after_days
    models = project.chosen(model)
    return min(project.settings(environment, m).notebooks.promote_after_days for m in models)
