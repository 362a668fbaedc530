"""The scripts as jobs run them: subprocesses and files, on one real flight in ten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.flights import write_month
from ratchet.authoring.judgement import script_arguments
from ratchet.judging import evaluate
from ratchet.settings.schema import ModelSettings

pytestmark = pytest.mark.jobs

FLIGHTS = ModelSettings(problem="binary", label="late")

RunScript = Callable[..., str]


def sample(raw: Path, months: range, every: int = 10) -> None:
    for month in months:
        flights = write_month(month, raw)[0]
        header, *rows = flights.read_text().splitlines()
        flights.write_text("\n".join([header, *rows[::every]]) + "\n")


def pack(model_dir: Path, folder: Path) -> None:
    """As the platform does with SM_MODEL_DIR."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(model_dir, arcname=".")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, run_script: RunScript) -> Path:
    """Prepared rows, a candidate, and a champion trained on the same rows in fewer rounds."""
    work = tmp_path_factory.mktemp("flights")
    sample(work / "raw", range(1, 4))
    run_script("prepare.py", "--raw", work / "raw", *outputs(work))
    for name, rounds in (("good", 60), ("weak", 1)):
        run_script(
            "train.py", "--train", work / "train", "--model_dir", work / name, "--num_round", rounds
        )
        pack(work / name, work / f"{name}-model")
    return work


def outputs(folder: Path) -> list[object]:
    return ["--train", folder / "train", "--eval", folder / "eval"]


def evaluated(work: Path, report: Path, *, candidate: str, champion: str) -> dict[str, Any]:
    folders = {
        "candidate": work / candidate,
        "champion": work / champion,
        "eval": work / "eval",
        "report": report,
        "predictions": report,
    }
    told = [part for name, folder in folders.items() for part in (f"--{name}", str(folder))]
    evaluate.main([*told, *script_arguments(FLIGHTS, own=None)])
    answer: dict[str, Any] = json.loads((report / "evaluation.json").read_text())
    return answer


def test_a_model_of_january_and_february_ranks_the_flights_of_march(
    run_script: RunScript, work: Path, tmp_path: Path
) -> None:
    report = evaluated(work, tmp_path, candidate="good-model", champion="none")
    assert report["champion"]["status"] == "none"
    assert report["candidate"]["score"] > 0.6
    lines = (work / "eval" / "eval.csv").read_text().splitlines()
    assert report["rows"] == len(lines) - 1
    assert report["classes"]["1"] == sum(line.startswith("1,") for line in lines)


@pytest.mark.parametrize(
    ("candidate", "champion", "sign"),
    [("good-model", "weak-model", -1), ("weak-model", "good-model", 1)],
)
def test_the_better_model_wins_from_either_side(
    run_script: RunScript, work: Path, tmp_path: Path, candidate: str, champion: str, sign: int
) -> None:
    report = evaluated(work, tmp_path, candidate=candidate, champion=champion)
    assert report["champion"]["status"] == "scored"
    assert report["regression"] * sign > 0.01
    assert report["interval"]["low"] * sign > 0
    assert report["interval"]["high"] * sign > 0


def test_a_model_against_itself_has_a_regression_of_exactly_zero(
    run_script: RunScript, work: Path, tmp_path: Path
) -> None:
    report = evaluated(work, tmp_path, candidate="good-model", champion="good-model")
    assert report["regression"] == 0.0


def test_a_champion_of_another_schema_is_unscorable(
    run_script: RunScript, work: Path, tmp_path: Path
) -> None:
    """Its own features.py asks for a column that the data no longer has."""
    model = shutil.copytree(work / "good", tmp_path / "model")
    code = model / "code" / "features.py"
    code.write_text(code.read_text().replace('"dewp"', '"dew_point"'))
    pack(model, work / "other-model")
    report = evaluated(work, tmp_path, candidate="good-model", champion="other-model")
    assert report["champion"]["status"] == "unscorable"
    assert "no column dew_point; expected carrier" in report["champion"]["reason"]


def test_the_scripts_give_the_same_scores_under_the_containers_python(
    run_script: RunScript, work: Path, tmp_path: Path
) -> None:
    python = os.environ.get("RATCHET_PYTHON310") or shutil.which("python3.10")
    probe = "import sys, numpy, pandas, pyarrow, xgboost; assert sys.version_info[:2] == (3, 10)"
    if python is None or subprocess.run([python, "-c", probe], capture_output=True).returncode:
        pytest.skip("no python3.10 with numpy, pandas, pyarrow and xgboost (RATCHET_PYTHON310)")
    run_script("prepare.py", "--raw", work / "raw", *outputs(tmp_path), python=python)
    model = tmp_path / "model"
    run_script(
        "train.py", "--train", tmp_path / "train", "--model_dir", model, "--num_round", 60,
        python=python,
    )  # fmt: skip
    pack(model, work / "python310-model")
    report = evaluated(work, tmp_path, candidate="python310-model", champion="good-model")
    assert (tmp_path / "eval/eval.csv").read_bytes() == (work / "eval/eval.csv").read_bytes()
    assert report["regression"] == pytest.approx(0, abs=0.005)
