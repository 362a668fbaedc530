"""The AWS::SageMaker resource types, through MiniStack's provisioning of single resources."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope
from ministack.services.cloudformation import provisioners

from ratchet.local_cloud.emulator import cloudformation
from ratchet.local_cloud.sagemaker.errors import ApiError
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
from tests.local_cloud.served_models import SCRIPT, archive, container, variant

TEXT = definition(gate(otherwise=[halt()]), Score=3)
Properties = dict[str, Any]


@pytest.fixture(autouse=True)
def installed(call: Caller) -> Iterator[None]:
    cloudformation.install(call.sagemaker, call.model)
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
        create("Pipeline", pipeline(definition({"Name": "x", "Type": "Fail"})))


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


def answers_definition(*, threshold: str, baseline: str = "s3://b/1") -> Properties:
    """A definition of model quality as a stack with this parameter's value has it: as text."""
    batch = {"DataCapturedDestinationS3Uri": "s3://b/c", "LocalPath": "/opt/ml/processing/input"}
    source = {
        **batch,
        "DatasetFormat": {"Json": {}},
        "ProbabilityAttribute": "0",
        "ProbabilityThresholdAttribute": threshold,
    }
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    output = {"S3Uri": "s3://b/r", "LocalPath": "/opt/ml/processing/output"}
    return {
        "ModelQualityAppSpecification": {"ImageUri": IMAGE, "ProblemType": "BinaryClassification"},
        "ModelQualityBaselineConfig": {"ConstraintsResource": {"S3Uri": baseline}},
        "ModelQualityJobInput": {
            "BatchTransformInput": source,
            "GroundTruthS3Input": {"S3Uri": "s3://b/truth"},
        },
        "ModelQualityJobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "JobResources": {"ClusterConfig": cluster},
        "RoleArn": ROLE,
    }


@pytest.mark.parametrize("changed", [{"threshold": "0.37"}, {"baseline": "s3://b/2"}])
def test_another_threshold_replaces_a_definition_as_another_baseline_does(
    call: Caller, changed: dict[str, str]
) -> None:
    old, new = (answers_definition(**{"threshold": "0.5", **values}) for values in ({}, changed))
    before, _ = create("ModelQualityJobDefinition", old)
    assert update("ModelQualityJobDefinition", before, old, old)[0] == before
    after, _ = update("ModelQualityJobDefinition", before, old, new)
    assert after != before
    name = after.rpartition("/")[2]
    definition = call("DescribeModelQualityJobDefinition", JobDefinitionName=name)
    source = definition["ModelQualityJobInput"]["BatchTransformInput"]
    assert source["ProbabilityThresholdAttribute"] == float(changed.get("threshold", "0.5"))
    with pytest.raises(ApiError, match=r"not found|not exist"):
        call("DescribeModelQualityJobDefinition", JobDefinitionName=before.rpartition("/")[2])


def served(call: Caller, name: str, script: str = SCRIPT) -> None:
    """A model and an endpoint configuration of this name, from templates."""
    call.cloud.objects[f"bucket/{name}/model.tar.gz"] = archive(name, script)
    properties = {
        "ModelName": name,
        "PrimaryContainer": container(name),
        "ExecutionRoleArn": ROLE,
    }
    create("Model", properties)
    # Values of stack parameters arrive as text.
    text = {"InitialInstanceCount": "2", "InitialVariantWeight": "1"}
    variants = [{**variant(name), **text}]
    create("EndpointConfig", {"EndpointConfigName": name, "ProductionVariants": variants})


def test_an_endpoint_is_updated_in_place_and_waited_for(call: Caller) -> None:
    served(call, "v1")
    served(call, "v2")
    old = {"EndpointName": "e", "EndpointConfigName": "v1"}
    before, attributes = create("Endpoint", old)
    assert attributes["EndpointStatus"] == "InService"
    after, _ = update("Endpoint", before, old, {**old, "EndpointConfigName": "v2"})
    assert after == before
    described = call("DescribeEndpoint", EndpointName="e")
    assert described["EndpointConfigName"] == "v2"
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_an_endpoint_that_fails_fails_its_stack_and_is_gone(call: Caller) -> None:
    served(call, "v1", "raise RuntimeError('no booster')")
    with pytest.raises(ValueError, match="RuntimeError: no booster"):
        create("Endpoint", {"EndpointName": "e", "EndpointConfigName": "v1"})
    assert call("ListEndpoints")["Endpoints"] == []


def test_an_update_that_is_rolled_back_fails_its_stack(call: Caller) -> None:
    served(call, "v1")
    served(call, "v2", "raise RuntimeError('no booster')")
    old = {"EndpointName": "e", "EndpointConfigName": "v1"}
    physical_id, _ = create("Endpoint", old)
    with pytest.raises(ValueError, match="RuntimeError: no booster"):
        update("Endpoint", physical_id, old, {**old, "EndpointConfigName": "v2"})
    assert call("DescribeEndpoint", EndpointName="e")["EndpointConfigName"] == "v1"


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
