"""The scripts of a new model, run as jobs run them: on the examples, and twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ratchet.template import examples
from tests.unit.template.conftest import TeamModel, made_in

pytestmark = pytest.mark.jobs

LABELS = {"houses": "price", "churn": "churned", "wines": "cultivar"}


@dataclass(frozen=True)
class Trained:
    """An example's model after prepare, train and evaluate."""

    model: TeamModel
    work: Path
    report: dict[str, Any]

    @property
    def eval_rows(self) -> pd.DataFrame:
        return pd.read_csv(self.work / "eval" / "eval.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module", params=LABELS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    example: str = request.param
    folder = tmp_path_factory.mktemp(example)
    examples.write(examples.EXAMPLES[example](), folder / "drops")
    model = made_in(folder / "project", folder / "drops", label=LABELS[example])
    work = folder / "work"
    model.prepare(work)
    model.train(work)
    return Trained(model, work, model.evaluate(work))


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_eval_slice_is_the_newest_month_and_training_never_sees_it(trained: Trained) -> None:
    newest = pd.read_csv(trained.model.raw / "2024-03" / "rows.csv")
    train = pd.read_parquet(trained.work / "train" / "train.parquet")
    assert len(trained.eval_rows) == len(newest)
    assert len(train) == 2 * len(newest)
    assert list(train) == list(trained.eval_rows)
    assert list(train) == [trained.model.plan.target.label, *sorted_features(trained.model)]


def sorted_features(model: TeamModel) -> list[str]:
    order = ["category", "number", "date"]
    columns = sorted(model.plan.features, key=lambda column: order.index(column.kind))
    return [column.name for column in columns]


def test_a_model_is_far_better_than_one_constant_answer(trained: Trained) -> None:
    target, scores = trained.model.plan.target, trained.report["candidate"]["metrics"]
    if target.problem == "regression":
        assert scores["rmse"] < target.deviation / 3
    elif target.problem == "binary":
        assert scores["auc"] > 0.7
    else:
        assert scores["macro_f1"] > 0.85
        assert scores["log_loss"] < 0.5


def test_a_second_run_writes_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    trained.model.prepare(tmp_path)
    trained.model.train(tmp_path)
    for name in ("train", "eval", "model"):
        assert contents(tmp_path / name) == contents(trained.work / name)


def test_judging_alone_needs_no_training_rows(trained: Trained, tmp_path: Path) -> None:
    trained.model.script(
        "prepare", "--raw", trained.model.raw, "--eval", tmp_path / "eval", "--judge", "all"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["eval"]
    rows = pd.read_csv(tmp_path / "eval" / "eval.csv")
    assert len(rows) == 3 * len(trained.eval_rows)


def test_answers_are_the_same_in_csv_and_json(trained: Trained) -> None:
    rows = trained.eval_rows.drop(columns=trained.model.plan.target.label).head(30)
    typed = pd.read_csv(io.StringIO(rows.to_csv(index=False)))
    with trained.model.module("inference") as inference:
        model = inference.model_fn(str(trained.work / "model"))

        def answer(body: str, content_type: str, accept: str) -> str:
            request = inference.input_fn(body.encode(), content_type)
            text, kind = inference.output_fn(inference.predict_fn(request, model), accept)
            assert kind == accept
            assert isinstance(text, str)
            return text

        lines = answer(rows.to_csv(index=False), "text/csv", "text/csv").splitlines()
        bare = answer(rows.to_csv(index=False, header=False), "text/csv", "text/csv").splitlines()
        records = {"instances": json.loads(typed.to_json(orient="records"))}
        body = answer(json.dumps(records), "application/json", "application/json")
    predictions = json.loads(body)["predictions"]
    assert lines == bare
    assert len(lines) == len(predictions) == len(rows)
    target = trained.model.plan.target
    for line, prediction in zip(lines, predictions, strict=True):
        if target.problem != "multiclass":
            assert float(line) == prediction
            continue
        name, *shares = line.split(",")
        assert name == prediction["predicted_label"]
        assert list(prediction["probabilities"]) == list(target.classes)
        assert [float(share) for share in shares] == list(prediction["probabilities"].values())


def test_a_missing_column_is_named(trained: Trained) -> None:
    name = trained.model.plan.features[0].name
    rows = trained.eval_rows.drop(columns=name)
    with (
        trained.model.module("inference") as inference,
        pytest.raises(ValueError, match=f"no column '{name.split(' ')[0]}"),
    ):
        inference.input_fn(rows.to_csv(index=False), "text/csv")


def test_a_model_says_what_made_it(trained: Trained) -> None:
    metadata = json.loads((trained.work / "model" / "metadata.json").read_text())
    assert set(metadata["versions"]) == {"python", "scikit-learn"}
    assert metadata["hyperparameters"]["max_iter"] in (100, 200)
    packed = {path.name for path in (trained.work / "model" / "code").iterdir()}
    assert packed == {"inference.py", "features.py"}


def test_the_sample_is_small_and_has_rows_to_train_and_to_judge(
    trained: Trained, tmp_path: Path
) -> None:
    folder = trained.model.root / "tests" / "prices" / "data"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {"2024-02", "2024-03"}
    assert sum(path.stat().st_size for path in files) <= 200_000
    trained.model.prepare(tmp_path, raw=folder)
    for rows in (
        pd.read_parquet(tmp_path / "train" / "train.parquet"),
        pd.read_csv(tmp_path / "eval" / "eval.csv"),
    ):
        assert len(rows) >= 200
        assert rows[trained.model.plan.target.label].nunique() >= 2


def test_the_scripts_run_with_the_packages_of_the_image(trained: Trained, tmp_path: Path) -> None:
    """RATCHET_PYTHON310 names an interpreter with the packages of the container image."""
    python = os.environ.get("RATCHET_PYTHON310") or shutil.which("python3.10")
    probe = "import numpy, pandas, pyarrow, sklearn"
    if python is None or subprocess.run([python, "-c", probe], capture_output=True).returncode:
        pytest.skip("no python3.10 with the packages of the image; RATCHET_PYTHON310 can name one")
    model = replace(trained.model, python=python)
    model.prepare(tmp_path)
    model.train(tmp_path)
    assert contents(tmp_path / "eval") == contents(trained.work / "eval")
    scores = model.evaluate(tmp_path)["candidate"]["metrics"]
    assert scores == pytest.approx(trained.report["candidate"]["metrics"], rel=1e-6)
