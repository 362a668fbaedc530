"""Folders of one evaluate step, and models that are tiny: an inference.py of a few lines, packed as
train.py packs one."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.judging import evaluate

INFERENCE = """
import csv, io
import features

def model_fn(model_dir): return None
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, model): return [features.answer(float(row["x"])) for row in rows]
def output_fn(answers, accept): return "".join(f"{answer}\\n" for answer in answers), accept
"""


def archive(path: Path, files: Mapping[str, str | bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


class Job:
    """One evaluate step's folders, and what the script is told of the model."""

    def __init__(self, root: Path, *about: str) -> None:
        self.root, self.about = root, list(about)
        for folder in ("eval", "champion"):
            (root / folder).mkdir(parents=True)

    def rows(self, text: str) -> None:
        (self.root / "eval" / "eval.csv").write_text(text)

    def model(self, role: str, features: str, inference: str = INFERENCE) -> None:
        files = {"code/inference.py": inference, "code/features.py": features}
        archive(self.root / role / "model.tar.gz", files)

    def report(self, *more: str, alone: bool = False) -> dict[str, Any]:
        names = ["champion", "eval", "report", "predictions"]
        folders = [
            argument
            for name in (names if alone else ["candidate", *names])
            for argument in (f"--{name}", str(self.root / name))
        ]
        evaluate.main([*folders, *self.about, *more])
        report: dict[str, Any] = json.loads((self.root / "report/evaluation.json").read_text())
        return report

    @property
    def predictions(self) -> list[str]:
        return (self.root / "predictions/predictions.csv").read_text().splitlines()


MakeJob = Callable[..., Job]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Of a binary problem: the chance of the label `late` is x."""
    job = Job(tmp_path, "--problem", "binary", "--label", "late")
    rng = np.random.default_rng(0)
    x = rng.random(300)
    late = (rng.random(300) < x).astype(int)
    lines = [f"{label},{value:.6f}" for label, value in zip(late, x, strict=True)]
    job.rows("\n".join(["late,x", *lines]) + "\n")
    return job


@pytest.fixture
def price(tmp_path: Path) -> Job:
    """Of a regression: the price is 100 x, give or take 5."""
    job = Job(tmp_path, "--problem", "regression", "--label", "price")
    rng = np.random.default_rng(0)
    x = rng.random(300)
    prices = 100 * x + rng.normal(scale=5, size=300)
    lines = [f"{value:.6f},{price:.4f}" for value, price in zip(x, prices, strict=True)]
    job.rows("\n".join(["x,price", *lines]) + "\n")
    return job


@pytest.fixture
def kind(tmp_path: Path) -> Job:
    """Of three classes, by thirds of x, one row in ten of another class."""
    job = Job(tmp_path, "--problem", "multiclass", "--label", "kind")
    rng = np.random.default_rng(0)
    x = rng.random(300)
    places = np.where(rng.random(300) < 0.1, rng.integers(3, size=300), (3 * x).astype(int))
    names = np.array(["ant", "bee", "cat"])[places]
    lines = [f"{value:.6f},{name}" for value, name in zip(x, names, strict=True)]
    job.rows("\n".join(["x,kind", *lines]) + "\n")
    return job
