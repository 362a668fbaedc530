from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import features
from tests.late import Late

inference, train = Late("inference"), Late("train")  # they import XGBoost

RunMain = Callable[..., None]


def made_flights(count: int = 400) -> pd.DataFrame:
    """Training rows whose label follows temperature and carrier."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({name: rng.normal(size=count) for name in features.NUMBERS})
    rows.insert(0, "carrier", rng.choice(["UA", "B6"], count))
    rows.insert(1, "note", "not a feature")
    rows["origin"], rows["dest"] = "EWR", rng.choice(["IAH", "BOS"], count)
    rows["year"], rows["month"], rows["day"] = 2013, 1, rng.integers(1, 29, count)
    rows["hour"], rows["minute"], rows["sched_arr_time"] = rng.integers(0, 24, count), 15, 1819
    rows["plane_year"] = 1999.0
    rows.insert(0, "late", ((rows["temp"] > 0) | (rows["carrier"] == "B6")).astype(int))
    return rows


@pytest.fixture(scope="module")
def training_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    made_flights().to_parquet(folder / "train.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def model_dir(training_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model for every test of this file: they read it."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    arguments = ["--train", training_rows, "--model_dir", folder, "--num_round", 9]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
        train.main()
    return folder


@pytest.fixture(scope="module")
def model(model_dir: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = inference.model_fn(str(model_dir))
    return loaded


def flights() -> pd.DataFrame:
    """What a caller sends: raw rows without the label."""
    return made_flights(5).drop(columns="late")


def ask(model: dict[str, Any], body: str | bytes, content_type: str) -> list[float]:
    prediction = inference.predict_fn(inference.input_fn(body, content_type), model)
    answer, _ = inference.output_fn(prediction, "application/json")
    scores: list[float] = json.loads(answer)["predictions"]
    return scores


def test_a_model_holds_its_booster_its_metadata_and_its_code(model_dir: Path) -> None:
    files = {str(path.relative_to(model_dir)) for path in model_dir.rglob("*") if path.is_file()}
    assert files == {"model.ubj", "metadata.json", "code/inference.py", "code/features.py"}
    metadata = json.loads((model_dir / "metadata.json").read_text())
    assert metadata["columns"] == list(flights())
    assert metadata["categories"]["carrier"] == ["B6", "UA"]
    assert metadata["hyperparameters"]["num_round"] == 9
    assert metadata["rows"] == 400


def test_metrics_are_printed_for_a_regular_expression_to_read(
    training_rows: Path, tmp_path: Path, run_main: RunMain, capsys: pytest.CaptureFixture[str]
) -> None:
    run_main(train, "--train", training_rows, "--model_dir", tmp_path, "--num_round", 9)
    found = re.search(r"train:auc=([0-9.]+)", capsys.readouterr().out)
    assert found is not None
    assert 0.9 < float(found[1]) <= 1


def test_the_same_rows_give_the_same_model_bytes(
    model_dir: Path, training_rows: Path, tmp_path: Path, run_main: RunMain
) -> None:
    again = tmp_path / "again"
    run_main(train, "--train", training_rows, "--model_dir", again, "--num_round", 9)
    for name in ("model.ubj", "metadata.json"):
        assert (again / name).read_bytes() == (model_dir / name).read_bytes()


def test_sagemakers_variables_name_the_folders(
    training_rows: Path, tmp_path: Path, run_main: RunMain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_CHANNEL_TRAIN", str(training_rows))
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    run_main(train, "--num_round", 1)
    assert (tmp_path / "model" / "model.ubj").is_file()


def test_training_without_rows_or_with_one_label_is_refused(
    tmp_path: Path, run_main: RunMain
) -> None:
    arguments = ("--train", tmp_path, "--model_dir", tmp_path / "model")
    with pytest.raises(SystemExit, match=r"no \*\.parquet in .*; expected what prepare\.py wrote"):
        run_main(train, *arguments)
    made_flights().assign(late=0).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(SystemExit, match="expected a column late that holds both 0 and 1"):
        run_main(train, *arguments)


def test_training_rows_without_a_feature_are_refused_by_name(
    tmp_path: Path, run_main: RunMain
) -> None:
    made_flights().drop(columns="temp").to_parquet(tmp_path / "train.parquet")
    with pytest.raises(SystemExit, match="no column temp; expected carrier"):
        run_main(train, "--train", tmp_path, "--model_dir", tmp_path / "model")


def test_every_content_type_gives_the_same_scores(model: dict[str, Any]) -> None:
    rows = flights()
    records = rows.to_dict("records")
    lines = "\n".join(json.dumps(record) for record in records)
    expected = ask(model, rows.to_csv(index=False), "text/csv")
    assert len(expected) == 5
    assert all(0 < score < 1 for score in expected)
    assert ask(model, rows.to_csv(index=False).encode(), "text/csv; charset=utf-8") == expected
    assert ask(model, rows.to_csv(index=False, header=False), "text/csv") == expected
    assert ask(model, json.dumps(records), "application/json") == expected
    assert ask(model, json.dumps({"instances": records}), "application/json") == expected
    assert ask(model, lines.encode(), "application/jsonlines") == expected


def test_with_a_header_the_order_of_columns_is_free(model: dict[str, Any]) -> None:
    rows = flights()
    shuffled = rows[sorted(map(str, rows), reverse=True)].drop(columns="note").assign(extra=1)
    expected = ask(model, rows.to_csv(index=False), "text/csv")
    assert ask(model, shuffled.to_csv(index=False), "text/csv") == expected


@pytest.mark.parametrize(
    ("body", "content_type", "complaint"),
    [
        ("", "text/csv", "the request is empty; expected rows with carrier"),
        ("a", "application/x-image", "content type 'application/x-image'; expected text/csv, "),
        ("1,2,3", "text/csv", "3 columns without a header; expected 22: carrier, note, "),
        ("carrier,dest\nUA,IAH", "text/csv", "no column origin, distance, "),
        ("{", "application/json", "not valid application/json: "),
        ('{"rows": []}', "application/json", "expected records such as "),
        ("[1, 2]", "application/json", "expected records such as "),
        ("[]", "application/json", "expected records such as "),
        ('{"carrier": "UA"}\nUA', "application/jsonlines", "not valid application/jsonlines: "),
        ('[{"carrier": "UA"}]', "application/json", "no column origin, dest, distance, "),
    ],
)
def test_a_bad_request_says_what_is_expected(
    model: dict[str, Any], body: str, content_type: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        ask(model, body, content_type)


@pytest.mark.parametrize(
    ("accept", "body", "content_type"),
    [
        ("text/csv", "0.25\n1.0\n", "text/csv"),
        ("application/json", '{"predictions": [0.25, 1.0]}', "application/json"),
        ("*/*", '{"predictions": [0.25, 1.0]}', "application/json"),
        (
            "application/jsonlines",
            '{"prediction": 0.25}\n{"prediction": 1.0}\n',
            "application/jsonlines",
        ),
        ("image/png, text/csv;q=0.8", "0.25\n1.0\n", "text/csv"),
    ],
)
def test_the_answer_is_of_the_accepted_type(accept: str, body: str, content_type: str) -> None:
    prediction = np.array([0.25, 1], dtype="float32")
    assert inference.output_fn(prediction, accept) == (body, content_type)


def test_a_caller_who_accepts_none_of_the_types_is_told_them() -> None:
    with pytest.raises(ValueError, match="accept 'image/png'; expected text/csv, "):
        inference.output_fn(np.array([0.5]), "image/png")
