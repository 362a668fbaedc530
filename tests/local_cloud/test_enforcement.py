"""Policies decide on a running local cloud: requests, deliveries, keys and handed roles."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ratchet.local_cloud import control
from ratchet.local_cloud.decisions import Decision
from tests.local_cloud.sagemaker_calls import (
    REGION,
    ROLE,
    RunningCloud,
    definition,
    halt,
    until,
)
from tests.local_cloud.small_stacks import ACCOUNT, create, messages, queue, senders, unique

pytestmark = pytest.mark.cloud

PERSON = f"arn:aws:iam::{ACCOUNT}:user/administrator"
SCHEDULE = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(1 hour)"}


class Role:
    """A role of a test, and clients with a session of it."""

    def __init__(self, cloud: RunningCloud, *, trusts: object, statements: list[Any]) -> None:
        self.cloud = cloud
        self.name = unique("role")
        self.arn = f"arn:aws:iam::{ACCOUNT}:role/{self.name}"
        trust = {"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"}
        cloud.client("iam").create_role(
            RoleName=self.name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )
        self.allow(*statements)

    def allow(self, *statements: Mapping[str, Any]) -> None:
        """Replace the role's policy."""
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
        self.cloud.client("iam").put_role_policy(
            RoleName=self.name, PolicyName="permissions", PolicyDocument=json.dumps(document)
        )

    def client(self, service: str, **options: Any) -> Any:
        answer = self.cloud.client("sts").assume_role(
            RoleArn=self.arn, RoleSessionName="test", **options
        )
        keys = answer["Credentials"]
        return boto3.client(
            service,
            endpoint_url=self.cloud.endpoint.url,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def decisions(self) -> list[Decision]:
        answer = self.cloud.admin("GET", f"permissions/{self.name}")
        return [Decision.of_json(decision) for decision in answer["decisions"]]


def person_may(cloud: RunningCloud, *statements: Mapping[str, Any]) -> Role:
    """A role that people of the account assume."""
    return Role(cloud, trusts={"AWS": ACCOUNT}, statements=list(statements))


def service_may(cloud: RunningCloud, service: str, *statements: Mapping[str, Any]) -> Role:
    """A role that a service assumes."""
    principal = {"Service": f"{service}.amazonaws.com"}
    return Role(cloud, trusts=principal, statements=list(statements))


@pytest.fixture
def bucket(cloud: RunningCloud) -> str:
    name = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def key_arn(cloud: RunningCloud) -> str:
    """A key whose policy leaves everything to IAM."""
    arn: str = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def denied(answer: Any) -> str:
    """The sentence of an AccessDenied."""
    error = answer.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}, error
    return str(error["Message"])


def test_a_cloud_that_was_started_enforces(cloud: RunningCloud) -> None:
    nobody = person_may(cloud, {"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    for service, operation in (
        ("cloudwatch", "list_metrics"),
        ("lambda", "list_functions"),
        ("s3", "list_buckets"),
        ("sagemaker", "list_models"),
        ("sqs", "list_queues"),
    ):
        client = nobody.client(service)
        if service == "s3":
            client.list_buckets()
            continue
        with pytest.raises(ClientError) as answer:
            getattr(client, operation)()
        assert "is not authorized to perform" in denied(answer)


def test_the_folders_key_is_an_administrators(cloud: RunningCloud) -> None:
    assert cloud.client("sts").get_caller_identity()["Arn"] == PERSON
    cloud.client("iam").list_users()


@pytest.mark.parametrize("key", ["test", ACCOUNT])
def test_well_known_keys_are_nobodys(cloud: RunningCloud, key: str) -> None:
    client = boto3.client(
        "sqs",
        endpoint_url=cloud.endpoint.url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        client.list_queues()


def test_whoever_creates_a_pipeline_is_named_in_it(cloud: RunningCloud) -> None:
    name, text = unique("mine"), definition(halt())
    role = person_may(cloud, {"Action": ["sagemaker:*", "iam:PassRole"], "Resource": "*"})
    role.client("sagemaker").create_pipeline(
        PipelineName=name, RoleArn=ROLE, PipelineDefinition=text
    )
    described = cloud.client("sagemaker").describe_pipeline(PipelineName=name)
    creator = described["CreatedBy"]["IamIdentity"]["Arn"]
    assert creator == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/test"
    cloud.client("sagemaker").update_pipeline(PipelineName=name, PipelineDefinition=text)
    described = cloud.client("sagemaker").describe_pipeline(PipelineName=name)
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"] == PERSON


def test_a_list_is_allowed_for_its_prefix_only_and_both_are_recorded(
    cloud: RunningCloud, bucket: str
) -> None:
    condition = {"StringLike": {"s3:prefix": "raw/*"}}
    arn = f"arn:aws:s3:::{bucket}"
    role = person_may(
        cloud,
        {"Sid": "List", "Action": "s3:ListBucket", "Resource": arn, "Condition": condition},
    )
    s3 = role.client("s3")
    s3.list_objects_v2(Bucket=bucket, Prefix="raw/2013")
    with pytest.raises(ClientError) as answer:
        s3.list_objects_v2(Bucket=bucket, Prefix="other/")
    sentence = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/test is not authorized to "
        f'perform: s3:ListBucket on resource: "{arn}" because no identity-based policy allows '
        "the s3:ListBucket action"
    )
    assert denied(answer) == sentence
    refused, allowed = role.decisions()
    assert (allowed.policy, allowed.statement, allowed.count) == ("permissions", "List", 1)
    assert refused.message == sentence
    assert refused.missing_statement() == {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": arn,
        "Condition": {"StringLike": {"s3:prefix": "other/"}},
    }


def test_a_boundary_and_a_session_policy_are_named_when_they_are_the_reason(
    cloud: RunningCloud, bucket: str
) -> None:
    role = person_may(cloud, {"Action": "s3:*", "Resource": "*"})
    narrow = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [narrow]})
    with pytest.raises(ClientError) as answer:
        role.client("s3", Policy=document).list_objects_v2(Bucket=bucket)
    assert denied(answer).endswith("because no session policy allows the s3:ListBucket action")
    iam = cloud.client("iam")
    boundary = iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=document)
    iam.put_role_permissions_boundary(
        RoleName=role.name, PermissionsBoundary=boundary["Policy"]["Arn"]
    )
    with pytest.raises(ClientError) as answer:
        role.client("s3").list_objects_v2(Bucket=bucket)
    assert denied(answer).endswith(
        "because no permissions boundary allows the s3:ListBucket action"
    )


def test_an_objects_key_has_to_be_allowed_too(
    cloud: RunningCloud, bucket: str, key_arn: str
) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key_arn
    cloud.client("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    objects = {"Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    role = person_may(cloud, objects)
    with pytest.raises(ClientError) as answer:
        role.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    assert f"kms:GenerateDataKey on resource: {key_arn}" in denied(answer)
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    role.allow(objects, {"Action": "kms:GenerateDataKey", "Resource": key_arn, "Condition": via})
    role.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    with pytest.raises(ClientError) as answer:
        role.client("s3").get_object(Bucket=bucket, Key="a")
    assert f"kms:Decrypt on resource: {key_arn}" in denied(answer)


def test_a_copy_reads_with_the_key_of_its_source(
    cloud: RunningCloud, bucket: str, key_arn: str
) -> None:
    cloud.client("s3").put_object(
        Bucket=bucket, Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
    )
    objects = {"Action": ["s3:PutObject", "s3:GetObject*"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    role = person_may(cloud, objects)
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    with pytest.raises(ClientError) as answer:
        role.client("s3").copy_object(**copy)
    assert f"kms:Decrypt on resource: {key_arn}" in denied(answer)


def test_an_upload_in_parts_reads_them_again(
    cloud: RunningCloud, bucket: str, key_arn: str
) -> None:
    role = person_may(
        cloud,
        {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Action": "kms:GenerateDataKey", "Resource": key_arn},
    )
    s3 = role.client("s3")
    place = {"Bucket": bucket, "Key": "big"}
    upload = s3.create_multipart_upload(
        **place, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
    )
    with pytest.raises(ClientError) as answer:
        s3.upload_part(**place, UploadId=upload["UploadId"], PartNumber=1, Body=b"x")
    assert f"kms:Decrypt on resource: {key_arn}" in denied(answer)


def test_a_grant_of_a_key_allows_what_it_grants(
    cloud: RunningCloud, bucket: str, key_arn: str
) -> None:
    cloud.client("s3").put_object(
        Bucket=bucket, Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
    )
    role = person_may(cloud, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    s3 = role.client("s3")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="a")
    cloud.client("kms").create_grant(
        KeyId=key_arn, GranteePrincipal=role.arn, Operations=["Decrypt"]
    )
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"


def test_a_queues_key_has_to_be_allowed_to_its_sender(cloud: RunningCloud, key_arn: str) -> None:
    name = unique("queue")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key_arn})[
        "QueueUrl"
    ]
    send = {"Action": "sqs:SendMessage", "Resource": arn}
    role = person_may(cloud, send)
    with pytest.raises(ClientError) as answer:
        role.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert f"kms:GenerateDataKey on resource: {key_arn}" in denied(answer)
    role.allow(send, {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key_arn})
    role.client("sqs").send_message(QueueUrl=url, MessageBody="x")


def test_every_alarm_of_a_request_has_to_be_allowed(cloud: RunningCloud) -> None:
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm"
    role = person_may(cloud, {"Action": "cloudwatch:DescribeAlarms", "Resource": f"{alarm}:mine"})
    cloudwatch = role.client("cloudwatch")
    cloudwatch.describe_alarms(AlarmNames=["mine"])
    with pytest.raises(ClientError) as answer:
        cloudwatch.describe_alarms(AlarmNames=["mine", "theirs"])
    assert f"{alarm}:theirs" in denied(answer)


def test_the_namespace_of_a_metric_is_a_condition(cloud: RunningCloud) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": "Ratchet"}}
    role = person_may(
        cloud, {"Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": condition}
    )
    cloudwatch = role.client("cloudwatch")
    datum = {"MetricName": "m", "Value": 1}
    cloudwatch.put_metric_data(Namespace="Ratchet", MetricData=[datum])
    with pytest.raises(ClientError) as answer:
        cloudwatch.put_metric_data(Namespace="Other", MetricData=[datum])
    assert "cloudwatch:PutMetricData" in denied(answer)


def test_tags_of_sagemakers_resources_are_conditions(cloud: RunningCloud) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique("tagged")
    for suffix, project in (("a", "flights"), ("b", "other")):
        sagemaker.create_model_package_group(
            ModelPackageGroupName=f"{name}-{suffix}", Tags=[{"Key": "project", "Value": project}]
        )
    condition = {"StringEquals": {"aws:ResourceTag/project": "flights"}}
    role = person_may(
        cloud,
        {
            "Action": "sagemaker:DescribeModelPackageGroup",
            "Resource": "*",
            "Condition": condition,
        },
    )
    client = role.client("sagemaker")
    client.describe_model_package_group(ModelPackageGroupName=f"{name}-a")
    with pytest.raises(ClientError) as answer:
        client.describe_model_package_group(ModelPackageGroupName=f"{name}-b")
    assert f"model-package-group/{name}-b" in denied(answer)


# --- roles that are handed to services ------------------------------------------------------------


def test_a_schedule_needs_the_permission_to_pass_its_role(cloud: RunningCloud) -> None:
    passed = service_may(cloud, "scheduler", {"Action": "sqs:SendMessage", "Resource": "*"})
    create_only = {"Action": "scheduler:CreateSchedule", "Resource": "*"}
    role = person_may(cloud, create_only)
    _, arn = queue(cloud)
    request = {**SCHEDULE, "Name": unique("s"), "Target": {"Arn": arn, "RoleArn": passed.arn}}
    with pytest.raises(ClientError) as answer:
        role.client("scheduler").create_schedule(**request)
    assert f"iam:PassRole on resource: {passed.arn}" in denied(answer)
    condition = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    role.allow(
        create_only,
        {"Action": "iam:PassRole", "Resource": passed.arn, "Condition": condition},
    )
    role.client("scheduler").create_schedule(**request)


def test_a_service_takes_no_role_that_does_not_trust_it(cloud: RunningCloud) -> None:
    role = service_may(cloud, "sagemaker", {"Action": "*", "Resource": "*"})
    _, arn = queue(cloud)
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume"):
        cloud.client("scheduler").create_schedule(
            **SCHEDULE, Name=unique("s"), Target={"Arn": arn, "RoleArn": role.arn}
        )
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        cloud.client("lambda").create_function(
            FunctionName=unique("f"),
            Runtime="python3.11",
            Role=role.arn,
            Handler="index.handler",
            Code={"ZipFile": b"PK"},
        )


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "rate(2 minute)", "rate(0 hours)"])
def test_a_rate_is_in_the_grammar_of_aws(cloud: RunningCloud, expression: str) -> None:
    _, arn = queue(cloud)
    request = {**SCHEDULE, "ScheduleExpression": expression, "Name": unique("s")}
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        cloud.client("scheduler").create_schedule(**request, Target={"Arn": arn, "RoleArn": ROLE})
    with pytest.raises(ClientError, match="ScheduleExpression is not valid"):
        cloud.client("events").put_rule(Name=unique("r"), ScheduleExpression=expression)


# --- deliveries without a caller ------------------------------------------------------------------


def rule_to(cloud: RunningCloud, target: Mapping[str, Any]) -> str:
    """A rule for events of a source of its own; the source is its name."""
    name, events = unique("rule"), cloud.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])
    return name


def send_event(cloud: RunningCloud, source: str) -> None:
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps({"n": 1})}
    cloud.client("events").put_events(Entries=[entry])


def failed_invocations(cloud: RunningCloud, rule: str) -> float:
    now = time.time()
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events",
        MetricName="FailedInvocations",
        Dimensions=[{"Name": "RuleName", "Value": rule}],
        StartTime=now - 600,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_a_refused_delivery_is_counted_and_goes_to_the_dead_letters(cloud: RunningCloud) -> None:
    refusing_url, refusing = queue(cloud)
    dead_url, dead = queue(cloud, "events")
    rule = rule_to(cloud, {"Arn": refusing, "DeadLetterConfig": {"Arn": dead}})
    send_event(cloud, rule)
    sqs = cloud.client("sqs")
    [letter] = until(
        lambda: sqs.receive_message(
            QueueUrl=dead_url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages"),
        10,
    )
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == refusing
    assert attributes["RULE_ARN"].endswith(f"rule/{rule}")
    assert "sqs:SendMessage" in attributes["ERROR_MESSAGE"]
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    until(lambda: failed_invocations(cloud, rule) == 1, 10)
    assert "Messages" not in sqs.receive_message(QueueUrl=refusing_url)


def test_a_queue_may_name_the_rule_that_it_takes_events_of(cloud: RunningCloud) -> None:
    url, arn = queue(cloud)
    policy = senders(arn, "events")
    mine = rule_to(cloud, {"Arn": arn})
    other = rule_to(cloud, {"Arn": arn})
    source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{mine}"
    policy["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": source}}
    cloud.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps(policy)}
    )
    send_event(cloud, other)
    send_event(cloud, mine)
    [event] = messages(cloud, url, 1)
    assert event["source"] == mine


def test_events_reach_no_queue_whose_key_does_not_let_them(
    cloud: RunningCloud, key_arn: str
) -> None:
    url, arn = queue(cloud, "events")
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": key_arn})
    rule = rule_to(cloud, {"Arn": arn})
    send_event(cloud, rule)
    until(lambda: failed_invocations(cloud, rule) == 1, 10)
    kms = cloud.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=json.dumps(policy))
    send_event(cloud, rule)
    assert messages(cloud, url, 1)[0]["source"] == rule


def test_a_rule_starts_a_pipeline_with_the_role_of_its_target(cloud: RunningCloud) -> None:
    sagemaker, name = cloud.client("sagemaker"), unique("started")
    sagemaker.create_pipeline(
        PipelineName=name, RoleArn=ROLE, PipelineDefinition=definition(halt())
    )
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{name}"
    role = service_may(cloud, "events", {"Action": "sagemaker:Describe*", "Resource": "*"})
    rule = rule_to(cloud, {"Arn": arn, "RoleArn": role.arn})
    send_event(cloud, rule)
    until(lambda: failed_invocations(cloud, rule) == 1, 10)
    role.allow({"Action": "sagemaker:StartPipelineExecution", "Resource": arn})
    send_event(cloud, rule)
    until(
        lambda: sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    )
    [refused, allowed] = sorted(role.decisions(), key=lambda decision: decision.allowed)
    assert (refused.allowed, allowed.allowed) == (False, True)


def test_an_alarm_reaches_its_topic_if_topic_and_key_let_it(
    cloud: RunningCloud, key_arn: str
) -> None:
    sns, cloudwatch = cloud.client("sns"), cloud.client("cloudwatch")
    topic = sns.create_topic(Name=unique("t"), Attributes={"KmsMasterKeyId": key_arn})["TopicArn"]
    url, arn = queue(cloud, "sns")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    alarm = unique("alarm")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace=alarm,
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )

    def ring() -> None:
        for state in ("OK", "ALARM"):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="test")

    ring()
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)
    kms = cloud.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    )
    kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=json.dumps(policy))
    ring()
    [notice] = messages(cloud, url, 1)
    assert json.loads(notice["Message"])["AlarmName"] == alarm


def test_a_function_reads_a_queue_only_with_the_permissions_to(cloud: RunningCloud) -> None:
    _, arn = queue(cloud)
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
    function = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                },
                "Policies": [
                    {
                        "PolicyName": "read",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": {"Effect": "Allow", "Action": read, "Resource": arn},
                        },
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context): ..."},
            },
        },
    }
    name = unique("reader")
    template = {"Resources": function, "Outputs": {"F": {"Value": {"Ref": "Function"}}}}
    assert create(cloud, name, template) == "CREATE_COMPLETE"
    stack = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    with pytest.raises(ClientError, match="permissions to call GetQueueAttributes on SQS"):
        cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=arn, FunctionName=stack["Outputs"][0]["OutputValue"]
        )


# --- restarts -------------------------------------------------------------------------------------


def test_a_session_and_the_records_outlive_a_restart(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    role = person_may(cloud, {"Action": "sqs:ListQueues", "Resource": "*"})
    client = role.client("sqs")
    client.list_queues()
    port = int(cloud.endpoint.url.rsplit(":", 1)[1])
    control.down(cloud.folder)
    again = control.up(cloud.folder, region=REGION, port=port)
    assert again.keys == cloud.endpoint.keys
    client.list_queues()
    assert sum(decision.count for decision in role.decisions()) == 2
