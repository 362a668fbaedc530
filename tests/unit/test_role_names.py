"""What roles are called, and which one a name means."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.roles import names as role_names
from ratchet.deployment.roles.use import Role


def role(path: str = "") -> dict[str, Any]:
    metadata = {"aws:cdk:path": path} if path else {}
    return {"Type": "AWS::IAM::Role", "Properties": {}, "Metadata": metadata}


def acting(kind: str, role: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": {**properties, "RoleArn": {"Fn::GetAtt": [role, "Arn"]}}}


def labels(resources: dict[str, Any], **physical_ids: str) -> dict[str, str]:
    ids = {name: f"{name}-x" for name in resources} | physical_ids
    return role_names.labels(resources, ids, prefix="flights-dev-")


def test_a_role_is_called_after_who_acts_as_it() -> None:
    function = {"Role": {"Fn::GetAtt": ["F", "Arn"]}, "Handler": "start_pipeline.handler.handler"}
    resources = {
        "P": role(),
        "Pipeline": acting("AWS::SageMaker::Pipeline", "P"),
        "F": role(),
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "E": role(),
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["E", "Arn"]}},
        },
    }
    assert labels(resources, Pipeline="flights-dev-training") == {
        "P": "training pipeline",
        "F": "start_pipeline function",
        "E": "endpoint",
    }


def test_a_policy_or_a_rule_that_names_a_role_does_not_act_as_it() -> None:
    resources = {
        "ScheduleRole3AD9C832": role("dev/Serving/Monitoring/ScheduleRole/Role"),
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"Roles": [{"Ref": "ScheduleRole3AD9C832"}]},
        },
    }
    assert list(labels(resources).values()) == ["monitoring schedule"]


def test_a_role_of_nobody_known_is_called_after_its_place_or_its_logical_id() -> None:
    resources = {"A": role("dev/Serving/Extra/Role/Resource"), "CleanUpRole1234ABCD": role()}
    assert labels(resources) == {"A": "extra", "CleanUpRole1234ABCD": "clean up"}


def test_a_role_that_is_not_deployed_is_left_out() -> None:
    assert role_names.labels({"A": role()}, {}, prefix="") == {}


def test_equal_labels_get_their_stack() -> None:
    names = [("training", "f function"), ("evaluation", "f function"), ("serving", "endpoint")]
    assert role_names.distinct(names) == [
        "f function of training",
        "f function of evaluation",
        "endpoint",
    ]


def deployed(label: str, stack: str, logical_id: str) -> Role:
    name = f"flights-dev-{stack}-{logical_id}-9F96"
    arn = f"arn:aws:iam::000000000000:role/{name}"
    return Role(name=name, arn=arn, label=label, stack=stack, logical_id=logical_id)


ROLES = [
    deployed("training pipeline", "training", "PipelineRole"),
    deployed("monitoring pipeline", "serving", "MonitoringPipelineRole"),
    deployed("start_pipeline function of training", "training", "TriggerRole"),
    deployed("start_pipeline function of evaluation", "evaluation", "TriggerRole"),
]


@pytest.mark.parametrize(
    "text",
    [
        "training pipeline",
        "Training Pipeline",
        "training-pipeline",
        "PipelineRole",
        "flights-dev-training-PipelineRole-9F96",
        "arn:aws:iam::000000000000:role/flights-dev-training-PipelineRole-9F96",
    ],
)
def test_a_role_is_found_by_label_logical_id_name_and_arn(text: str) -> None:
    assert role_names.find(ROLES, text) is ROLES[0]


def test_a_part_of_a_label_is_enough_where_it_means_one_role() -> None:
    assert role_names.find(ROLES, "monitoring") is ROLES[1]
    assert role_names.find(ROLES, "evaluation start_pipeline") is ROLES[3]


def test_a_name_of_two_roles_lists_the_commands_for_both() -> None:
    with pytest.raises(UnknownNameError, match="may be 2 roles") as problem:
        role_names.find(ROLES, "start_pipeline")
    assert "ratchet permissions start_pipeline function of evaluation" in str(problem.value)
    with pytest.raises(UnknownNameError, match="may be 2 roles"):
        role_names.find(ROLES, "TriggerRole")


@pytest.mark.parametrize(
    ("slip", "label"),
    [
        ("trainign pipeline", "training pipeline"),
        ("trainign", "training pipeline"),
        ("start_pipelin", "start_pipeline function of training"),
    ],
)
def test_a_slip_names_the_nearest(slip: str, label: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean .*{label}.*ratchet permissions"):
        role_names.find(ROLES, slip)


def test_a_name_like_none_says_how_to_list_them() -> None:
    with pytest.raises(UnknownNameError) as problem:
        role_names.find(ROLES, "xyz")
    assert str(problem.value) == "no role 'xyz'. To list them: ratchet permissions"
