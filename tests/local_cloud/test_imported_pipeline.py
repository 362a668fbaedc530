"""A pipeline that the SageMaker SDK wrote, taken in, deployed and run to its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.settings import load
from pipeline_defs import imported
from ratchet.deployment import cdk, pipelines, runs
from ratchet.deployment.target import Target, local_target
from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import until
from tests.sdk.imports import taken_in

pytestmark = [pytest.mark.cloud, pytest.mark.synth]
APP = Path(__file__).parent / "imported_app" / "app.py"
NAME = "flights-dev-house-prices"
ROWS = "x,y\n" + "".join(f"{x},{3 * x + 1 + (x % 3 - 1) / 10}\n" for x in range(60))


@dataclass(frozen=True)
class Place:
    target: Target
    data: str
    artifacts: str

    def run(self, **parameters: str) -> runs.RunState:
        run = pipelines.start(
            self.target, name=NAME, parameters=parameters, display_name="t", description="a test"
        )

        def ended() -> runs.RunState | None:
            state = runs.read(self.target, run)
            return state if state.run.finished else None

        return until(ended, 120)

    def text(self, key: str) -> str:
        answer = self.target.client("s3").get_object(Bucket=self.artifacts, Key=key)
        return str(answer["Body"].read().decode())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("imported")
    imported.write(folder, taken_in("v3", folder).stored)
    target = local_target(settings=load("dev"), folder=folder / "cloud")
    said: list[str] = []
    app = ["--app", f"{sys.executable} {APP} {folder}", "--output", str(folder / "cdk.out")]
    for command in (cdk.bootstrap_command(target), cdk.deploy_command(target, app)):
        cdk.run(target, command, line=said.append)
    outputs = _exports(target)
    place = Place(target, outputs["data"], outputs["artifacts"])
    target.client("s3").put_object(
        Bucket=place.data, Key="house-prices/rows.csv", Body=ROWS.encode()
    )
    yield place
    control.down(folder / "cloud")


def _exports(target: Target) -> Mapping[str, str]:
    pages = target.client("cloudformation").get_paginator("list_exports").paginate()
    exports = {each["Name"]: each["Value"] for page in pages for each in page["Exports"]}
    return {
        n: exports[f"{target.settings.prefix}-foundation-{n}-name"] for n in ("data", "artifacts")
    }


@pytest.fixture(scope="module")
def first(place: Place) -> runs.RunState:
    return place.run()


def test_every_step_of_the_sdks_pipeline_runs_to_its_end(first: runs.RunState) -> None:
    assert first.run.status == "Succeeded", first.run.failure
    by_name = {step.name: step.status for step in first.steps}
    assert by_name == dict.fromkeys(
        (
            "Prepare",
            "DataQuality",
            "Train",
            "Evaluate",
            "Gate",
            "Register",
            "Model",
            "Batch",
            "Tell",
        ),
        "Succeeded",
    )
