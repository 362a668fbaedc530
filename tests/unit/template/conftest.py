"""A team's model as `ratchet init` writes it, and its scripts run as jobs run them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ratchet.authoring.judgement import script_arguments
from ratchet.judging import evaluate
from ratchet.loop.problems import Kind
from ratchet.project import Project
from ratchet.settings.schema import Settings
from ratchet.template.data import LearningPlan, read_data
from ratchet.template.files import project_files
from ratchet.template.problem_files import problem_files
from ratchet.template.writing import write

MODEL = "prices"
_MODULES = ("features", "prepare", "train", "inference")


@dataclass(frozen=True)
class TeamModel:
    """A project with one model, and the folders of its jobs."""

    root: Path
    plan: LearningPlan
    python: str = sys.executable

    @property
    def steps(self) -> Path:
        return self.root / "steps" / MODEL

    @property
    def raw(self) -> Path:
        return self.plan.data.files.root

    @cached_property
    def settings(self) -> Settings:
        return Project(self.root).settings("dev", MODEL)

    def script(self, name: str, *arguments: object) -> str:
        """What a script prints."""
        done = self.run(name, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [self.python, str(self.steps / f"{name}.py"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    def prepare(self, work: Path, *arguments: object, raw: Path | None = None) -> str:
        folders = ("--raw", raw or self.raw, "--train", work / "train", "--eval", work / "eval")
        return self.script("prepare", *folders, *arguments)

    def train(self, work: Path) -> str:
        parameters = [f"--{key}={value}" for key, value in self.settings.hyperparameters.items()]
        folders = ("--train", work / "train", "--model_dir", work / "model")
        return self.script("train", *folders, *parameters)

    def evaluate(self, work: Path) -> dict[str, Any]:
        """The report of Ratchet's own judging, of the model alone."""
        archive = work / "candidate" / "model.tar.gz"
        archive.parent.mkdir()
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(work / "model", arcname=".")
        (work / "champion").mkdir()
        folders = ("candidate", "champion", "eval", "report", "predictions")
        evaluate.main(
            [
                *(part for name in folders for part in (f"--{name}", str(work / name))),
                *script_arguments(self.settings.model, own=None),
            ]
        )
        report: dict[str, Any] = json.loads((work / "report" / "evaluation.json").read_text())
        return report

    @contextmanager
    def module(self, name: str) -> Iterator[ModuleType]:
        """A script as a module, with those beside it."""
        with pytest.MonkeyPatch.context() as patched:
            patched.syspath_prepend(self.steps)
            for other in _MODULES:
                patched.delitem(sys.modules, other, raising=False)
            yield importlib.import_module(name)
            for other in _MODULES:
                sys.modules.pop(other, None)


Made = Callable[..., TeamModel]


def made_in(root: Path, data: Path, *, label: str, problem: Kind | None = None) -> TeamModel:
    """The project of a folder of data."""
    plan = read_data(data).plan(label=label, problem=problem)
    write(root, {**project_files("shop", version="0"), **problem_files(plan, MODEL)})
    return TeamModel(root=root, plan=plan)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """`made({"2024-01": rows, …}, label=…)` writes drops, and the project of them."""

    def make(drops: dict[str, pd.DataFrame], *, kind: str = "csv", **plan: Any) -> TeamModel:
        for name, rows in drops.items():
            folder = tmp_path / "drops" / name
            folder.mkdir(parents=True)
            if kind == "csv":
                rows.to_csv(folder / "rows.csv", index=False)
            else:
                rows.to_parquet(folder / "rows.parquet")
        return made_in(tmp_path / "project", tmp_path / "drops", **plan)

    return make
