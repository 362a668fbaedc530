"""Three models of one project on real data, one of each problem, as a newcomer makes them: with
`ratchet init` from a folder of CSV files, and with commands that are typed.

The data is what scikit-learn brings along, so nothing is fetched: how far a diabetes has gone after
a year (regression), written digits (multiclass), and tumours of two kinds (binary, in words).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from botocore.exceptions import ClientError
from sklearn import datasets, metrics

from ratchet.deployment import standing
from ratchet.deployment.registry import evaluations
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import reports
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.serving import predictions, request_rows
from ratchet.deployment.target import facts
from ratchet.loop.answers import says_missing
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.loop.packages import APPROVED
from ratchet.project import Project
from tests.loop.deployed_loop import Loop

PARTITIONS = ("2024-01", "2024-02", "2024-03")
"""The newest is the eval slice."""
T = TypeVar("T")
Score = Callable[[Iterable[Any], Iterable[Any]], float]


@dataclass(frozen=True)
class Example:
    """A data set of scikit-learn and the problem that its label poses.

    `score` is scikit-learn's `metric` of labels and answers, and `watched_score` that of `watched`,
    which Model Monitor knows. A model of `weak` trees is worse than one of TREES by more than the
    gate tolerates.
    """

    label: str
    problem: str
    metric: str
    score: Score
    watched: str
    watched_score: Score
    weak: int

    def rows(self) -> pd.DataFrame:
        load = {
            "regression": lambda: datasets.load_diabetes(as_frame=True, scaled=False),
            "multiclass": lambda: datasets.load_digits(n_class=5, as_frame=True),
            "binary": lambda: datasets.load_breast_cancer(as_frame=True),
        }
        data = load[self.problem]()
        rows: pd.DataFrame = data.frame.rename(columns={"target": self.label})
        if self.problem == "binary":
            rows[self.label] = np.array(data.target_names)[rows[self.label]]
        return rows

    def write(self, folder: Path) -> None:
        rows = self.rows()
        for place, partition in enumerate(PARTITIONS):
            (folder / partition).mkdir(parents=True)
            part = rows.iloc[place :: len(PARTITIONS)]
            part.to_csv(folder / partition / "rows.csv", index=False)


def _rmse(labels: Iterable[Any], answers: Iterable[Any]) -> float:
    return float(metrics.root_mean_squared_error(list(labels), list(answers)))


def _macro_f1(labels: Iterable[Any], answers: Iterable[Any]) -> float:
    return float(metrics.f1_score(list(labels), list(answers), average="macro"))


def _accuracy(labels: Iterable[Any], answers: Iterable[Any]) -> float:
    return float(metrics.accuracy_score(list(labels), list(answers)))


def _auc(labels: Iterable[Any], answers: Iterable[Any]) -> float:
    return float(metrics.roc_auc_score([label == "malignant" for label in labels], list(answers)))


EXAMPLES: Mapping[str, Example] = {
    "diabetes": Example("progression", "regression", "rmse", _rmse, "rmse", _rmse, weak=5),
    "digits": Example("digit", "multiclass", "macro_f1", _macro_f1, "accuracy", _accuracy, weak=2),
    "tumours": Example("diagnosis", "binary", "auc", _auc, "auc", _auc, weak=1),
}
TREES = 20
"""Enough for each, and a training takes seconds."""


@dataclass(frozen=True)
class RealProject:
    """The project, which has the first model's name, and the data of its models beside it."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / next(iter(EXAMPLES))

    @property
    def cloud(self) -> Path:
        return self.root / ".ratchet" / "cloud"

    @cached_property
    def models(self) -> dict[str, RealModel]:
        return {name: RealModel(self, name) for name in EXAMPLES}

    def type(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command, typed in the project's folder."""
        variables = {**os.environ, "COLUMNS": "200", "CDK_VALIDATION": "false"}
        return subprocess.run(
            [sys.executable, "-m", "ratchet.cli.main", *words],
            cwd=cwd or self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def each(self, do: Callable[[RealModel], T]) -> dict[str, T]:
        """What a function makes of each model, all at once."""
        with ThreadPoolExecutor(len(self.models)) as pool:
            return dict(zip(self.models, pool.map(do, self.models.values()), strict=True))


@dataclass(frozen=True)
class RealModel:
    """One model of the project."""

    project: RealProject
    name: str

    @property
    def example(self) -> Example:
        return EXAMPLES[self.name]

    @property
    def data(self) -> Path:
        return self.project.folder / "data" / self.name

    @cached_property
    def loop(self) -> Loop:
        root = self.project.root
        settings = Project(root).settings("dev", self.name)
        return Loop(self.project.cloud, settings, Project(root))

    def try_to(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.project.type(*words, "-m", self.name)

    def type(self, *words: str) -> str:
        """What a command prints, which must succeed."""
        done = self.try_to(*words)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def read(self, *words: str) -> Any:
        """What a command prints for scripts."""
        return json.loads(self.type(*words, "--json"))

    # -- source

    def set_trees(self, trees: int) -> None:
        _set(self.project.root / "config" / self.name / "base.toml", max_iter=trees)

    def edit_inference(self) -> None:
        """An edit that changes the artifact, and none of its answers."""
        file = self.project.root / "steps" / self.name / "inference.py"
        file.write_text(f"{file.read_text()}\n# another artifact\n")

    # -- runs

    def newest_run(self) -> RunState:
        """Of the training pipeline, or of an edit of it."""
        pipeline = self.loop.deployed.pipeline
        listed = [*self._runs(pipeline), *self._runs(f"{pipeline}-edits")]
        newest = max(listed, key=lambda run: run.started)
        return reports.outcome_of(self.loop.target, newest)

    def _runs(self, pipeline: str) -> list[Run]:
        try:
            return runs.listed(self.loop.target, pipeline=pipeline)
        except ClientError as problem:
            if says_missing(problem):
                return []
            raise

    def train(self) -> RunState:
        """The run of the source as it is, ended. It fails where the gate halts it."""
        self.try_to("run", "training")
        return self.newest_run()

    def report(self, state: RunState) -> Mapping[str, Any]:
        """The evaluation of a run."""
        return dict(self.loop.findings(state).reports["evaluate", "evaluation"])

    # -- monitoring

    def asked(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What the endpoint answers for rows, which it captures."""
        file = self.project.folder / f"{self.name}-requests.csv"
        rows.to_csv(file, index=False)
        return self.ask(file)

    def analyzed(self, answers: pd.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
        """The analyses of requests and of answers, once labels are there: `analyze`, `quality`."""
        file = self.project.folder / f"{self.name}-labels.csv"
        answers.assign(**{self.example.label: labels}).to_csv(file, index=False)
        self.type("monitor", "labels", str(file))
        self.type("monitor", "run", "--engine", "pipeline")
        pipeline = facts.read_serving(self.loop.target).monitoring_pipeline
        state = runs.read(self.loop.target, runs.listed(self.loop.target, pipeline=pipeline)[0])
        found = self.loop.findings(state).reports
        return {step: report for (step, name), report in found.items() if name == "analysis"}

    # -- serving

    def evaluate(self, partition: Path) -> EvaluationRecord:
        """Version 2 on a folder of labelled data."""
        self.type("land", str(partition), "--for", "evaluation", "--follow")
        records = evaluations.read(self.loop.target, self.loop.deployed, version=2)
        (record,) = (record for record in records if partition.name in record.data)
        return record

    def alarm(self, name: str) -> str:
        """The state of an alarm of the endpoint."""
        return standing.look(self.loop.target).alarms[name].state

    def serve(self, version: int) -> None:
        self.loop.decide(version, APPROVED)
        self.loop.settled(version)

    def ask(self, rows: Path) -> pd.DataFrame:
        """What `ratchet predict` prints for a file of rows: one line for each."""
        file = self.project.folder / f"{self.name}-answers.csv"
        file.write_text(self.type("predict", str(rows), "--csv"))
        return pd.read_csv(file, dtype=str)

    def score_of(self, rows: Path, labels: Iterable[str] | None = None) -> float:
        """scikit-learn's score of what the endpoint answers for a file of rows.

        `labels`: default: those of the file.
        """
        if labels is None:
            labels = pd.read_csv(rows, dtype=str)[self.example.label]
        batches = request_rows.batches(rows, size=100, without=[self.example.label])
        endpoint = facts.read_serving(self.loop.target).endpoint
        answers = predictions.predict(self.loop.target, endpoint, batches, prefix="score")
        predicted = [
            str(predictions.prediction_of(value))
            for answer in answers
            for value in answer.predictions
        ]
        return self.example.score(self.typed(labels), self.typed(predicted))

    def labelled(self, partition: str) -> pd.DataFrame:
        return pd.read_csv(self.data / partition / "rows.csv", dtype={self.example.label: str})

    def typed(self, values: Iterable[str]) -> list[Any]:
        """Labels and answers: numbers where they are some, or else names of classes."""
        try:
            return [float(value) for value in values]
        except ValueError:
            return list(values)


def made(folder: Path) -> RealProject:
    """The project as `ratchet init` writes it, deployed."""
    project = RealProject(folder)
    for model in project.models.values():
        model.example.write(model.data)
    for place, (name, model) in enumerate(project.models.items()):
        data = ["--data", str(model.data), "--label", model.example.label]
        new = ["init", name] if place == 0 else ["init", "--model", name]
        _must(project.type(*new, *data, cwd=folder if place == 0 else project.root))
        model.set_trees(model.example.weak)
    # Data is complete when it lands, and traffic moves at once.
    _set(
        project.root / "config" / "dev.toml",
        settle_seconds=1,
        wait_seconds=0,
        termination_wait_seconds=0,
    )
    settings = project.root / "config" / "base.toml"
    settings.write_text(f"{settings.read_text()}\n[feedback]\nenabled = false\n")
    _must(project.type("deploy"))
    return project


def _set(file: Path, **values: int) -> None:
    text = file.read_text()
    for key, value in values.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    file.write_text(text)


def _must(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
