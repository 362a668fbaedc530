"""A pipeline with a notebook, deployed to the local cloud and run there; and the same notebook run
on this machine on the data that landed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import snapshots
from ratchet.deployment.runs.executions import RunState
from ratchet.local_cloud import control
from ratchet.project import load
from tests.loop.deployed_loop import Loop, write_drop
from tests.projects import MODEL, copy_of_project
from tests.runner.notebook_jobs import notebook

pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.jobs, pytest.mark.timeout(600)]

NAME = "flights-dev-explored"
PIPELINE = """
from ratchet.authoring import Context, Pipeline, manifest


def explored(ctx: Context) -> Pipeline:
    p = Pipeline("explored", ctx)
    data = p.string("InputManifest")
    p.notebook("explore", "notebooks/counts.ipynb", inputs={"data": manifest(data)},
               parameters={"column": p.string("Column", default="dest")})
    return p
"""
CELLS = (
    ('data = "data"\ncolumn = "origin"', ["parameters"]),
    "from pathlib import Path\nimport counts",
    "print(counts.most(Path(data), column))",
)
MODULE = """
import pandas as pd


def most(folder, column):
    frames = [pd.read_csv(file) for file in sorted(folder.rglob("flights.csv"))]
    return pd.concat(frames)[column].value_counts().idxmax()
"""


@dataclass(frozen=True)
class Project:
    """A copy of the project with a notebook, in which commands are typed."""

    folder: Path
    loop: Loop

    def ratchet(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ratchet.cli.main", *words],
            cwd=self.folder,
            env={**os.environ, "RATCHET_LOCAL": "1", "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str) -> str:
        ended = self.ratchet(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @property
    def notebook(self) -> Path:
        return self.folder / "notebooks" / "counts.ipynb"

    def edit(self, cell: int, **changes: Any) -> None:
        document = json.loads(self.notebook.read_text())
        document["cells"][cell].update(changes)
        self.notebook.write_text(json.dumps(document))

    def newest(self) -> RunState:
        listed = [
            run
            for name in (NAME, f"{NAME}-edits")
            if name in runs.pipelines(self.loop.target)
            for run in runs.listed(self.loop.target, pipeline=name)
        ]
        return runs.read(self.loop.target, max(listed, key=lambda run: run.started))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    (folder / "notebooks").mkdir(exist_ok=True)
    made = Project(folder, Loop(folder / ".ratchet" / "cloud", load("dev")))
    made.notebook.write_text(json.dumps(notebook(*CELLS)))
    (folder / "notebooks" / "counts.py").write_text(MODULE)
    definitions = folder / "pipeline_defs" / MODEL
    (definitions / "explored.py").write_text(PIPELINE)
    listing = definitions / "__init__.py"
    text = listing.read_text().replace('{"training"', '{"explored": explored, "training"')
    listing.write_text(f"from pipeline_defs.{MODEL}.explored import explored\n{text}")
    yield made
    control.down(folder / ".ratchet" / "cloud")


@pytest.fixture(scope="module")
def deployed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project.done("deploy")
    project.loop.land(write_drop(1, tmp_path_factory.mktemp("drop")))
    project.loop.finished(project.loop.next_run(0))
    return project


def test_it_succeeds_and_its_second_run_is_a_cache_hit_also_after_jupyter(
    deployed: Project,
) -> None:
    shown = deployed.done("run", "explored")
    first = deployed.newest()
    assert first.run.status == "Succeeded"
    assert f"s3://{deployed.loop.deployed.artifacts_bucket}/{NAME}/runs/" in shown
    assert re.search(r"executed notebook of explore s3://\S+/output/output\.tar\.gz", shown)

    deployed.edit(2, execution_count=3, outputs=[{"output_type": "stream", "text": "ATL\n"}])
    assert "explored: the same" in deployed.done("diff")
    deployed.done("run", "explored")
    (explore,) = deployed.newest().steps
    assert explore.cached_from == first.run.id


def test_its_log_has_the_progress_and_what_cells_print(deployed: Project) -> None:
    log = deployed.done("logs", runs.listed(deployed.loop.target, pipeline=NAME)[-1].id, "explore")
    assert "[2/4]" in log
    assert re.search(r"\b[A-Z]{3}\b", log), "the airport"


def test_the_archive_with_the_executed_notebook_is_an_output_of_its_step(
    deployed: Project, tmp_path: Path
) -> None:
    run = runs.listed(deployed.loop.target, pipeline=NAME)[-1]
    (uri,) = json.loads(deployed.done("show", run.id, "--json"))["notebooks"].values()
    deployed.done("pull", run.id, "explore/data", "--to", str(tmp_path))
    assert uri.endswith("/output/output.tar.gz")
    with tarfile.open(tmp_path / "output.tar.gz") as archive:
        assert "counts-executed.ipynb" in archive.getnames()


def test_commands_treat_it_as_the_training_job_that_it_is(deployed: Project) -> None:
    assert re.search(r"explore\s.*Training", deployed.done("graph", "explored"))
    assert "ml.m5.large" in deployed.done("costs", "estimate", "explored")
    permissions = deployed.done("permissions")
    assert "explored" in permissions
    (row,) = deployed.loop.recorded(runs.listed(deployed.loop.target, pipeline=NAME)[-1])
    assert (row.step, row.step_type, row.component) == ("explore", "Training", "Training")


def test_a_code_edit_is_a_miss_and_a_failing_cell_is_named_by_show(deployed: Project) -> None:
    deployed.edit(2, source="1 / 0")
    try:
        compared = deployed.done("diff")
        assert re.search(r"explore\s+code: counts\.ipynb$", compared, re.MULTILINE)
        assert "runs again: its code" in compared
        failed = deployed.ratchet("run", "explored")
        assert failed.returncode == 1
        assert "cell 4: ZeroDivisionError: division by zero" in failed.stdout
        (explore,) = deployed.newest().steps
        assert explore.cached_from == ""
        assert "executed notebook of explore s3://" in failed.stdout
    finally:
        deployed.edit(2, source=CELLS[2])


def test_the_command_runs_it_on_the_landed_data(deployed: Project, tmp_path: Path) -> None:
    ended = deployed.ratchet(
        "notebook", "run", "notebooks/counts.ipynb", "-p", "column=dest", "--to",
        str(tmp_path / "out.ipynb"),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    airport = ended.stdout.splitlines()[0]
    assert re.fullmatch("[A-Z]{3}", airport)
    assert "4/4" in ended.stderr
    facts = json.loads((tmp_path / "out.ipynb").read_text())["metadata"]["ratchet"]
    digest = snapshots.newest(deployed.loop.target, deployed.loop.deployed).digest
    assert facts["parameters"]["column"] == "dest"
    assert facts["data"] == digest


def test_in_the_notebook_connect_leads_to_the_same_environment(deployed: Project) -> None:
    file = deployed.folder / "notebooks" / "looks.ipynb"
    file.write_text(json.dumps(notebook("import ratchet\nprint(len(ratchet.connect().runs()))")))
    shown = deployed.done("notebook", "run", str(file))
    assert int(shown.splitlines()[0]) >= 1


def test_a_failing_cell_ends_the_command_with_1(deployed: Project) -> None:
    file = deployed.folder / "notebooks" / "fails.ipynb"
    file.write_text(json.dumps(notebook("print('one')", "1 / 0")))
    ended = deployed.ratchet("notebook", "run", str(file))
    assert ended.returncode == 1
    assert "notebooks/fails.ipynb, cell 2: ZeroDivisionError" in ended.stdout
    assert len(list((deployed.folder / ".ratchet" / "notebooks" / "fails").iterdir())) == 1
