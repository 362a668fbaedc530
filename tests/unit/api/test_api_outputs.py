"""Outputs of steps: fetched once, checked, read as tables, and copied to a folder."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ratchet.api import LoopConnection, RatchetError, output_tables
from ratchet.api.run import RunResult
from ratchet.deployment.runs import fetching, outputs
from ratchet.deployment.runs.outputs import OutputFile, StepOutput
from ratchet.deployment.target import environment as targets
from ratchet.project import Project
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import FakeRun, World

PREPARED = {
    "prepare-0/a.csv": b"late,dest\n0,ATL\n1,BOS\n",
    "prepare-0/b.csv": b"late,dest\n1,ATL\n",
}


@pytest.fixture
def trained(
    dev: LoopConnection, world: World, passed: FakeRun, tmp_path: Path, monkeypatch: Any
) -> RunResult:
    """A run whose prepare left two files, and whose train left a model, of a project of its own."""
    for key, body in PREPARED.items():
        world.s3.objects["artifacts", key] = body
    world.s3.objects["artifacts", "prepare-0b/other.csv"] = b"x\n"
    world.s3.objects["artifacts", "train-1/output/model.tar.gz"] = b"model"
    target = replace(world.target, project=Project(tmp_path / "project"))
    monkeypatch.setattr(targets, "open_target", lambda **_: target)
    run = dev.run()
    run._target = target
    world.s3.gets.clear()
    return run


def test_the_outputs_of_a_run_are_listed_with_their_sizes(trained: RunResult) -> None:
    listed = trained.outputs
    assert listed[["step", "output", "files", "bytes"]].to_numpy().tolist() == [
        ["prepare", "report", 2, sum(map(len, PREPARED.values()))],
        ["train", "model", 1, 5],
        ["evaluate", "report", 1, len(evaluation(trained))],
    ]
    assert listed["uri"][1] == "s3://artifacts/train-1/output/model.tar.gz"


def evaluation(run: RunResult) -> bytes:
    body: bytes = run._target.client("s3").objects["artifacts", "evaluate-1/evaluation.json"]
    return body


def test_an_output_of_several_files_is_one_table(trained: RunResult) -> None:
    table = trained.output("prepare", "report")
    assert table.to_dict("list") == {"late": [0, 1, 1], "dest": ["ATL", "BOS", "ATL"]}


def test_the_only_output_of_a_step_needs_no_name(trained: RunResult) -> None:
    path = trained.output("train", as_path=True)
    assert path.name == "model.tar.gz"
    assert path.read_bytes() == b"model"


def test_an_output_is_fetched_once(trained: RunResult, world: World) -> None:
    trained.output("prepare")
    assert sorted(world.s3.gets) == sorted(PREPARED)
    folder = trained.output("prepare", as_path=True)
    assert len(world.s3.gets) == 2
    assert folder.parent == trained._target.root / ".ratchet" / "outputs"
    assert len(folder.name) == 64


def test_only_what_is_missing_or_damaged_is_fetched_again(trained: RunResult, world: World) -> None:
    folder = trained.output("prepare", as_path=True)
    world.s3.gets.clear()
    (folder / "a.csv").unlink()
    trained.output("prepare")
    assert world.s3.gets == ["prepare-0/a.csv"]
    world.s3.gets.clear()
    (folder / "b.csv").write_bytes(b"late,dest\n9,ATL\n")  # as long as before
    assert trained.output("prepare")["late"].tolist() == [0, 1, 1]
    assert world.s3.gets == ["prepare-0/b.csv"]


def test_another_content_goes_into_another_folder(trained: RunResult, world: World) -> None:
    first = trained.output("train", as_path=True)
    world.s3.objects["artifacts", "train-1/output/model.tar.gz"] = b"MODEL"
    second = trained.output("train", as_path=True)
    assert (first.read_bytes(), second.read_bytes()) == (b"model", b"MODEL")


def test_what_arrives_damaged_is_refused_and_leaves_nothing(
    trained: RunResult, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(**_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(b"mode1")}

    monkeypatch.setattr(world.s3, "get_object", cut)
    with pytest.raises(RatchetError, match=r"train-1/output/model\.tar\.gz arrived as 5 bytes"):
        trained.output("train")
    folder = trained._target.root / fetching.FOLDER
    assert [path.name for path in folder.rglob("*") if path.is_file()] == []


def test_with_a_customer_key_an_etag_is_no_digest(
    trained: RunResult, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encrypted(**_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(b"MODEL"), "ServerSideEncryption": "aws:kms"}

    monkeypatch.setattr(world.s3, "get_object", encrypted)
    assert trained.output("train", as_path=True).read_bytes() == b"MODEL"


def test_a_wrong_name_says_which_there_are(trained: RunResult) -> None:
    with pytest.raises(RatchetError, match=r"no step 'prepar'; did you mean prepare\? It has: pre"):
        trained.output("prepar")
    with pytest.raises(RatchetError, match=r"no output 'trian'\. It has: report"):
        trained.output("prepare", "trian")
    with pytest.raises(RatchetError, match="Steps that have: prepare, train, evaluate"):
        trained.output("champion")
    with pytest.raises(RatchetError, match="has not reached the step halt"):
        trained.output("halt")
    with pytest.raises(RatchetError, match=r"left nothing in s3://artifacts/train-1/output/output"):
        trained.output("train", "data")


def test_what_is_no_table_is_refused_with_the_way_to_its_path(trained: RunResult) -> None:
    with pytest.raises(RatchetError, match=r"no table: evaluation\.json; expected CSV.*as_path"):
        trained.output("evaluate", "report")


def test_a_key_that_leads_out_of_its_folder_is_refused(trained: RunResult, world: World) -> None:
    world.s3.objects["artifacts", "prepare-0/../../x"] = b""
    with pytest.raises(RatchetError, match=r"`\.\.` in it"):
        trained.output("prepare")


def test_a_model_that_is_not_packed_is_a_folder() -> None:
    job = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/job/output/model/"}}
    assert outputs.job_outputs(job) == {
        "model": "s3://b/job/output/model/",
        "data": "s3://b/job/output/data",
    }
    answers = {"TransformOutput": {"S3OutputPath": "s3://b/answers"}}
    assert outputs.job_outputs(answers) == {"answers": "s3://b/answers"}


def test_the_digest_of_an_output_is_of_its_content_and_not_of_its_place() -> None:
    def file(key: str, etag: str) -> OutputFile:
        return OutputFile(bucket="b", key=f"{key}/x", path="x", size=1, etag=etag)

    assert outputs.digest([file("one", "e")]) == outputs.digest([file("two", "e")])
    assert outputs.digest([file("one", "e")]) != outputs.digest([file("one", "f")])


def test_a_folder_of_the_console_is_no_file(world: World) -> None:
    world.s3.objects["artifacts", "p/"] = b""
    world.s3.objects["artifacts", "p/q/"] = b""
    world.s3.objects["artifacts", "p/q/x"] = b"x"
    output = StepOutput(step="s", name="o", uri="s3://artifacts/p/")
    assert [file.path for file in outputs.files(world.target, output)] == ["q/x"]


# -- tables


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("late,dest\n0,ATL\n", True),
        ("0,ATL\n1,BOS\n", False),
        ("0.5\n0.25\n", False),
        ("score\n0.25\n", True),
        ("cat\ndog\ncat\n", False),
        ("name,kind\nann,b\n", True),
        ("nan,x\n1,y\n", False),
        (",x\n1,y\n", False),
        ("a,a\n1,2\n", False),
        ("late,dest\n", True),
    ],
)
def test_whether_a_file_has_a_header_is_told_from_its_first_lines(
    text: str, header: bool, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    table = output_tables.read(file)
    assert list(table.columns) == (
        text.splitlines()[0].split(",") if header else list(range(table.shape[1]))
    )
    assert len(table) == text.count("\n") - header


def test_a_header_may_be_said(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("2020,2021\n1,2\n")
    assert list(output_tables.read(file, header=True).columns) == ["2020", "2021"]


def test_parquet_and_packed_csv_are_tables(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": ["x"]}).to_parquet(tmp_path / "x.parquet")
    assert output_tables.read(tmp_path).to_dict("list") == {"a": [1], "b": ["x"]}
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "x.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    (packed / "empty.csv").write_bytes(b"")
    assert output_tables.read(packed).to_dict("list") == {"a": [1], "b": ["x"]}


def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.csv"):
        file = tmp_path / name
        file.write_bytes(b"a\n1,2,3\n\x00\xff")
        with pytest.raises(Exception, match=rf"{name} cannot be read as a table"):
            output_tables.read(file)


# -- ratchet pull


def test_pull_copies_one_output_into_the_folder(
    type_: Type, trained: RunResult, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    pulled = type_("pull", "latest", "prepare/report", "--to", str(folder), "--json")
    assert pulled.exit_code == 0, pulled.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        key.rpartition("/")[2]: body for key, body in PREPARED.items()
    }
    (output,) = json.loads(pulled.stdout)["outputs"]
    assert output["files"][0] == {"path": "a.csv", "bytes": 22, "verdict": "new"}
    again = type_("pull", "latest", "prepare/report", "--to", str(folder))
    assert "unchanged" in again.stdout
    assert "Everything was there already." in again.stderr


def test_pull_copies_all_outputs_of_a_step_into_folders_of_their_names(
    type_: Type, trained: RunResult, world: World, tmp_path: Path
) -> None:
    world.s3.objects["artifacts", "train-1/output/output.tar.gz"] = b"data"
    pulled = type_("pull", "latest", "train", "--to", str(tmp_path / "here"))
    assert pulled.exit_code == 0, pulled.output
    assert (tmp_path / "here" / "model" / "model.tar.gz").read_bytes() == b"model"
    assert (tmp_path / "here" / "data" / "output.tar.gz").read_bytes() == b"data"
    assert "2 files, 9 B" in pulled.stdout


def test_pull_never_replaces_another_content_by_itself(
    type_: Type, trained: RunResult, tmp_path: Path
) -> None:
    (tmp_path / "b.csv").write_text("mine")
    words = ["pull", "latest", "prepare/report", "--to", str(tmp_path)]
    refused = type_(*words)
    assert refused.exit_code == 1
    assert "nothing was copied" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert not (tmp_path / "a.csv").exists(), "it is all or nothing"
    assert (tmp_path / "b.csv").read_text() == "mine"
    replaced = type_(*words, "--overwrite")
    assert replaced.exit_code == 0, replaced.output
    assert (tmp_path / "b.csv").read_bytes() == PREPARED["prepare-0/b.csv"]


@pytest.mark.parametrize("way", ["a folder", "a file"])
def test_pull_says_what_it_cannot_replace(
    type_: Type, trained: RunResult, tmp_path: Path, way: str
) -> None:
    folder = tmp_path / "here"
    if way == "a folder":
        (folder / "a.csv").mkdir(parents=True)
    else:
        folder.write_text("")
    refused = type_("pull", "latest", "prepare/report", "--to", str(folder), "--overwrite")
    assert refused.exit_code == 1
    assert "in the way. Name another folder" in refused.stderr
    assert "Traceback" not in refused.output


def test_pull_of_a_wrong_step_says_which_there_are(type_: Type, trained: RunResult) -> None:
    refused = type_("pull", "latest", "prepar", "--to", "x")
    assert refused.exit_code == 1
    assert "did you mean prepare?" in refused.stderr
