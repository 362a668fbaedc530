"""`ratchet run --step … --here`: what is refused, and how a script runs in this process."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines import here, in_process
from ratchet.deployment.pipelines.here import StepHere
from ratchet.deployment.pipelines.read_only_storage import ReadOnlyStorage
from ratchet.deployment.runs.executions import Run
from ratchet.runner import RunnerError
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import PIPELINE, PIPELINE_ARN, START, FakeRun, World

RUN = Run(
    arn=f"{PIPELINE_ARN}/execution/abc", pipeline="p", name="n", status="Succeeded", started=START
)
SCRIPT = """
import os, sys
from pathlib import Path
import near
Path("seen").write_text("|".join([*sys.argv, os.environ["SM_MODEL_DIR"], near.WORD, __name__]))
os.environ["LEFT"] = "over"
"""


@pytest.fixture
def step(tmp_path: Path) -> StepHere:
    code, cwd = tmp_path / "code", tmp_path / "cwd"
    code.mkdir()
    cwd.mkdir()
    (code / "train.py").write_text(SCRIPT)
    (code / "near.py").write_text("WORD = 'near'\n")
    return StepHere(
        name="train",
        run=RUN,
        script=code / "train.py",
        code=code,
        arguments=("--eta", "0.1"),
        variables={"SM_MODEL_DIR": "/there"},
        cwd=cwd,
        outputs={},
        modules=frozenset({"train", "near"}),
    )


def test_a_script_sees_what_it_sees_as_a_step_and_this_process_is_as_before(
    step: StepHere,
) -> None:
    before = (list(sys.argv), list(sys.path), dict(os.environ), Path.cwd())
    assert in_process.run(step) == 0
    seen = (step.cwd / "seen").read_text().split("|")
    assert seen == [str(step.script), "--eta", "0.1", "/there", "near", "__main__"]
    assert (list(sys.argv), list(sys.path), dict(os.environ), Path.cwd()) == before
    assert "near" not in sys.modules


def test_a_module_of_the_same_name_is_not_taken_for_the_scripts(
    step: StepHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = type(sys)("near")
    monkeypatch.setitem(sys.modules, "near", other)
    assert in_process.run(step) == 0
    assert sys.modules["near"] is other


@pytest.mark.parametrize(
    ("ending", "status"),
    [("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('no rows')", 1), ("pass", 0)],
)
def test_the_exit_status_is_the_scripts(
    step: StepHere, ending: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    step.script.write_text(f"import sys\n{ending}\n")
    assert in_process.run(step) == status
    assert capsys.readouterr().err == ("no rows\n" if "no rows" in ending else "")


def test_what_a_script_raises_reaches_the_debugger(step: StepHere) -> None:
    step.script.write_text("raise KeyError('late')\n")
    with pytest.raises(KeyError, match="late") as error:
        in_process.run(step)
    assert str(step.script) in {str(entry.path) for entry in error.traceback}
    assert "SM_MODEL_DIR" not in os.environ


def test_ratchets_own_modules_stay_loaded(step: StepHere) -> None:
    import ratchet

    step.script.write_text("import sys\nsys.exit('ratchet' not in sys.modules)\n")
    assert in_process.run(replace(step, modules=frozenset({"ratchet"}))) == 0
    assert sys.modules["ratchet"] is ratchet


@pytest.mark.parametrize(
    "words",
    [
        ["--here"],
        ["--here", "--step", "a", "--step", "b"],
        ["--here", "--step", "a", "--as-deployed"],
        ["--here", "--step", "a", "--stand-in", "a=x.json"],
    ],
)
def test_here_is_for_one_step_of_the_source(type_: Type, tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    refused = type_("run", "training", *(word.replace("x.json", str(file)) for word in words))
    assert refused.exit_code == 2
    assert "--here" in refused.stderr
    assert "it runs one step of the source" in refused.stderr


def test_nothing_is_uploaded_from_here(world: World, tmp_path: Path) -> None:
    world.s3.objects["data", "raw/a"] = b"a"
    storage = ReadOnlyStorage(world.s3, local={"s3://code/x.gz": b"code"})
    assert [each.uri for each in storage.list("s3://code/x")] == ["s3://code/x.gz"]
    storage.download_all(
        [("s3://code/x.gz", tmp_path / "x" / "y"), ("s3://data/raw/a", tmp_path / "a")]
    )
    assert (tmp_path / "x" / "y").read_bytes() + (tmp_path / "a").read_bytes() == b"codea"
    assert storage.exists("s3://data/raw/a")
    assert not storage.exists("s3://data/raw")
    with pytest.raises(RunnerError, match="is not uploaded"):
        storage.upload_all([(tmp_path / "a", "s3://data/b")])
    with pytest.raises(RunnerError, match="nothing is written"):
        storage.write_bytes("s3://data/b", b"")
    assert not world.s3.puts


def test_the_newest_run_that_has_what_the_step_needs_gives_its_inputs(
    world: World, passed: FakeRun, halted: FakeRun, running: FakeRun
) -> None:
    assert source_run(world, "prepare", "train").id == halted.id, "the newest that has ended"
    assert source_run(world, "register").id == passed.id
    assert source_run(world, earlier=passed.id).id == passed.id


def test_without_such_a_run_it_says_what_to_do(
    world: World, passed: FakeRun, halted: FakeRun
) -> None:
    with pytest.raises(DeploymentError, match=r"none has results of all of baselines.*--from RUN"):
        source_run(world, "baselines")
    with pytest.raises(DeploymentError, match=f"run {halted.id} has no results of all of register"):
        source_run(world, "register", earlier=halted.id)
    world.sagemaker.runs.clear()
    with pytest.raises(DeploymentError, match="no run of flights-dev-training has ended yet"):
        source_run(world)


def source_run(world: World, *needed: str, earlier: str | None = None) -> Run:
    return here._source_run(world.target, PIPELINE, needed=needed, earlier=earlier)
