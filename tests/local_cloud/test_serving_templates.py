"""What a serving stack needs of CloudFormation and its neighbours, with small templates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.sagemaker_calls import (
    IMAGE,
    ROLE,
    RunningCloud,
    until,
)
from tests.local_cloud.served_models import SCRIPT, archive
from tests.local_cloud.small_stacks import create, given, messages, queue, stack_status, unique

pytestmark = pytest.mark.cloud

BAD_SCRIPT = "def model_fn(model_dir):\n    raise RuntimeError('no booster')\n"
ON_ERRORS = {
    "Type": "AWS::CloudWatch::Alarm",
    "Condition": "HasChampion",
    "Properties": {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [
            {"Name": "EndpointName", "Value": {"Ref": "AWS::StackName"}},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    },
}


def serving_template() -> dict[str, Any]:
    """Model, configuration, endpoint with an alarm and scaling, all only with a champion."""

    def only(kind: str, properties: Any, **more: Any) -> dict[str, Any]:
        return {
            "Type": kind,
            "Condition": "HasChampion",
            "Properties": properties,
            **more,
        }

    variant = {
        "VariantName": {"Ref": "Variant"},
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1,
    }
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 60,
    }
    deployment = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": 0,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": {"Ref": "OnErrors"}}]},
    }
    scaled = {"Fn::Sub": "endpoint/${AWS::StackName}/variant/AllTraffic"}
    target = {
        "ResourceId": scaled,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ServiceNamespace": "sagemaker",
        "MinCapacity": 1,
        "MaxCapacity": 2,
        "RoleARN": ROLE,
    }
    policy = {
        "PolicyName": "requests",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100},
    }
    return {
        "Parameters": {
            "Champion": {"Type": "String", "Default": "none"},
            "Variant": {"Type": "String"},
        },
        "Conditions": {"HasChampion": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Champion"}, "none"]}]}},
        "Resources": {
            "Model": only(
                "AWS::SageMaker::Model",
                {
                    "PrimaryContainer": {"ModelPackageName": {"Ref": "Champion"}},
                    "ExecutionRoleArn": ROLE,
                },
            ),
            "Config": only("AWS::SageMaker::EndpointConfig", {"ProductionVariants": [variant]}),
            "OnErrors": ON_ERRORS,
            "Endpoint": only(
                "AWS::SageMaker::Endpoint",
                {
                    "EndpointName": {"Ref": "AWS::StackName"},
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "DeploymentConfig": deployment,
                },
            ),
            "Target": only(
                "AWS::ApplicationAutoScaling::ScalableTarget", target, DependsOn="Endpoint"
            ),
            "Policy": only("AWS::ApplicationAutoScaling::ScalingPolicy", policy),
            "Deployed": {
                "Type": "AWS::SSM::Parameter",
                "DependsOn": "Endpoint",
                "Properties": {
                    "Name": {"Fn::Sub": "/${AWS::StackName}/champion"},
                    "Type": "String",
                    "Value": {"Fn::If": ["HasChampion", {"Ref": "Champion"}, "none"]},
                },
            },
        },
    }


def promote(cloud: RunningCloud, name: str, **parameters: str) -> str:
    """UpdateStack as a promotion does it; answers the status that it ends with."""
    begin(cloud, name, **parameters)
    status: str = until(lambda: stack_status(cloud, name), 40)
    return status


def begin(cloud: RunningCloud, name: str, **parameters: str) -> None:
    cloud.client("cloudformation").update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=[
            *given(parameters),
            {"ParameterKey": "Variant", "UsePreviousValue": True},
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )


def approved(cloud: RunningCloud, group: str, version: str, script: str = SCRIPT) -> str:
    """The ARN of an approved package whose model answers ``<version>:…``."""
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    s3.create_bucket(Bucket=group)
    s3.put_object(Bucket=group, Key=f"{version}.tar.gz", Body=archive(version, script))
    if not sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{group}/{version}.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [container]},
    )["ModelPackageArn"]
    return arn


def answer(cloud: RunningCloud, endpoint: str, body: str = "1") -> str:
    answered = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=body.encode(), ContentType="text/csv"
    )
    text: str = answered["Body"].read().decode().strip()
    return text


def test_a_serving_stack_deploys_promotes_and_rolls_back(cloud: RunningCloud) -> None:
    name = unique("serving")
    url, arn = queue(cloud, "events")
    events = cloud.client("events")
    pattern = {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {"status-details": {"status": [{"suffix": "_COMPLETE"}]}},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    ssm = cloud.client("ssm")

    assert create(cloud, name, serving_template(), Variant="AllTraffic") == "CREATE_COMPLETE"
    assert ssm.get_parameter(Name=f"/{name}/champion")["Parameter"]["Value"] == "none"
    assert cloud.client("sagemaker").list_endpoints(NameContains=name)["Endpoints"] == []

    first = approved(cloud, name, "v1")
    assert promote(cloud, name, Champion=first) == "UPDATE_COMPLETE"
    assert answer(cloud, name) == "v1:1"
    assert ssm.get_parameter(Name=f"/{name}/champion")["Parameter"]["Value"] == first

    assert promote(cloud, name, Champion=approved(cloud, name, "v2")) == "UPDATE_COMPLETE"
    assert answer(cloud, name) == "v2:1"

    bad = approved(cloud, name, "v3", BAD_SCRIPT)
    assert promote(cloud, name, Champion=bad) == "UPDATE_ROLLBACK_COMPLETE"
    assert answer(cloud, name) == "v2:1"
    failed = next(
        event
        for event in cloud.client("cloudformation").describe_stack_events(StackName=name)[
            "StackEvents"
        ]
        if event["ResourceStatus"] == "UPDATE_FAILED"
    )
    assert failed["LogicalResourceId"] == "Endpoint"
    assert "no booster" in failed["ResourceStatusReason"]

    assert promote(cloud, name, Champion="none") == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match="not found"):
        answer(cloud, name)
    told = [
        message["detail"]["status-details"]["status"]
        for message in messages(cloud, url, 5)
        if f":stack/{name}/" in message["detail"]["stack-id"]
    ]
    assert told == [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_COMPLETE",
    ]
    cloud.client("cloudformation").delete_stack(StackName=name)


def test_errors_on_requests_roll_a_promotion_back(cloud: RunningCloud) -> None:
    name = unique("erring")
    assert create(cloud, name, serving_template(), Variant="AllTraffic") == "CREATE_COMPLETE"
    assert promote(cloud, name, Champion=approved(cloud, name, "v1")) == "UPDATE_COMPLETE"
    broken = SCRIPT.replace('if data == "fail":', "if True:")
    second = approved(cloud, name, "v2", broken)
    begin(cloud, name, Champion=second)
    with pytest.raises(ClientError, match="UPDATE_IN_PROGRESS state and can not be updated"):
        begin(cloud, name, Champion=second)
    answers: list[str] = []
    while stack_status(cloud, name) is None:
        try:
            answers.append(answer(cloud, name))
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    assert stack_status(cloud, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert set(answers) == {"v1:1", "ModelError"}
    assert answer(cloud, name) == "v1:1"
    described = cloud.client("sagemaker").describe_endpoint(EndpointName=name)
    assert "AutoRollbackConfiguration are in ALARM state" in described["FailureReason"]
    cloud.client("cloudformation").delete_stack(StackName=name)
