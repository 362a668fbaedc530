"""The AWS::SageMaker resource types, through MiniStack's provisioning of single resources."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope
from ministack.services.cloudformation import provisioners

from ratchet.local_cloud.emulator import cloudformation
from tests.local_cloud.sagemaker_calls import (
    IMAGE,
    REGION,
    ROLE,
    SCOPE,
    Caller,
    definition,
    gate,
    halt,
)

TEXT = definition(gate(otherwise=[halt()]), Score=3)
Properties = dict[str, Any]


@pytest.fixture(autouse=True)
def installed(call: Caller) -> Iterator[None]:
    cloudformation.install(call.sagemaker.api, call.model)
    with request_scope(SCOPE.account, REGION):
        yield


def create(kind: str, properties: Properties, logical_id: str = "Thing") -> tuple[str, Properties]:
    created: tuple[str, Properties] = provisioners._provision_resource(
        f"AWS::SageMaker::{kind}", logical_id, properties, "stack"
    )
    return created


def update(kind: str, physical_id: str, old: Properties, new: Properties) -> tuple[str, Properties]:
    updated: tuple[str, Properties] = provisioners._update_resource(
        f"AWS::SageMaker::{kind}", physical_id, old, new, "stack", "Thing", {}
    )
    return updated


def delete(kind: str, physical_id: str) -> None:
    provisioners._delete_resource(f"AWS::SageMaker::{kind}", physical_id, {}, "stack", "Thing")


def pipeline(text: str = TEXT, **more: Any) -> Properties:
    body = {"PipelineDefinitionBody": text}
    return {"PipelineName": "training", "RoleArn": ROLE, "PipelineDefinition": body, **more}


def test_a_pipelines_ref_is_its_name(call: Caller) -> None:
    physical_id, attributes = create("Pipeline", pipeline(Tags=[{"Key": "a", "Value": "b"}]))
    assert physical_id == "training"
    arn = call("DescribePipeline", PipelineName="training")["PipelineArn"]
    assert attributes["PipelineArn"] == arn
    assert call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_changed_definition_updates_the_pipeline_in_place(call: Caller) -> None:
    create("Pipeline", pipeline())
    other = definition(halt())
    tags = [{"Key": "a", "Value": "b"}]
    physical_id, _ = update("Pipeline", "training", pipeline(), pipeline(other, Tags=tags))
    described = call("DescribePipeline", PipelineName="training")
    assert physical_id == "training"
    assert described["PipelineDefinition"] == other
    assert call("ListTags", ResourceArn=described["PipelineArn"])["Tags"] == tags


def test_a_definition_in_s3_is_read_at_its_version(call: Caller) -> None:
    call.cloud.objects["code/p.json?v1"] = TEXT.encode()
    location = {"Bucket": "code", "Key": "p.json", "Version": "v1"}
    properties = pipeline()
    properties["PipelineDefinition"] = {"PipelineDefinitionS3Location": location}
    create("Pipeline", properties)
    assert call("DescribePipeline", PipelineName="training")["PipelineDefinition"] == TEXT


def test_the_reason_of_a_refusal_reaches_the_stack() -> None:
    with pytest.raises(ValueError, match=r"Steps\[0\].*Error Code: ValidationException"):
        create("Pipeline", pipeline(definition({"Name": "x", "Type": "Nonsense"})))


def test_an_unnamed_resource_is_named_after_its_stack(call: Caller) -> None:
    physical_id, attributes = create(
        "Model", {"PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": ROLE}
    )
    assert attributes["ModelName"].startswith("stack-Thing-")
    assert physical_id == call("DescribeModel", ModelName=attributes["ModelName"])["ModelArn"]


def test_an_unnamed_model_is_replaced_under_a_new_name(call: Caller) -> None:
    old = {"PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": ROLE}
    new = {"PrimaryContainer": {"Image": IMAGE.replace(":1", ":2")}, "ExecutionRoleArn": ROLE}
    before, _ = create("Model", old)
    after, _ = update("Model", before, old, new)
    assert after != before
    listed = [model["ModelArn"] for model in call("ListModels")["Models"]]
    assert listed == [after]


def test_tags_alone_replace_no_model(call: Caller) -> None:
    old = {"PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": ROLE}
    before, _ = create("Model", old)
    after, _ = update("Model", before, old, {**old, "Tags": [{"Key": "a", "Value": "b"}]})
    assert after == before
    assert call("ListTags", ResourceArn=after)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_custom_named_model_cannot_be_replaced() -> None:
    old = {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": ROLE}
    before, _ = create("Model", old)
    new = {**old, "PrimaryContainer": {"Image": IMAGE.replace(":1", ":2")}}
    with pytest.raises(ValueError, match="custom-named resource requires replacing"):
        update("Model", before, old, new)


def test_an_endpoint_is_updated_in_place(call: Caller) -> None:
    container = {"Image": IMAGE}
    create("Model", {"ModelName": "m", "PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    # Values of stack parameters arrive as text.
    variant = {
        "VariantName": "main",
        "ModelName": "m",
        "InitialInstanceCount": "2",
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": "1",
    }
    for name in ("c1", "c2"):
        create("EndpointConfig", {"EndpointConfigName": name, "ProductionVariants": [variant]})
    old = {"EndpointName": "e", "EndpointConfigName": "c1"}
    before, _ = create("Endpoint", old)
    after, _ = update("Endpoint", before, old, {**old, "EndpointConfigName": "c2"})
    assert after == before
    described = call("DescribeEndpoint", EndpointName="e")
    assert described["EndpointConfigName"] == "c2"
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_a_group_has_its_policy_and_is_deleted_with_its_stack(call: Caller) -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    physical_id, attributes = create(
        "ModelPackageGroup",
        {"ModelPackageGroupName": "flights", "ModelPackageGroupPolicy": policy},
    )
    assert physical_id == attributes["ModelPackageGroupArn"]
    stored = call("GetModelPackageGroupPolicy", ModelPackageGroupName="flights")
    assert json.loads(stored["ResourcePolicy"]) == policy
    delete("ModelPackageGroup", physical_id)
    assert call("ListModelPackageGroups")["ModelPackageGroupSummaryList"] == []


def test_deleting_what_has_gone_already_is_no_failure() -> None:
    delete("Model", "arn:aws:sagemaker:us-east-1:000000000000:model/none")
