"""Model package groups, versions, approval, metadata."""

from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.sagemaker_calls import IMAGE, Caller

INFERENCE = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://artifacts/model.tar.gz"}]}


@pytest.fixture
def group(call: Caller) -> str:
    arn: str = call("CreateModelPackageGroup", ModelPackageGroupName="flights")[
        "ModelPackageGroupArn"
    ]
    return arn


def register(call: Caller, **more: Any) -> str:
    arn: str = call(
        "CreateModelPackage",
        **{"ModelPackageGroupName": "flights", "InferenceSpecification": INFERENCE, **more},
    )["ModelPackageArn"]
    return arn


def describe(call: Caller, arn: str) -> dict[str, Any]:
    return call("DescribeModelPackage", ModelPackageName=arn)


def test_versions_count_up_and_are_never_reused(call: Caller, group: str) -> None:
    assert register(call).endswith(":model-package/flights/1")
    second = register(call)
    call("DeleteModelPackage", ModelPackageName=second)
    assert register(call).endswith("/3")


def test_a_version_waits_for_approval(call: Caller, group: str) -> None:
    package = describe(call, register(call, CustomerMetadataProperties={"run": "abc"}))
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageVersion"] == 1
    assert package["CustomerMetadataProperties"] == {"run": "abc"}
    assert package["InferenceSpecification"] == INFERENCE


def test_a_change_of_approval_is_told_and_nothing_else_is(call: Caller, group: str) -> None:
    arn = register(call)
    call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="looks good",
    )
    call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    told = [event["detail"]["ModelApprovalStatus"] for event in call.cloud.events]
    assert told == ["PendingManualApproval", "Approved"]
    last = call.cloud.events[-1]
    assert last["type"] == "SageMaker Model Package State Change"
    assert last["resources"] == [arn]
    assert last["detail"]["ModelPackageGroupName"] == "flights"
    assert last["detail"]["ModelPackageVersion"] == 1
    assert describe(call, arn)["ApprovalDescription"] == "looks good"


def test_metadata_is_merged_and_removed_by_key(call: Caller, group: str) -> None:
    arn = register(call, CustomerMetadataProperties={"keep": "1", "drop": "2"})
    call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        CustomerMetadataProperties={"add": "3"},
        CustomerMetadataPropertiesToRemove=["drop"],
    )
    assert describe(call, arn)["CustomerMetadataProperties"] == {"keep": "1", "add": "3"}


def test_metadata_has_fifty_properties_at_most(call: Caller, group: str) -> None:
    arn = register(call, CustomerMetadataProperties={str(n): "x" for n in range(30)})
    more = {f"more-{n}": "x" for n in range(21)}
    with pytest.raises(ApiError, match="this would make 51"):
        call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties=more)


def test_versions_are_listed_by_group_and_approval(call: Caller, group: str) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="other")
    arns = [register(call) for _ in range(3)]
    register(call, ModelPackageGroupName="other")
    call("UpdateModelPackage", ModelPackageArn=arns[1], ModelApprovalStatus="Approved")
    approved = call(
        "ListModelPackages", ModelPackageGroupName="flights", ModelApprovalStatus="Approved"
    )["ModelPackageSummaryList"]
    assert [package["ModelPackageArn"] for package in approved] == [arns[1]]
    newest = call(
        "ListModelPackages", ModelPackageGroupName=group, SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"]
    assert newest[0]["ModelPackageVersion"] == 3
    assert call("ListModelPackages")["ModelPackageSummaryList"] == []  # unversioned ones only


def test_a_group_with_packages_cannot_be_deleted(call: Caller, group: str) -> None:
    arn = register(call)
    with pytest.raises(ApiError, match="until all Model Packages are deleted") as caught:
        call("DeleteModelPackageGroup", ModelPackageGroupName="flights")
    assert caught.value.code == "ConflictException"
    call("DeleteModelPackage", ModelPackageName=arn)
    call("DeleteModelPackageGroup", ModelPackageGroupName="flights")
    with pytest.raises(ApiError, match=r"model-package-group/flights does not exist"):
        call("DescribeModelPackageGroup", ModelPackageGroupName="flights")


def test_a_version_of_no_group_is_refused(call: Caller) -> None:
    with pytest.raises(ApiError, match="model-package-group/flights does not exist"):
        register(call)


def test_a_repeated_request_makes_one_version(call: Caller, group: str) -> None:
    assert register(call, ClientToken="token-1") == register(call, ClientToken="token-1")


def test_tags_are_the_groups(call: Caller, group: str) -> None:
    tags = [{"Key": "project", "Value": "flights"}]
    with pytest.raises(ApiError, match="tag the model package group"):
        register(call, Tags=tags)
    arn = register(call)
    with pytest.raises(ApiError, match="tag its group instead"):
        call("AddTags", ResourceArn=arn, Tags=tags)
    assert call("AddTags", ResourceArn=group, Tags=tags)["Tags"] == tags


def test_a_groups_policy_is_kept(call: Caller, group: str) -> None:
    call("PutModelPackageGroupPolicy", ModelPackageGroupName="flights", ResourcePolicy="{}")
    policy = call("GetModelPackageGroupPolicy", ModelPackageGroupName="flights")
    assert policy == {"ResourcePolicy": "{}"}
    call("DeleteModelPackageGroupPolicy", ModelPackageGroupName="flights")
    with pytest.raises(ApiError, match="Cannot find resource policy"):
        call("GetModelPackageGroupPolicy", ModelPackageGroupName="flights")
