"""What services ask for beside a request's own action, on a running local cloud."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext

from ratchet.local_cloud import control
from ratchet.local_cloud.emulator import request_log
from ratchet.local_cloud.emulator.request_log import RequestLog
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud, until
from tests.local_cloud.small_stacks import ACCOUNT, create, queue, unique
from tests.local_cloud.test_enforcement import Role, denied, person_may, service_may

CODE = "def handler(event, context):\n    print('it ran')\n    return {}\n"


def function(cloud: RunningCloud, role: Role) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", CODE)
    name = unique("function")
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="index.handler",
        Role=role.arn,
        Code={"ZipFile": archive.getvalue()},
    )
    return name


def lines(cloud: RunningCloud, function: str) -> list[str]:
    logs = cloud.client("logs")
    try:
        answer = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].strip() for event in answer["events"]]


@pytest.mark.cloud
def test_that_an_object_is_missing_is_said_to_those_only_who_may_list(cloud: RunningCloud) -> None:
    bucket = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=bucket)
    read = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    role = person_may(cloud, read)
    with pytest.raises(ClientError) as answer:
        role.client("s3").get_object(Bucket=bucket, Key="nothing")
    assert "perform: s3:ListBucket on resource" in denied(answer)
    in_folder = {"StringLike": {"s3:prefix": "*"}}
    look = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    role.allow(read, {**look, "Condition": in_folder})
    with pytest.raises(ClientError) as answer:
        role.client("s3").get_object(Bucket=bucket, Key="nothing")
    assert "perform: s3:ListBucket on resource" in denied(answer), "the request has no prefix"
    role.allow(read, look)
    with pytest.raises(ClientError) as answer:
        role.client("s3").get_object(Bucket=bucket, Key="nothing")
    assert answer.value.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.cloud
def test_a_template_gives_its_topic_a_key_that_publishers_need(cloud: RunningCloud) -> None:
    kms = cloud.client("kms")
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}}
    template = {"Parameters": {"Key": {"Type": "String"}}, "Resources": {"Topic": topic}}
    name = unique("topic")
    assert create(cloud, name, template, Key=keys[0]) == "CREATE_COMPLETE"
    formation, sns = cloud.client("cloudformation"), cloud.client("sns")
    [resource] = formation.describe_stack_resources(StackName=name)["StackResources"]
    arn = resource["PhysicalResourceId"]
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"] == keys[0]
    role = person_may(cloud, {"Action": "sns:Publish", "Resource": arn})
    with pytest.raises(ClientError) as answer:
        role.client("sns").publish(TopicArn=arn, Message="m")
    assert f"perform: kms:GenerateDataKey on resource: {keys[0]}" in denied(answer)
    formation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Key", "ParameterValue": keys[1]}],
    )

    def key() -> Any:
        key = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"]
        return key if key == keys[1] else None

    until(key, 10)


@pytest.mark.cloud
def test_the_parameters_of_a_template_are_looked_up_for_whoever_updates_the_stack(
    cloud: RunningCloud,
) -> None:
    parameter = f"/{unique('version')}"
    cloud.client("ssm").put_parameter(Name=parameter, Value="21", Type="String")
    template = {
        "Parameters": {
            "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": parameter},
            "Title": {"Type": "String", "Default": "one"},
        },
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Title"}}}
        },
    }
    name = unique("stack")
    assert create(cloud, name, template) == "CREATE_COMPLETE"
    update = {"Action": "cloudformation:UpdateStack", "Resource": "*"}
    role = person_may(cloud, update)
    changes = [
        {"ParameterKey": "Title", "ParameterValue": "two"},
        {"ParameterKey": "Version", "UsePreviousValue": True},
    ]
    request = {"StackName": name, "UsePreviousTemplate": True, "Parameters": changes}
    with pytest.raises(ClientError) as answer:
        role.client("cloudformation").update_stack(**request)
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{parameter}"
    assert f"perform: ssm:GetParameters on resource: {arn}" in str(answer.value)
    role.allow(update, {"Action": "ssm:GetParameters", "Resource": arn})
    role.client("cloudformation").update_stack(**request)


@pytest.mark.cloud
def test_a_function_runs_without_the_permission_to_log_and_its_log_is_lost(
    cloud: RunningCloud,
) -> None:
    role = service_may(cloud, "lambda", {"Action": "sqs:ListQueues", "Resource": "*"})
    name = function(cloud, role)
    functions = cloud.client("lambda")
    assert json.load(functions.invoke(FunctionName=name)["Payload"]) == {}
    assert lines(cloud, name) == []
    log = ["logs:CreateLogStream", "logs:PutLogEvents"]
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{name}:*"
    role.allow({"Action": log, "Resource": group})
    functions.invoke(FunctionName=name)
    assert "it ran" in lines(cloud, name)


@pytest.mark.cloud
def test_a_queue_keeps_what_a_function_may_not_read_any_more(cloud: RunningCloud) -> None:
    url, arn = queue(cloud)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    log = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": group}
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    read = {"Action": actions, "Resource": arn}
    role = service_may(cloud, "lambda", read, log)
    name = function(cloud, role)
    cloud.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
    sqs = cloud.client("sqs")
    role.allow(log)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    refused = f"{arn} is not read for {name}"
    until(lambda: refused in control.log_file(cloud.folder).read_text() or None, 10)
    assert lines(cloud, name) == []
    role.allow(read, log)
    until(lambda: "it ran" in lines(cloud, name) or None, 10)


def test_a_question_is_recorded_once_with_its_keys_and_those_that_statements_name(
    tmp_path: Path,
) -> None:
    context = EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/r/s",
        principal_type="AssumedRole",
        principal_account="000000000000",
        action="s3:ListBucket",
        resource_arn="arn:aws:s3:::b",
        region="us-east-1",
        secure_transport=True,
        service_context={"s3:prefix": "raw/", "s3:delimiter": "/"},
    )
    conditions = {
        "StringLike": {"s3:prefix": "raw/*"},
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:SourceVpc": "v"},
    }
    statements = iam_evaluator.parse_policy_document(
        {
            "Statement": {
                "Effect": "Allow",
                "Action": "s3:List*",
                "Resource": "*",
                "Condition": conditions,
            }
        }
    )
    log = RequestLog(tmp_path / "requests.jsonl")
    for _ in range(3):
        log.record(context, "s3", statements, principal=context.principal_arn, allowed=True)
    RequestLog(tmp_path / "requests.jsonl").record(
        context, "s3", statements, principal=context.principal_arn, allowed=True
    )
    [question] = request_log.read(tmp_path / "requests.jsonl")
    assert question.keys == {
        "aws:securetransport": "true",
        "s3:delimiter": "/",
        "s3:prefix": "raw/",
    }
    again = question.context()
    assert (again.action, again.resource_arn) == ("s3:ListBucket", "arn:aws:s3:::b")
    assert again.secure_transport
    assert again.service_context["s3:prefix"] == "raw/"


def test_without_the_variable_nothing_is_recorded() -> None:
    assert request_log.of_environment({}) is None
