"""One run of each kind in a deployment in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli import consent
from ratchet.cli.main import app
from ratchet.deployment.pipelines import experiment
from ratchet.deployment.target import environment as targets
from ratchet.deployment.target.local_clouds import LOCAL_VARIABLE
from ratchet.settings.schema import ModelSettings, Settings
from tests.unit.cli.fake_deployment import (
    ACCOUNT,
    CLOUD,
    PIPELINE_ARN,
    START,
    FakeRun,
    World,
    job,
    report,
    step,
    world_of,
)
from tests.unit.cli.fake_serving import ServingWorld, package, serving_world_of


@pytest.fixture
def settings() -> Settings:
    return Settings(
        environment="dev",
        model_name="flights",
        model=ModelSettings(problem="binary", label="late"),
        project="flights",
        region="us-east-1",
        owner="ml",
        cost_center="ml-1",
    )


@pytest.fixture
def world(settings: Settings) -> World:
    return world_of(settings, folder=CLOUD)


@pytest.fixture(autouse=True)
def memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the accounts that were changed, empty at first."""
    file = tmp_path_factory.mktemp("project") / "changed-accounts.json"
    monkeypatch.setattr(consent, "FILE", file)
    return file


@pytest.fixture(autouse=True)
def on_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever branch the tests run on."""
    monkeypatch.setattr(experiment, "of_checkout", lambda folder: None)


Type = Callable[..., Result]


@pytest.fixture
def type_(world: World, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types `ratchet …` where `world` is deployed."""
    return typing_at(world, monkeypatch)


def typing_at(world: World, monkeypatch: pytest.MonkeyPatch) -> Type:
    def opened(**_: Any) -> targets.Target:
        return world.target

    monkeypatch.setattr(targets, "open_target", opened)
    monkeypatch.setenv("COLUMNS", "100")
    for variable in (LOCAL_VARIABLE, targets.ENVIRONMENT_VARIABLE, "RATCHET_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def serving(settings: Settings) -> ServingWorld:
    """Three versions: 1 approved and serving, 2 rejected, 3 waiting."""
    made = serving_world_of(settings)
    scored = {
        "metric": "auc",
        "better": "higher",
        "candidate-score": "0.7521",
        "regression": "-0.0503",
        "champion-status": "scored",
    }
    # Version 1 is of before versions named their metric.
    made.sagemaker.packages = [
        package(3, "PendingManualApproval", metadata={**scored, "champion-version": "1"}),
        package(2, "Rejected", metadata={**scored, "champion-version": "1", "regression": "0.004"}),
        package(1, "Approved", metadata={"candidate-auc": "0.7103", "champion-status": "none"}),
    ]
    made.deploy(1)
    return made


@pytest.fixture
def type_serving(serving: ServingWorld, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types `ratchet …` where `serving` is deployed."""
    return typing_at(serving.world, monkeypatch)


@pytest.fixture
def passed(world: World) -> FakeRun:
    """A first run: no champion, prepare from the cache, registered."""
    world.s3.objects["artifacts", "evaluate-1/evaluation.json"] = json.dumps(
        report(candidate=0.7103, champion=None)
    ).encode()
    source = {"SourcePipelineExecutionArn": f"{PIPELINE_ARN}/execution/earlier12345"}
    package = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/flights-dev/1"
    run = FakeRun(
        id="abcdef123456",
        name="2013-03-9f86d081884c",
        status="Succeeded",
        steps=[
            step("prepare", 0, 0.04, CacheHitResult=source, **job("ProcessingJob", "prepare-0")),
            step(
                "champion",
                0,
                0.4,
                Metadata={"Lambda": {"OutputParameters": [{"Name": "version", "Value": "none"}]}},
            ),
            step("train", 0.1, 12.4, AttemptCount=2, **job("TrainingJob", "train-1")),
            step("evaluate", 13, 2.25, **job("ProcessingJob", "evaluate-1")),
            step("new-model", 16, 0.01, Metadata={"Condition": {"Outcome": "True"}}),
            step("no-regression", 16, 0.01, Metadata={"Condition": {"Outcome": "True"}}),
            step("register", 16, 0.1, Metadata={"RegisterModel": {"Arn": package}}),
        ],
    )
    world.sagemaker.runs.append(run)
    return run


@pytest.fixture
def unchanged(world: World) -> FakeRun:
    """A run whose candidate is the newest version, which waits."""
    same = report(candidate=0.7103, champion=0.7018)
    same["candidate"]["status"] = "registered"
    world.s3.objects["artifacts", "evaluate-3/evaluation.json"] = json.dumps(same).encode()
    outputs = [{"Name": "version", "Value": "1"}, {"Name": "newest_version", "Value": "3"}]
    run = FakeRun(
        id="defabc456789",
        name="2013-06-cccccccccccc",
        status="Succeeded",
        started=START + timedelta(hours=3),
        steps=[
            step("champion", 0, 0.4, Metadata={"Lambda": {"OutputParameters": outputs}}),
            step("prepare", 0, 3, **job("ProcessingJob", "prepare-3")),
            step("train", 4, 130, **job("TrainingJob", "train-3")),
            step("evaluate", 140, 2.25, **job("ProcessingJob", "evaluate-3")),
            step("no-regression", 143, 0.01, Metadata={"Condition": {"Outcome": "True"}}),
            step("new-model", 143, 0.01, Metadata={"Condition": {"Outcome": "False"}}),
        ],
    )
    world.sagemaker.runs.append(run)
    return run


@pytest.fixture
def halted(world: World) -> FakeRun:
    """A run whose candidate was worse than the champion."""
    world.s3.objects["artifacts", "evaluate-2/evaluation.json"] = json.dumps(
        report(candidate=0.69, champion=0.7103)
    ).encode()
    said = "candidate 0.69 against champion 0.7103. The gate allows a regression of at most 0.005"
    run = FakeRun(
        id="bcdefa234567",
        name="2013-04-aaaaaaaaaaaa",
        status="Failed",
        started=START + timedelta(hours=1),
        failure=said,
        steps=[
            step("prepare", 3600, 3, **job("ProcessingJob", "prepare-2")),
            step("train", 3604, 130, **job("TrainingJob", "train-2")),
            step("champion", 3600, 0.4),
            step("evaluate", 3740, 2.25, **job("ProcessingJob", "evaluate-2")),
            step("new-model", 3743, 0.01, Metadata={"Condition": {"Outcome": "False"}}),
            step("no-regression", 3743, 0.01, Metadata={"Condition": {"Outcome": "False"}}),
            step(
                "halt",
                3743,
                0.01,
                "Failed",
                FailureReason=said,
                Metadata={"Fail": {"ErrorMessage": said}},
            ),
        ],
    )
    world.sagemaker.runs.append(run)
    return run


@pytest.fixture
def running(world: World) -> FakeRun:
    """A run that is still training."""
    run = FakeRun(
        id="cdefab345678",
        name="2013-05-bbbbbbbbbbbb",
        status="Executing",
        started=START + timedelta(hours=2),
        steps=[
            step("prepare", 7200, 3, **job("ProcessingJob", "prepare-3")),
            step("train", 7204, None, "Executing", **job("TrainingJob", "train-3")),
        ],
    )
    world.sagemaker.runs.append(run)
    return run
