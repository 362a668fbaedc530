"""What a person tries out on a branch is an experiment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ratchet.deployment.pipelines import experiment
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import World

of_checkout = experiment.of_checkout  # before the tests' own takes its place


@pytest.mark.parametrize(
    ("branch", "name"),
    [
        ("feature/deeper_trees", "feature-deeper-trees"),
        ("--x--", "x"),
        ("main", None),
        ("", None),
        ("ü", None),
        ("x" * 130, "x" * 120),
    ],
)
def test_a_branch_is_named_as_sagemaker_takes_it(branch: str, name: str | None) -> None:
    assert experiment.named(branch) == name


def test_the_branch_is_read_from_the_checkout(tmp_path: Path) -> None:
    assert of_checkout(tmp_path) is None
    subprocess.run(["git", "init", "-q", "-b", "deeper-trees", tmp_path], check=True)
    assert of_checkout(tmp_path) == "deeper-trees"


def parameters(world: World) -> dict[str, str]:
    (started,) = world.sagemaker.started
    return {p["Name"]: p["Value"] for p in started["PipelineParameters"]}


def test_a_run_on_a_branch_counts_as_its_experiment_and_says_so(
    world: World, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "of_checkout", lambda folder: "deeper-trees")
    shown = type_("run", "training", "-p", "InputManifest=s3://b/m.json", "--no-follow")
    assert parameters(world)["Experiment"] == "deeper-trees"
    assert "experiment deeper-trees, as the branch" in shown.output


def test_who_says_an_experiment_gets_that_one(
    world: World, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "of_checkout", lambda folder: "deeper-trees")
    named = ["-p", "Experiment=mine", "-p", "InputManifest=s3://b/m.json"]
    type_("run", "training", *named, "--no-follow")
    assert parameters(world)["Experiment"] == "mine"


def test_what_is_deployed_runs_as_it_is(
    world: World, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "of_checkout", lambda folder: "deeper-trees")
    named = ["-p", "InputManifest=s3://b/m.json", "--no-follow"]
    type_("run", "training", "--as-deployed", *named)
    assert "Experiment" not in parameters(world)
