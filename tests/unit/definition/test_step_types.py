"""The table of step types agrees with itself and with SageMaker's API as botocore has it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

import ratchet.definition
from ratchet.definition import resources
from ratchet.definition.cache_keys import compared
from ratchet.definition.document import read
from ratchet.definition.references import parse
from ratchet.definition.resources import PROCESSING_JOB, TUNING_JOB, Resource
from ratchet.definition.row import Properties, Selection, StepType
from ratchet.definition.service_model import (
    PathError,
    create_shape,
    describe_shape,
    follow,
    is_taggable,
    operations,
    shape,
)
from ratchet.definition.step_types import STEP_TYPES, row_of, row_of_metadata, types_with
from ratchet.definition.types import type_of

ROWS = pytest.mark.parametrize("row", STEP_TYPES.values(), ids=lambda row: row.name)
RESOURCES = [value for value in vars(resources).values() if isinstance(value, Resource)]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.noun)
def test_what_follows_from_a_noun_is_the_services(resource: Resource) -> None:
    request = shape(operations()[resource.create]["input"]["shape"])
    answer = shape(operations()[resource.describe]["output"]["shape"])
    assert resource.arn_member in answer["members"]
    assert resource.name_member in request["members"]
    if resource.is_job:
        assert f"Stop{resource.noun}" in operations()
        name = shape(request["members"][resource.name_member]["shape"])
        assert name["max"] == resource.longest_name
    arn = shape(answer["members"][resource.arn_member]["shape"]).get("pattern", ".*")
    assert f"{resource.arn_path}/" in arn or ".*" in arn


@ROWS
def test_its_metadata_is_a_member_that_the_service_answers(row: StepType) -> None:
    members = shape("PipelineExecutionStepMetadata")["members"]
    if row.name == "EMRServerless":
        assert row.metadata_member not in members, "botocore has it by now: give it its member"
        return
    about = shape(members[row.metadata_member]["shape"])["members"]
    assert ("Arn" in about or "CheckJobArn" in about) is bool(row.metadata_arn)
    assert not row.metadata_arn or row.metadata_arn in about
    assert row_of_metadata(row.metadata_member) is row


@ROWS
def test_what_its_role_may_do_are_operations_of_the_service(row: StepType) -> None:
    actions = {
        action.removeprefix("sagemaker:") for grant in row.grants for action in grant.actions
    }
    assert actions <= set(operations())


@ROWS
def test_its_cache_key_outputs_and_keys_are_arguments_of_its_call(row: StepType) -> None:
    created = create_shape(row.name)
    if created is None:
        return
    _assert_selects(created, row.cache_key or {})
    for path in (*row.outputs, *row.lasting_outputs):
        text = path.replace("[*]", "[0]")
        assert follow(created, parse(f"Steps.x.{text}").path)["type"] == "string"
    assert set(row.named_by_service) <= set(created["members"])


def _assert_selects(created: Any, selection: Selection) -> None:
    for name, parts in selection.items():
        assert name in created["members"]
        if parts:
            _assert_selects(shape(created["members"][name]["shape"]), parts)


@ROWS
def test_a_type_that_may_be_cached_or_retried_makes_a_job_a_model_or_a_version(
    row: StepType,
) -> None:
    assert not row.is_retryable or row.makes is not None
    assert not row.is_cached or row.job is not None or row.name == "EMR"


@ROWS
def test_a_job_has_a_price_or_says_who_bills_it(row: StepType) -> None:
    assert (row.job is None and not row.billed_elsewhere) is row.is_free
    assert not (row.job and row.job.billed_as) or row.job.log_group


@ROWS
def test_members_are_listed_where_no_operation_answers_them(row: StepType) -> None:
    assert not row.members or row.properties is Properties.LISTED
    assert (describe_shape(row.name) is not None) is (row.properties is Properties.DESCRIBED)


def test_members_of_a_check_are_those_of_its_metadata() -> None:
    for kind in ("QualityCheck", "ClarifyCheck"):
        assert set(row_of(kind).members) <= set(shape(f"{kind}StepMetadata")["members"])
    assert set(row_of("Condition").members) <= set(shape("ConditionStepMetadata")["members"])


def test_the_guides_of_aws_are_followed() -> None:
    # pipelines-retry-policy, without the notebook job, which is a Training step.
    assert set(types_with("is_retryable")) == {
        "Processing", "Training", "Tuning", "AutoML", "Model", "RegisterModel", "Transform",
    }  # fmt: skip
    # pipelines-default-keys
    assert set(types_with("is_cached")) == {
        "Processing", "Training", "Tuning", "AutoML", "Transform",
        "ClarifyCheck", "QualityCheck", "EMR",
    }  # fmt: skip
    assert not is_taggable("RegisterModel")
    assert is_taggable("Job")
    assert not is_taggable("Lambda")


def test_a_type_that_is_not_in_the_table_has_a_row_that_claims_nothing() -> None:
    row = row_of("Quantum")
    assert row is row_of("Quantum")
    assert "Quantum" not in STEP_TYPES
    assert create_shape("Quantum") is describe_shape("Quantum") is None
    assert not (row.is_cached)
    assert not (row.is_retryable)
    assert not (row.job)
    assert not (row.grants)
    assert not (row.aws_only)


def test_pipelines_names_what_its_users_do_not_name() -> None:
    named = {row.name: row.named_by_service for row in STEP_TYPES.values() if row.makes}
    assert named["Processing"] == named["QualityCheck"] == ("ProcessingJobName",)
    assert named["Tuning"] == ("HyperParameterTuningJobName",)
    assert named["RegisterModel"] == named["Endpoint"] == named["EndpointConfig"] == ()


def test_a_search_has_the_trainings_that_it_started_among_its_properties() -> None:
    described = describe_shape("Tuning")
    assert described is not None
    assert {"BestTrainingJob", "TrainingJobSummaries"} <= set(described["members"])


def test_names_of_jobs_have_the_prefix_that_fits_them() -> None:
    assert PROCESSING_JOB.arn_pattern == "processing-job/pipelines-*"
    assert TUNING_JOB.arn_pattern == "hyper-parameter-tuning-job/*"
    assert PROCESSING_JOB.stream_prefix("x") == "x/"
    assert TUNING_JOB.stream_prefix("x") == "x"


def test_a_cache_key_takes_parts_and_what_stands_beside_the_arguments() -> None:
    definition = {"HyperParameterRanges": {}, "ResourceConfig": {"InstanceCount": 1}}
    steps = [
        {"Name": "s", "Type": "Tuning", "Arguments": {"TrainingJobDefinition": definition}},
        {"Name": "q", "Type": "QualityCheck", "SuppliedBaselineStatistics": "s3://b/s.json"}
        | {"Arguments": {"ProcessingResources": {}}, "FailOnViolation": True},
        {"Name": "l", "Type": "Lambda", "Arguments": {"x": 1}},
    ]
    places = [[leaf.place for leaf in compared(step)] for step in read({"Steps": steps}).steps]
    assert places == [
        ["Arguments.TrainingJobDefinition.HyperParameterRanges"],
        ["SuppliedBaselineStatistics"],
        [],
    ]


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ({"Std:Join": {"Values": []}}, "String"),
        ({"Get": "Execution.PipelineName"}, "String"),
        ({"Get": "Parameters.N"}, "Integer"),
        ({"Get": "Parameters.M"}, None),
        ({"Get": "Steps.t.TrainingJobName"}, "String"),
        ({"Get": "Steps.t.ModelArtifacts"}, "structure"),
        ({"Get": "Steps.t.BillableTimeInSeconds"}, "Integer"),
        ({"Get": "Steps.t.Nothing"}, None),
        ({"Get": "Steps.f.OutputParameters['x']"}, "Float"),
        ({"Get": "Steps.q.CalculatedBaselineConstraints"}, "String"),
        ({"Get": "Steps.nobody.X"}, None),
        ({"Get": "nonsense"}, None),
        ({"Std:JsonGet": {}}, None),
    ],
)
def test_the_type_of_a_call_is_known_where_somebody_says_it(call: Any, kind: str | None) -> None:
    document = read(
        {
            "Parameters": [{"Name": "N", "Type": "Integer"}],
            "Steps": [
                {"Name": "t", "Type": "Training"},
                {"Name": "q", "Type": "QualityCheck"},
                {"Name": "f", "Type": "Lambda"}
                | {"OutputParameters": [{"OutputName": "x", "OutputType": "Float"}]},
            ],
        }
    )
    assert type_of(call, document) == kind


def test_a_path_that_leads_nowhere_says_what_is_there() -> None:
    described = describe_shape("Training")
    assert described is not None
    with pytest.raises(PathError) as raised:
        follow(described, parse("Steps.x.ModelArtifacts.S3Model").path)
    assert (raised.value.part, raised.value.members) == ("S3Model", ["S3ModelArtifacts"])


@pytest.mark.parametrize(
    "path", ["ProcessingInputs.S3Input", "ProcessingInputs['x'].S3Inputs", "['ProcessingInputs']"]
)
def test_items_of_a_list_are_asked_for_by_index_or_name(path: str) -> None:
    described = describe_shape("Processing")
    assert described is not None
    text = f"Steps.x.{path}".replace(".[", "[")
    with pytest.raises(PathError):
        follow(described, parse(text).path)


def test_the_room_imports_the_standard_library_alone() -> None:
    imported = {
        name
        for file in Path(ratchet.definition.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in _imports(node)
    }
    others = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not name.startswith("ratchet.definition")} == set()


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [str(node.module)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
