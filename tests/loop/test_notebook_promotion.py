"""From a notebook to the pipeline: the flights' notebook on landed data, its stable step promoted,
and the pipeline with that step run to a registered model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.loop.deployed_loop import Loop
from tests.projects import ROOT, copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

NOTEBOOK = "notebooks/flights/explore.ipynb"
PIPELINE = "pipeline_defs/flights/training.py"


@dataclass(frozen=True)
class Project:
    """A copy of the project with its notebook, in which commands are typed."""

    root: Path
    loop: Loop

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RATCHET_LOCAL": str(self.loop.folder), "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def ratchet(self, *words: str) -> str:
        ended = self.run("-m", "ratchet.cli.main", *words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def project(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = copy_of_project(tmp_path_factory.mktemp("project"))
    (root / NOTEBOOK).parent.mkdir(parents=True)
    shutil.copy(ROOT / NOTEBOOK, root / NOTEBOOK)
    return Project(root, loop)


def calm_rows(train: Path) -> pd.DataFrame:
    """What the notebook's own cells make of what `prepare` made."""
    rows = pd.read_parquet(train)
    return rows[rows.groupby(["year", "month", "day"])["late"].transform("mean") <= 0.3]


def test_the_notebook_runs_on_the_data_that_landed(project: Project, drops: Path) -> None:
    loop = project.loop
    loop.land(drops / "2013-01")
    loop.land(drops / "2013-02")
    loop.finished(loop.next_run(0))
    run = json.loads(project.ratchet("notebook", "run", NOTEBOOK, "--json"))
    assert run["ok"]
    (train,) = (project.root / NOTEBOOK).parent.glob("rows/train.parquet")
    months = pd.read_parquet(train)["month"].unique().tolist()
    assert months == [1], "of the two months that landed, the newer one is the eval slice"


def test_the_stable_step_becomes_a_script_with_a_test_that_passes(project: Project) -> None:
    answer = json.loads(
        project.ratchet("promote", NOTEBOOK, "--step", "calm_days", "--yes", "--json")
    )
    assert answer["outputs"] == {"calm": "parquet"}
    tested = project.run("-m", "pytest", "-q", "-p", "no:cacheprovider", answer["test"])
    assert tested.returncode == 0, tested.stdout
    assert json.loads(project.ratchet("notebook", "run", NOTEBOOK, "--json"))["ok"]


def test_the_pipeline_with_the_promoted_step_registers_a_model_of_the_calm_days(
    project: Project, tmp_path: Path
) -> None:
    loop = project.loop
    definition = project.root / PIPELINE
    text = definition.read_text()
    line = (
        '    calm_days = p.processing(\n        "calm_days",\n'
        '        f"{ctx.steps}/calm_days.py",\n'
        '        inputs={"raw": prepare.outputs["train"]},\n        outputs=["calm"],\n    )\n'
        "    train = p.training("
    )
    text = text.replace("    train = p.training(", line)
    channel = 'channels={"train": prepare.outputs["train"]}'
    assert text.count(channel) == 1
    definition.write_text(text.replace(channel, 'channels={"train": calm_days.outputs["calm"]}'))

    before = loop.registered()
    state = loop.finished(loop.start(project.root))
    assert state.run.status == "Succeeded", state.run.failure
    assert loop.registered() == [*before, before[-1] + 1]

    project.ratchet("pull", state.run.id, "calm_days/calm", "--to", str(tmp_path / "calm"))
    project.ratchet("pull", state.run.id, "prepare/train", "--to", str(tmp_path / "train"))
    (made,) = (tmp_path / "calm").rglob("calm.parquet")
    (train,) = (tmp_path / "train").rglob("train.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(made), calm_rows(train))
    assert 0 < len(pd.read_parquet(made)) < len(pd.read_parquet(train))
