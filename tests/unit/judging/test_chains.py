"""Models of several containers, with packages of their own, and what is measured of a model."""

from __future__ import annotations

import base64
import hashlib
import io
import time
import zipfile
from pathlib import Path

import pytest

from ratchet.judging import models
from ratchet.judging.copies import model_digest
from ratchet.loop import chains, environments
from tests.unit.judging.conftest import INFERENCE, Job, archive

pytestmark = pytest.mark.jobs

SCALE = """
import csv, io, features

def model_fn(model_dir): return features.SCALE
def input_fn(body, content_type):
    if content_type != "text/csv": raise ValueError(content_type)
    return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, scale): return [features.step(float(row["x"])) * scale for row in rows]
def output_fn(scaled, accept):
    return "scaled\\n" + "".join(f"{value!r}\\n" for value in scaled), accept + "; header=present"
"""
SCALED = """
import features

def model_fn(model_dir): return features.SCALE
def input_fn(body, content_type):
    if content_type != "text/csv; header=present": raise ValueError(content_type)
    name, *lines = body.splitlines()
    if name != "scaled": raise ValueError(name)
    return [float(line) for line in lines]
def predict_fn(values, scale): return [features.step(value / scale) for value in values]
def output_fn(answers, accept): return "".join(f"{answer!r}\\n" for answer in answers), accept
"""
SAME = "SCALE = 8\ndef step(x): return x"
"""Both containers have a module of this name; the steps and scales differ where a test says so."""
ALONE = "def answer(x): return x"


def chain(
    job: Job, first: str = SAME, second: str = SAME, *, scripts: tuple[str, str] = (SCALE, SCALED)
) -> list[str]:
    """A candidate of two containers; the script's further arguments."""
    for role, features, script in zip(
        ("candidate", "candidate-2"), (first, second), scripts, strict=True
    ):
        job.model(role, features, script)
    return ["--candidate", str(job.root / "candidate-2")]


def champion_chain(job: Job, first: str = SAME, second: str = SAME) -> list[Path]:
    return [
        archive(
            job.root / "champion" / chains.archive_name(position, of=2),
            {"code/inference.py": script, "code/features.py": features},
        )
        for position, script, features in ((1, SCALE, first), (2, SCALED, second))
    ]


def test_a_chain_answers_as_the_same_computation_in_one_process(job: Job) -> None:
    job.model("champion", "def answer(x): return (x * x) ** 0.5")
    squared, root = (
        "SCALE = 8\ndef step(x): return x * x",
        "SCALE = 8\ndef step(x): return x ** 0.5",
    )
    report = job.report(*chain(job, squared, root))
    assert report["champion"]["status"] == "scored"
    assert report["candidate"]["score"] == report["champion"]["score"]
    assert report["regression"] == 0
    ours = [job.root / role / "model.tar.gz" for role in ("candidate", "candidate-2")]
    assert report["candidate"]["digest"] == model_digest(ours)
    assert report["candidate"]["metrics"]["size_mb"] == sum(p.stat().st_size for p in ours) / 1e6


def test_a_chain_is_a_champion_of_a_model_alone_and_judged_by_all_of_it(job: Job) -> None:
    backwards = "SCALE = 8\ndef step(x): return 1 - x"
    archives = champion_chain(job, second=backwards)
    job.model("candidate", ALONE)
    report = job.report()
    assert report["champion"]["status"] == "scored"
    assert report["champion"]["score"] == pytest.approx(1 - report["candidate"]["score"])
    assert report["champion"]["digest"] == model_digest(archives)
    alone = job.report(alone=True)
    assert alone["champion"]["score"] == report["champion"]["score"]


def test_a_part_of_a_chain_is_no_champion(job: Job) -> None:
    first, second = champion_chain(job)
    job.model("candidate", ALONE)
    second.unlink()
    champion = job.report()["champion"]
    assert champion["status"] == "unscorable"
    assert champion["reason"].startswith("01-of-02.tar.gz is a part of a chain")
    first.rename(first.with_name("02-of-02.tar.gz"))
    assert job.report()["champion"]["status"] == "unscorable"


@pytest.mark.parametrize(
    ("first", "second", "scripts", "reason"),
    [
        ("SCALE = 1 / 0", SAME, (SCALE, SCALED), "container-1: ZeroDivisionError"),
        (SAME, "SCALE = 1 / 0", (SCALE, SCALED), "container-2: ZeroDivisionError"),
        ("SCALE = 1\ndef step(x): return [][1]", SAME, (SCALE, SCALED), "container-1: IndexError"),
        (SAME, "SCALE = 1\ndef step(x): return [][1]", (SCALE, SCALED), "container-2: IndexError"),
        (
            SAME,
            SAME,
            (SCALE.replace("; header=present", ""), SCALED),
            "container-2: ValueError: text/csv",
        ),
        (
            SAME,
            SAME,
            (SCALE, "import os\nos.abort()"),
            "container-2: its process was ended by SIGABRT",
        ),
        (
            SAME,
            SAME,
            (SCALE, SCALED.replace("in answers)", "in answers[1:])")),
            "299 answers for 300",
        ),
    ],
)
def test_what_fails_is_said_of_the_container_where_it_does(
    job: Job, first: str, second: str, scripts: tuple[str, str], reason: str
) -> None:
    job.model("champion", ALONE)
    with pytest.raises(SystemExit) as caught:
        job.report(*chain(job, first, second, scripts=scripts))
    assert f"the candidate cannot be scored: {reason}" in str(caught.value)


def test_a_container_without_an_archive_is_said_by_its_name(job: Job) -> None:
    job.model("champion", ALONE)
    more = chain(job)
    (job.root / "candidate-2" / "model.tar.gz").unlink()
    with pytest.raises(SystemExit, match="0 archives of container-2, expected one"):
        job.report(*more)


# -- packages ------------------------------------------------------------------------------------


def wheel(version: str) -> bytes:
    """A package `shade` whose only word is its version."""
    buffer, record = io.BytesIO(), []
    info = f"shade-{version}.dist-info"
    files = {
        "shade.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: shade\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            record.append(f"{name},sha256={digest.decode()},{len(text)}\n")
            package.writestr(name, text)
        package.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return buffer.getvalue()


def with_wheel(job: Job, role: str, version: str, wanted: str = "shade") -> None:
    """A model that answers x where its own version of the package is there, and else 1 - x."""
    features = f"import shade\ndef answer(x): return x if shade.VERSION == {version!r} else 1 - x"
    files: dict[str, str | bytes] = {
        "code/inference.py": INFERENCE,
        "code/features.py": features,
        "code/requirements.txt": f"--no-index --find-links=wheels\n{wanted}\n",
        f"code/wheels/shade-{version}-py3-none-any.whl": wheel(version),
    }
    archive(job.root / role / "model.tar.gz", files)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return environments.cache()


def test_each_model_has_the_packages_that_its_own_code_brings(job: Job, cache: Path) -> None:
    """Of one requirements.txt, and of wheels that differ. PIP_TARGET is where the step's own go."""
    with_wheel(job, "candidate", "1.0")
    with_wheel(job, "champion", "2.0")
    report = job.report()
    assert report["champion"]["status"] == "scored", report["champion"]["reason"]
    assert report["candidate"]["score"] == report["champion"]["score"] > 0.7
    assert len(list(cache.glob("*/complete"))) == 2


def test_models_that_ask_for_the_same_share_an_environment(
    job: Job, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "of-the-step"))
    with_wheel(job, "candidate", "1.0")
    with_wheel(job, "champion", "1.0")
    assert job.report()["champion"]["status"] == "scored"
    assert len(list(cache.glob("*/complete"))) == 1
    assert not (tmp_path / "of-the-step").exists()


def test_packages_that_cannot_be_installed_are_said_in_pips_words(job: Job, cache: Path) -> None:
    job.model("candidate", ALONE)
    with_wheel(job, "champion", "1.0", wanted="shade==3.0")
    champion = job.report()["champion"]
    assert champion["status"] == "unscorable"
    assert champion["reason"].startswith("code/requirements.txt cannot be installed: ERROR: ")
    assert "shade==3.0" in champion["reason"]
    assert not list(cache.glob("*/complete"))


# -- time ----------------------------------------------------------------------------------------


def test_a_model_that_hangs_is_ended_with_what_it_started(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "LONGEST_SECONDS", 3.0)
    job.model("candidate", ALONE)
    child = f"subprocess.Popen(['sh', '-c', 'sleep 4; touch {job.root}/alive'])"
    job.model("champion", f"import subprocess, time\n{child}\ntime.sleep(60)")
    start = time.monotonic()
    champion = job.report()["champion"]
    assert (champion["status"], champion["reason"]) == ("unscorable", "no answer within 3 s")
    time.sleep(max(0, start + 5 - time.monotonic()))
    assert not (job.root / "alive").exists()


def test_the_time_is_that_of_a_row_in_all_containers(job: Job) -> None:
    job.model("champion", ALONE)
    slow = "import time\nSCALE = 8\ndef step(x):\n    time.sleep(0.0005)\n    return x"
    report = job.report(*chain(job, slow, slow))
    assert 1.0 <= report["candidate"]["metrics"]["latency_ms"] < 4.0
    assert report["champion"]["metrics"]["latency_ms"] < 0.5
    assert report["candidate"]["undefined"].keys() == report["champion"]["undefined"].keys()


def test_a_model_whose_time_cannot_be_taken_has_none_and_is_scored(job: Job) -> None:
    job.model("champion", ALONE)
    once = INFERENCE.replace("return [", "return [] if len(rows) == 100 and 1 / 0 else [")
    job.model("candidate", ALONE, once)
    candidate = job.report()["candidate"]
    assert candidate["metrics"]["latency_ms"] is None
    assert candidate["undefined"]["latency_ms"] == "ZeroDivisionError: division by zero"
    assert candidate["score"] > 0.7


@pytest.mark.parametrize(
    ("rows", "batch", "count"),
    [
        (b"x\n1\n2\n", b"x\n1\n2\n", 2),
        (b"x\n" + b"1\n" * 101, b"x\n" + b"1\n" * 100, 100),
        (b'x\n"1\n2"\n' + b"3\n" * 100, b'x\n"1\n2"\n' + b"3\n" * 99, 100),
    ],
)
def test_the_timed_rows_are_whole_rows(rows: bytes, batch: bytes, count: int) -> None:
    assert models._first_rows(rows) == (batch, count)
