"""A pipeline that the SageMaker SDK wrote, taken in, deployed and run to its end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ratchet import imported
from ratchet.deployment.pipelines import edits, source
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.target import cdk
from ratchet.deployment.target.environment import Target, local_target
from ratchet.local_cloud import control
from ratchet.local_cloud.emulator import request_log
from ratchet.loop.facts import TrainingFacts
from ratchet.project import Project
from tests.local_cloud.sagemaker_calls import until
from tests.loop import deployed_policies, exemptions, mutations
from tests.loop.mutations import Piece
from tests.projects import MODEL, copy_of_project
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
    key: str

    def run(self, name: str = NAME, version: int | None = None, **parameters: str) -> runs.RunState:
        run = pipelines.start(
            self.target,
            name=name,
            version=version,
            parameters=parameters,
            display_name="t",
            description="a test",
        )

        def ended() -> runs.RunState | None:
            state = runs.read(self.target, run)
            return state if state.run.finished else None

        state: runs.RunState = until(ended, 120)
        return state

    def facts(self) -> TrainingFacts:
        """What the Training stack, which is not here, would say."""
        return TrainingFacts(
            pipeline="",
            role_arn="",
            data_bucket=self.data,
            data_prefix="",
            artifacts_bucket=self.artifacts,
            output_key_arn=self.key,
            code_uri=f"s3://cdk-hnb659fds-assets-{self.target.account}-{self.target.region}",
            model_package_group="",
            queue_url="",
            dead_letter_queue_url="",
            functions={"resolve_champion": ""},
        )

    def text(self, key: str) -> str:
        answer = self.target.client("s3").get_object(Bucket=self.artifacts, Key=key)
        return str(answer["Body"].read().decode())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, requests: Path) -> Iterator[Place]:
    folder = copy_of_project(tmp_path_factory.mktemp("imported"))
    imported.write(folder, MODEL, taken_in("v3", folder).stored)
    imported.write(folder, MODEL, replace(taken_in("v2", folder).stored, name="from-v2"))
    shutil.copy(APP, folder)
    project = Project(folder)
    target = local_target(
        project=project, settings=project.settings("dev"), folder=folder / "cloud"
    )
    said: list[str] = []
    for command in (cdk.bootstrap_command(target), cdk.deploy_command(target)):
        cdk.run(target, command, line=said.append)
    outputs = _exports(target)
    encryption = target.client("s3").get_bucket_encryption(Bucket=outputs["artifacts"])
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    key = rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    place = Place(target, outputs["data"], outputs["artifacts"], key)
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
def requests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that this cloud records every question in that policies are asked."""
    file = tmp_path_factory.mktemp("requests") / "requests.jsonl"
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv(request_log.VARIABLE, str(file))
        yield file


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


def test_what_version_2_of_the_sdk_wrote_runs_to_its_end_as_well(place: Place) -> None:
    state = place.run("flights-dev-from-v2")
    assert state.run.status == "Succeeded", state.run.failure
    assert len(state.steps) == 9


def test_batch_answers_are_those_of_the_model_that_was_trained(
    place: Place, first: runs.RunState
) -> None:
    run = f"{NAME}/runs/{first.run.id}"
    report = json.loads(place.text(f"{run}/Evaluate/evaluation/evaluation.json"))
    assert report["regression_metrics"]["rmse"]["value"] < 0.5
    asked = [float(x) for x in place.text(f"{run}/Evaluate/requests/requests.csv").split()]
    answered = [float(y) for y in place.text(f"{run}/Batch/requests.csv.out").split()]
    assert len(answered) == len(asked) == 30
    assert all(abs(y - (3 * x + 1)) < 1 for x, y in zip(asked, answered, strict=True))


def test_the_version_is_registered_in_a_group_of_the_pipeline(
    place: Place, first: runs.RunState
) -> None:
    step = first.step("Register")
    assert step is not None
    arn = step.metadata.model_package_arn
    package = place.target.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert package["ModelPackageGroupName"] == "flights-dev-house-prices"
    told = first.step("Tell")
    assert told is not None
    assert told.metadata.outputs == {"told": arn}


def test_a_second_run_takes_every_job_from_the_cache(place: Place, first: runs.RunState) -> None:
    again = place.run()
    assert again.run.status == "Succeeded", again.run.failure
    cached = {step.name for step in again.steps if step.cached_from == first.run.id}
    assert {"Prepare", "DataQuality", "Train", "Evaluate"} <= cached


def test_a_model_beyond_the_limit_ends_in_the_fail_step(place: Place, first: runs.RunState) -> None:
    assert first.run.finished
    state = place.run(MaxRmse="0.0")
    assert state.run.status == "Failed"
    failed = state.step("TooBad")
    assert failed is not None
    assert "rmse above 0" in failed.failure
    assert state.step("Register") is None


def test_an_edit_of_the_code_runs_beside_the_deployed_pipeline(
    place: Place, first: runs.RunState, tmp_path: Path
) -> None:
    assert first.run.finished
    copy_of_project(tmp_path)
    imported.write(tmp_path, MODEL, taken_in("v3", tmp_path).stored)
    script = tmp_path / "pipelines/flights/house-prices/code/Evaluate/code/evaluate.py"
    deployed = place.facts()
    there = pipelines.deployed_pipeline(place.target, NAME)
    for number, cached in ((1, False), (2, True)):
        script.write_text(script.read_text() + f'print("edited {number}")\n')
        listed = source.entry("house-prices", MODEL, tmp_path)
        context = source.context(
            place.target, deployed, listed, role_arn=there.role_arn, root=tmp_path
        )
        pipeline = listed.compile(context)
        uploaded = pipelines.upload(place.target, pipeline, context)
        assert uploaded == ("Evaluate/code/evaluate.py",)
        version = edits.bring(place.target, there, pipeline.to_json())
        assert (version.number, version.first) == (number, number == 1)
        state = place.run(version.pipeline, version.number)
        assert state.run.status == "Succeeded", state.run.failure
        hits = {step.name for step in state.steps if step.cached_from}
        assert ("Train" in hits) is cached, "a cache is of one pipeline"
        assert "Evaluate" not in hits
    assert pipelines.deployed_pipeline(place.target, NAME) == there


def test_every_statement_of_the_imported_pipelines_roles_is_needed_or_listed(
    place: Place, requests: Path
) -> None:
    policies = deployed_policies.read(place.target.client, f"{place.target.settings.prefix}-pip")
    survey = mutations.survey(policies, request_log.read(requests))
    print(f"\n{survey.table()}")
    neither, both = survey.compared(Piece.STATEMENT, exemptions.PIPELINES)
    assert (neither, both) == ([], []), "neither noticed nor listed; listed, and noticed"
