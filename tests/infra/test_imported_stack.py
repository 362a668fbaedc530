"""What the stack of imported pipelines deploys, and what its roles may do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from ratchet import imported
from ratchet.authoring import DefinitionError
from ratchet.project import load
from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation
from tests.infra.assembly import Assembly, context, loop_folder
from tests.infra.loops import add_loops
from tests.projects import MODEL, copy_of_project
from tests.sdk.imports import taken_in

pytestmark = pytest.mark.synth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app of a repository that has an imported pipeline, with cdk-nag watching."""
    source = copy_of_project(tmp_path_factory.mktemp("source"))
    imported.write(source, MODEL, taken_in("v3", source).stored)
    out = source / "cdk.out"
    app = cdk.App(outdir=str(out), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    add_loops(app, [load("dev")], source=source)
    app.synth()
    return out


@pytest.fixture(scope="module")
def template(folder: Path) -> dict[str, Any]:
    (file,) = loop_folder(folder, "dev").glob("*Pipelines*.template.json")
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def properties(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]
    return dict(found)


def statements(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    policy = properties(template, "AWS::IAM::Policy")["PolicyDocument"]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_without_pipelines_of_its_own_the_stack_says_that_there_are_none(
    assembly: Assembly,
) -> None:
    """It is there, so that the deployment after the last one went removes what belonged to it."""
    (parameter,) = assembly.templates["dev/Pipelines"]["Resources"].values()
    assert parameter["Type"] == "AWS::SSM::Parameter"
    assert json.loads(parameter["Properties"]["Value"]) == {"pipelines": [], "scheduled": []}


def test_what_imported_pipelines_cost_is_recorded_too(folder: Path) -> None:
    (file,) = loop_folder(folder, "dev").glob("*Operations*.template.json")
    operations = json.loads(file.read_text())
    recording = properties(operations, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert "flights-dev-house-prices" in recording["PIPELINES"].split(",")
    table = properties(operations, "AWS::Glue::Table")["TableInput"]["Parameters"]
    assert "flights-dev-house-prices" in table["projection.pipeline.values"].split(",")


def test_cdk_nag_finds_nothing_that_is_not_explained(folder: Path) -> None:
    report = json.loads((folder / "validation-report.json").read_text())
    found = [v["ruleName"] for p in report["pluginReports"] for v in p.get("violations", [])]
    assert found == []


def test_the_role_may_do_what_the_steps_need(template: dict[str, Any]) -> None:
    allowed = statements(template)
    actions = {action for statement in allowed.values() for action in statement["Action"]}
    assert {
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:CreateTransformJob",
        "sagemaker:CreateModel",
        "sagemaker:CreateModelPackage",
        "lambda:InvokeFunction",
    } <= actions
    # It has no such steps.
    assert not actions & {"sagemaker:CreateHyperParameterTuningJob", "sqs:SendMessage"}
    (function,) = allowed["InvokeFunctions"]["Resource"]
    assert "tell-the-team" in json.dumps(function)


def test_the_role_registers_in_the_pipelines_own_group_only(template: dict[str, Any]) -> None:
    group = properties(template, "AWS::SageMaker::ModelPackageGroup")
    assert group["ModelPackageGroupName"] == "flights-dev-house-prices"
    registers = [s for sid, s in statements(template).items() if sid.startswith("RegisterModel")]
    resources = json.dumps([statement["Resource"] for statement in registers])
    assert resources.count("flights-dev-house-prices") == 2
    assert "model-package/flights-dev/" not in resources


def test_the_role_reads_its_code_its_data_and_its_runs_and_writes_its_runs_only(
    template: dict[str, Any],
) -> None:
    allowed = statements(template)
    written = json.dumps(allowed["WriteRuns"]["Resource"])
    assert "/flights-dev-house-prices/runs/*" in written
    assert "/house-prices/*" in json.dumps(allowed["ReadData"]["Resource"])
    assert "ReadElsewhere" not in allowed  # its data was mapped to ours


def test_every_file_of_the_code_is_published_under_the_name_it_is_started_by(
    folder: Path, template: dict[str, Any]
) -> None:
    (file,) = loop_folder(folder, "dev").glob("*Pipelines*.assets.json")
    assets = json.loads(file.read_text())["files"].values()
    keys = {d["objectKey"] for asset in assets for d in asset["destinations"].values()}
    body = json.dumps(properties(template, "AWS::SageMaker::Pipeline")["PipelineDefinition"])
    for name in ("prepare.py", "evaluate.py", "sourcedir.tar.gz"):
        (key,) = [key for key in keys if key.endswith(f"/{name}")]
        assert key in body


class PipelinesAlone(Loop):
    def compose(self) -> None:
        PipelinesWithoutChampion(self, after=Foundation(self))


class PipelinesWithoutChampion(LoopStack):
    def __init__(self, loop: Loop, *, after: Foundation) -> None:
        super().__init__(loop, after=after)
        self.deploys_the_teams_pipelines()


def synthesized(source: Path) -> Any:
    """The assembly of the dev environment with its pipelines alone."""
    app = cdk.App(outdir=str(source / "out"), context=context(), analytics_reporting=False)
    add_loops(app, [load("dev")], source=source, loop=PipelinesAlone)
    return app.synth().get_nested_assembly("assembly-dev")


def imported_app(source: Path, definition: dict[str, Any], permissions: Any = None) -> Any:
    """The synthesized stack of one imported pipeline."""
    stored = imported.StoredPipeline(name="Theirs", definition=definition, folders={})
    imported.write(copy_of_project(source), MODEL, stored)
    if permissions is not None:
        theirs = source / "pipelines" / MODEL / "Theirs"
        (theirs / "permissions.json").write_text(json.dumps(permissions))
    stacks = synthesized(source).get_nested_assembly(f"assembly-dev-{MODEL}").stacks
    return next(stack for stack in stacks if "Theirs" in str(stack.template))


def with_an_open_image() -> dict[str, Any]:
    """A processing step whose image only the start of a run knows."""
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [{"Name": "Image", "Type": "String"}],
        "Steps": [
            {
                "Name": "Prepare",
                "Type": "Processing",
                "Arguments": {
                    "RoleArn": "${ratchet:role}",
                    "AppSpecification": {"ImageUri": {"Get": "Parameters.Image"}},
                    "ProcessingResources": {
                        "ClusterConfig": {
                            "InstanceCount": 1,
                            "InstanceType": "ml.m5.large",
                            "VolumeSizeInGB": 30,
                        }
                    },
                },
            }
        ],
    }


def test_what_an_imported_definition_leaves_open_is_a_warning_with_the_statement(
    tmp_path: Path,
) -> None:
    stack = imported_app(tmp_path, with_an_open_image())
    warnings = [m.entry.data for m in stack.messages if str(m.level).endswith("WARNING")]
    assert len(warnings) == 1
    assert "pipelines/flights/Theirs/permissions.json lacks a statement" in str(warnings[0])
    assert '"Sid": "PullImageForPrepare"' in str(warnings[0])
    # The rest of the role does not suffer for it.
    assert "sagemaker:CreateProcessingJob" in str(statements(stack.template)["RunJobs"])


def test_a_statement_beside_the_definition_is_granted_and_survives_another_import(
    tmp_path: Path,
) -> None:
    repository = "arn:aws:ecr:us-east-1:111122223333:repository/theirs"
    pull = {"Sid": "PullImageForPrepare", "Action": ["ecr:BatchGetImage"], "Resource": repository}
    stack = imported_app(tmp_path, with_an_open_image(), [pull])
    assert stack.messages == []
    assert repository in str(statements(stack.template)["PullImageForPrepare"])
    imported.write(tmp_path, MODEL, imported.read(tmp_path, MODEL, "Theirs"))
    assert imported.read(tmp_path, MODEL, "Theirs").permissions == (pull,)


def test_permissions_that_are_no_statements_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"Theirs/permissions.json cannot be read: expected"):
        imported_app(tmp_path, with_an_open_image(), [{"Action": "s3:GetObject"}])


def test_two_pipelines_may_register_in_the_same_group(tmp_path: Path) -> None:
    for name, version in (("one", "v3"), ("two", "v2")):
        stored = taken_in(version, tmp_path).stored
        imported.write(tmp_path, MODEL, replace(stored, name=name))
    synthesized(copy_of_project(tmp_path))
    (file,) = loop_folder(tmp_path / "out", "dev").glob("*Pipelines*.template.json")
    kinds = [r["Type"] for r in json.loads(file.read_text())["Resources"].values()]
    assert kinds.count("AWS::SageMaker::Pipeline") == 2
    assert kinds.count("AWS::SageMaker::ModelPackageGroup") == 1
