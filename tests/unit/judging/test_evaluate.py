"""Models here are tiny: an inference.py of a few lines, packed as train.py packs one."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
import pytest

RunMain = Callable[..., None]

INFERENCE = """
import csv, io
import features

def model_fn(model_dir): return None
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body.decode())))
def predict_fn(rows, model): return [features.score(float(row["x"])) for row in rows]
def output_fn(scores, accept): return "".join(f"{score}\\n" for score in scores), accept
"""
GOOD = "def score(x): return x"
WEAK = "def score(x): return round(x)"
BACKWARDS = "def score(x): return 1 - x"


def archive(path: Path, files: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return path


class Job:
    """One evaluate step's folders."""

    def __init__(self, root: Path, run_main: RunMain) -> None:
        self.root, self.run_main = root, run_main
        rng = np.random.default_rng(0)
        x = rng.random(300)
        late = (rng.random(300) < x).astype(int)
        lines = [f"{label},{value:.6f}" for label, value in zip(late, x, strict=True)]
        (root / "eval").mkdir()
        (root / "champion").mkdir()
        (root / "eval" / "eval.csv").write_text("\n".join(["late,x", *lines]) + "\n")
        self.late = int(late.sum())

    def model(self, role: str, features: str, inference: str = INFERENCE) -> None:
        files = {"code/inference.py": inference, "code/features.py": features}
        archive(self.root / role / "model.tar.gz", files)

    def report(self) -> dict[str, Any]:
        folders = [
            argument
            for name in ("candidate", "champion", "eval", "report", "predictions")
            for argument in (f"--{name}", self.root / name)
        ]
        self.run_main(evaluate, *folders)
        report: dict[str, Any] = json.loads((self.root / "report/evaluation.json").read_text())
        return report


@pytest.fixture
def job(tmp_path: Path, run_main: RunMain) -> Job:
    return Job(tmp_path, run_main)


def test_each_model_is_scored_through_the_code_packed_with_it(job: Job) -> None:
    job.model("candidate", BACKWARDS)
    job.model("champion", GOOD)
    report = job.report()
    assert report["champion"]["status"] == "scored"
    assert report["champion"]["auc"] > 0.7
    assert report["candidate"]["auc"] == pytest.approx(1 - report["champion"]["auc"])


def test_what_the_candidate_answers_is_kept_beside_the_labels(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", BACKWARDS)
    job.report()
    header, *answers = (job.root / "predictions/predictions.csv").read_text().splitlines()
    _, *rows = (job.root / "eval/eval.csv").read_text().splitlines()
    assert header == "label,probability"
    pairs = [tuple(map(float, line.split(","))) for line in answers]
    assert pairs == [tuple(map(float, line.split(","))) for line in rows]


def test_the_report_has_every_field_of_a_comparison(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", WEAK)
    report = job.report()
    ours, theirs = report["candidate"]["auc"], report["champion"]["auc"]
    assert report["metric"] == "auc"
    assert (report["rows"], report["positives"]) == (300, job.late)
    assert set(report["candidate"]) == {"auc", "log_loss"}
    assert set(report["champion"]) == {"status", "auc", "log_loss", "reason"}
    assert report["regression"] == theirs - ours
    assert report["interval"]["low"] <= report["regression"] <= report["interval"]["high"]
    assert (report["interval"]["confidence"], report["interval"]["resamples"]) == (0.95, 1000)
    assert f"{ours:.4f}" in report["verdict"]
    assert f"{theirs:.4f}" in report["verdict"]


@pytest.mark.parametrize(("candidate", "champion", "sign"), [(GOOD, WEAK, -1), (WEAK, GOOD, 1)])
def test_a_worse_candidate_has_a_positive_regression(
    job: Job, candidate: str, champion: str, sign: int
) -> None:
    job.model("candidate", candidate)
    job.model("champion", champion)
    assert np.sign(job.report()["regression"]) == sign


def test_an_equal_champion_has_a_regression_of_exactly_zero(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    report = job.report()
    assert report["regression"] == 0.0
    assert (report["interval"]["low"], report["interval"]["high"]) == (0.0, 0.0)


def test_a_folder_without_an_archive_means_that_there_is_no_champion(job: Job) -> None:
    job.model("candidate", GOOD)
    (job.root / "champion" / "README").write_text("nothing serves yet")
    report = job.report()
    assert report["champion"] == {"status": "none", "auc": None, "log_loss": None, "reason": None}
    assert (report["regression"], report["interval"]) == (0.0, None)
    assert "no champion" in report["verdict"]


@pytest.mark.parametrize(
    ("features", "inference", "reason"),
    [
        ("def score(x): raise KeyError('y')", INFERENCE, "KeyError: 'y'"),
        ("def score(x): raise ValueError('one\\ntwo')", INFERENCE, "ValueError: one"),
        ("def score(x): return 2", INFERENCE, "scores are not all probabilities"),
        ("def score(x): return float('nan')", INFERENCE, "scores are not all probabilities"),
        ("def score(x): return 'yes'", INFERENCE, "expected one probability a row: "),
        (GOOD, INFERENCE.replace("in rows]", "in rows[1:]]"), "299 scores for 300 rows"),
        (GOOD, "import metrics", "ModuleNotFoundError: No module named 'metrics'"),
        (GOOD, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit status -9"),
    ],
)
def test_a_champion_that_cannot_answer_is_unscorable_with_the_reason(
    job: Job, features: str, inference: str, reason: str
) -> None:
    job.model("candidate", GOOD)
    job.model("champion", features, inference)
    report = job.report()
    assert report["champion"]["status"] == "unscorable"
    assert report["champion"]["reason"].startswith(reason)
    assert report["champion"]["auc"] is None
    assert (report["regression"], report["interval"]) == (0.0, None)
    assert reason in report["verdict"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00truncated"])
def test_a_champion_archive_that_is_broken_is_unscorable(job: Job, content: bytes) -> None:
    job.model("candidate", GOOD)
    (job.root / "champion" / "model.tar.gz").write_bytes(content)
    report = job.report()
    assert report["champion"]["status"] == "unscorable"
    assert "model.tar.gz cannot be unpacked" in report["champion"]["reason"]


def test_a_champion_without_code_is_unscorable(job: Job) -> None:
    job.model("candidate", GOOD)
    archive(job.root / "champion" / "model.tar.gz", {"model.ubj": "…"})
    report = job.report()
    assert report["champion"]["reason"] == "ModuleNotFoundError: No module named 'inference'"


def test_two_archives_are_not_a_champion(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    archive(job.root / "champion" / "other.tar.gz", {})
    assert "2 archives, expected one" in job.report()["champion"]["reason"]


def test_a_candidate_that_cannot_answer_fails_the_step(job: Job) -> None:
    job.model("candidate", "def score(x): raise KeyError('y')")
    job.model("champion", GOOD)
    with pytest.raises(SystemExit, match="the candidate cannot be scored: KeyError: 'y'"):
        job.report()
    assert not (job.root / "report").exists()


def test_a_missing_candidate_fails_the_step(job: Job) -> None:
    with pytest.raises(SystemExit, match=r"cannot be scored: no \*\.tar\.gz in .*candidate"):
        job.report()


@pytest.mark.parametrize("with_filter", [True, False])
@pytest.mark.parametrize("name", ["../evil.py", "code/../../evil.py"])
def test_an_archive_cannot_write_outside_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, with_filter: bool
) -> None:
    if not with_filter:  # as on a Python that does not have it yet
        monkeypatch.delattr(tarfile, "data_filter")
    path = archive(tmp_path / "model.tar.gz", {name: "evil"})
    with pytest.raises(tarfile.TarError):
        evaluate.unpack(path, tmp_path / "inside" / "model")
    assert not list(tmp_path.rglob("evil.py"))


def test_an_archive_unpacks_without_the_filter_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter")
    path = archive(tmp_path / "model.tar.gz", {"./code/inference.py": GOOD})
    evaluate.unpack(path, tmp_path / "model")
    assert (tmp_path / "model/code/inference.py").read_text() == GOOD


@pytest.mark.parametrize("content", ["x\n1\n", "late,x\n1,0.5\n1,0.6\n", "late,x\nyes,1\n"])
def test_an_eval_slice_without_both_labels_fails_the_step(job: Job, content: str) -> None:
    job.model("candidate", GOOD)
    (job.root / "eval" / "eval.csv").write_text(content)
    with pytest.raises(SystemExit, match=r"eval\.csv: expected a column late"):
        job.report()


def test_scores_may_come_on_one_line_as_sagemakers_own_algorithm_sends_them(job: Job) -> None:
    one_line = INFERENCE.replace('f"{score}\\n"', 'f"{score},"')
    assert one_line != INFERENCE
    job.model("candidate", GOOD)
    job.model("champion", GOOD, one_line)
    assert job.report()["champion"]["status"] == "scored"


def judge_alone(job: Job) -> dict[str, Any]:
    folders = [
        argument
        for name in ("champion", "eval", "report", "predictions")
        for argument in (f"--{name}", job.root / name)
    ]
    job.run_main(evaluate, *folders)
    report: dict[str, Any] = json.loads((job.root / "report/evaluation.json").read_text())
    return report


def test_without_a_candidate_the_champion_is_judged_alone_with_its_own_interval(job: Job) -> None:
    job.model("champion", GOOD)
    report = judge_alone(job)
    champion, interval = report["champion"], report["interval"]
    assert report["candidate"] is None
    assert champion["status"] == "scored"
    assert interval["low"] < champion["auc"] < interval["high"]
    assert report["verdict"].startswith(f"champion AUC {champion['auc']:.4f}, 95 % within")


def test_a_champion_judged_alone_has_no_regression_that_a_gate_could_pass(job: Job) -> None:
    job.model("champion", GOOD)
    assert judge_alone(job)["regression"] is None


def test_the_answers_of_a_champion_judged_alone_are_kept(job: Job) -> None:
    job.model("champion", GOOD)
    judge_alone(job)
    header, *answers = (job.root / "predictions/predictions.csv").read_text().splitlines()
    assert header == "label,probability"
    assert len(answers) == 300


def test_a_champion_judged_alone_that_cannot_answer_says_why(job: Job) -> None:
    job.model("champion", "def score(x): raise KeyError('plane_seats')")
    report = judge_alone(job)
    assert report["champion"]["status"] == "unscorable"
    assert report["champion"]["auc"] is None
    assert "plane_seats" in report["verdict"]
    assert (job.root / "predictions/predictions.csv").read_text() == "label,probability\n"


def test_neither_candidate_nor_champion_is_an_error(job: Job) -> None:
    with pytest.raises(SystemExit, match="nothing to judge: no --candidate, and no"):
        judge_alone(job)
