"""Which permissions a SageMaker request needs, held against the service authorization reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel, Shape

from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.authorisation import (
    INVOKE_ENDPOINT,
    KEYS,
    RESOURCES,
    ROLES,
    Need,
    needs,
)
from tests.local_cloud.sagemaker_calls import ROLE, SCOPE, Caller

REFERENCE: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("sagemaker_actions.json").read_text()
)["operations"]
BEHIND_STEPS = {
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateTransformJob",
    "CreateHyperParameterTuningJob",
}
TOKEN_ONLY = {"SendPipelineExecutionStepFailure", "SendPipelineExecutionStepSuccess"}


def arn(resource: str) -> str:
    return SCOPE.arn(resource)


def resources_of(operation: str, **request: Any) -> list[str]:
    return [
        need.resource
        for need in needs(SCOPE, operation, request)
        if need.action == f"sagemaker:{operation}"
    ]


def test_every_operation_of_the_local_cloud_has_a_row(call: Caller) -> None:
    operations = {*call.sagemaker.api.operations, *BEHIND_STEPS, INVOKE_ENDPOINT}
    assert operations - set(RESOURCES) == set()


def test_every_row_is_an_operation_of_the_reference() -> None:
    assert set(RESOURCES) == set(REFERENCE)


@pytest.mark.parametrize("operation", sorted(RESOURCES))
def test_the_resource_types_are_those_of_the_reference(operation: str) -> None:
    types = {row.partition("/{")[0] for row in RESOURCES[operation] if "/{" in row}
    if "*" in RESOURCES[operation]:
        assert REFERENCE[operation]["required"] == []
    elif types:
        assert set(REFERENCE[operation]["required"]) <= types
        assert types <= {*REFERENCE[operation]["required"], *REFERENCE[operation]["optional"]}
    else:  # the request holds the resource's ARN, of a type that the reference allows
        assert all(row.startswith("{") for row in RESOURCES[operation])


@pytest.mark.parametrize("operation", sorted(set(RESOURCES) - {INVOKE_ENDPOINT} - TOKEN_ONLY))
def test_the_members_that_name_resources_are_members_of_the_request(
    operation: str, service_model: ServiceModel
) -> None:
    for row in RESOURCES[operation]:
        member = row.partition("{")[2].partition("}")[0]
        assert not member or member in members(service_model.operation_model(operation))


@pytest.mark.parametrize("operation", sorted(set(RESOURCES) - {INVOKE_ENDPOINT}))
def test_the_condition_keys_are_those_of_the_reference(
    operation: str, service_model: ServiceModel
) -> None:
    shape = service_model.operation_model(operation).input_shape
    supplied = {key for key, paths in KEYS.items() if any(exists(shape, path) for path in paths)}
    expected = set(REFERENCE[operation]["condition_keys"]) & set(KEYS)
    assert expected <= supplied, "a key that a policy may name, and no member supplies"


@pytest.mark.parametrize("operation", sorted(set(RESOURCES) - {INVOKE_ENDPOINT}))
def test_a_role_is_passed_where_the_reference_says_so(
    operation: str, service_model: ServiceModel
) -> None:
    shape = service_model.operation_model(operation).input_shape
    passes = any(exists(shape, path) for path in ROLES)
    assert passes == ("iam:PassRole" in REFERENCE[operation]["dependent_actions"])


def test_names_and_arns_name_the_same_resource() -> None:
    by_name = resources_of("DescribeEndpoint", EndpointName="flights")
    by_arn = resources_of("DescribeEndpoint", EndpointName=arn("endpoint/flights"))
    assert by_name == by_arn == [arn("endpoint/flights")]


def test_an_endpoint_is_created_on_itself_and_on_its_configuration() -> None:
    assert resources_of("CreateEndpoint", EndpointName="e", EndpointConfigName="c") == [
        arn("endpoint/e"),
        arn("endpoint-config/c"),
    ]


def test_a_package_needs_its_group_and_a_version_of_it() -> None:
    expected = [arn("model-package-group/g"), arn("model-package/g/*")]
    assert resources_of("CreateModelPackage", ModelPackageGroupName="g") == expected
    by_arn = resources_of("CreateModelPackage", ModelPackageGroupName=arn("model-package-group/g"))
    assert by_arn == expected


def test_a_list_needs_everything() -> None:
    assert resources_of("ListModelPackages", ModelPackageGroupName="g") == ["*"]


def test_tags_need_the_permission_to_tag_and_say_so_in_their_keys() -> None:
    request = {"ModelName": "m", "Tags": [{"Key": "project", "Value": "flights"}]}
    create, tag = needs(SCOPE, "CreateModel", request)
    assert create.context["aws:RequestTag/project"] == "flights"
    assert create.context["aws:TagKeys"] == ["project"]
    assert (tag.action, tag.resource) == ("sagemaker:AddTags", arn("model/m"))
    assert tag.context["sagemaker:TaggingAction"] == "CreateModel"


def test_a_role_in_a_request_is_passed_to_sagemaker() -> None:
    [_, passed] = needs(SCOPE, "CreateModel", {"ModelName": "m", "ExecutionRoleArn": ROLE})
    assert passed == Need("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def test_an_inner_role_is_passed_too() -> None:
    inner = {"MonitoringJobDefinition": {"RoleArn": ROLE}}
    request = {"MonitoringScheduleName": "s", "MonitoringScheduleConfig": inner}
    assert [need.action for need in needs(SCOPE, "CreateMonitoringSchedule", request)] == [
        "sagemaker:CreateMonitoringSchedule",
        "iam:PassRole",
    ]


def test_the_approval_of_a_package_is_a_condition_only_where_it_is_named() -> None:
    approved = {"ModelPackageArn": arn("model-package/g/1"), "ModelApprovalStatus": "Approved"}
    [need] = needs(SCOPE, "UpdateModelPackage", approved)
    assert need.context == {"sagemaker:ModelApprovalStatus": "Approved"}
    [need] = needs(SCOPE, "UpdateModelPackage", {"ModelPackageArn": arn("model-package/g/1")})
    assert need.context == {}


def test_several_instances_are_several_values() -> None:
    variants = [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.c5.large"}]
    keys = authorisation.condition_keys({"ProductionVariants": variants})
    assert keys["sagemaker:InstanceTypes"] == ["ml.m5.large", "ml.c5.large"]


def test_a_flag_is_a_word() -> None:
    keys = authorisation.condition_keys({"EnableNetworkIsolation": False})
    assert keys == {"sagemaker:NetworkIsolation": "false"}


def members(operation: OperationModel) -> set[str]:
    shape: Any = operation.input_shape
    return set(shape.members)


def exists(shape: Shape | None, path: str) -> bool:
    """Whether a request may have a value at a path."""
    current: Any = shape
    for part in path.split("."):
        if current is None or current.type_name != "structure":
            return False
        current = current.members.get(part.removesuffix("[]"))
        if current is not None and part.endswith("[]"):
            current = current.member
    return current is not None
