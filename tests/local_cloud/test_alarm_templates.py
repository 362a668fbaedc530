"""Alarms, topics, rules and schedules from small templates, in a running local cloud."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.local_cloud.sagemaker_calls import REGION, ROLE, RunningCloud, definition, halt, until
from tests.local_cloud.small_stacks import ACCOUNT, create, messages, queue_policy, unique

pytestmark = pytest.mark.cloud


def alarm_template(metric: str) -> dict[str, Any]:
    """An alarm on a metric of one's own, told to a topic, a queue behind it, and a rule."""
    return {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Person": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "email",
                    "Endpoint": "someone@example.com",
                },
            },
            "Slack": {
                "Type": "AWS::Chatbot::SlackChannelConfiguration",
                "Properties": {
                    "ConfigurationName": "loop",
                    "IamRoleArn": ROLE,
                    "SlackChannelId": "C0123456789",
                    "SlackWorkspaceId": "T0123456789",
                    "SnsTopicArns": [{"Ref": "Topic"}],
                },
            },
            "Told": {"Type": "AWS::SQS::Queue"},
            "Seen": {"Type": "AWS::SQS::Queue"},
            "ToldPolicy": queue_policy("Told", "sns"),
            "SeenPolicy": queue_policy("Seen", "events"),
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "sqs",
                    "Endpoint": {"Fn::GetAtt": ["Told", "Arn"]},
                },
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "Namespace": "Ratchet",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "Project", "Value": "flights"}],
                    "Statistic": "Maximum",
                    "Period": 86400,
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                    "TreatMissingData": "notBreaching",
                    "AlarmActions": [{"Ref": "Topic"}],
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {
                        "source": ["aws.cloudwatch"],
                        "detail-type": ["CloudWatch Alarm State Change"],
                        "resources": [{"Fn::GetAtt": ["Alarm", "Arn"]}],
                        "detail": {"state": {"value": ["ALARM"]}},
                    },
                    "Targets": [{"Id": "q", "Arn": {"Fn::GetAtt": ["Seen", "Arn"]}}],
                },
            },
        },
        "Outputs": {
            "Told": {"Value": {"Ref": "Told"}},
            "Seen": {"Value": {"Ref": "Seen"}},
            "Alarm": {"Value": {"Ref": "Alarm"}},
        },
    }


def outputs(cloud: RunningCloud, name: str) -> dict[str, str]:
    stack = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_an_alarm_tells_its_topic_and_its_rule(cloud: RunningCloud) -> None:
    name, metric = unique("alarm"), unique("Drift")
    assert create(cloud, name, alarm_template(metric)) == "CREATE_COMPLETE"
    made = outputs(cloud, name)
    cloudwatch = cloud.client("cloudwatch")

    def put(project: str) -> None:
        dimensions = [{"Name": "Project", "Value": project}]
        datum = {"MetricName": metric, "Dimensions": dimensions, "Value": 2.0}
        cloudwatch.put_metric_data(Namespace="Ratchet", MetricData=[datum])

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[made["Alarm"]])["MetricAlarms"]
        value: str = alarm["StateValue"]
        return value

    until(lambda: state() == "OK", 5)  # no data is not breaching
    put("another")
    time.sleep(0.6)
    assert state() == "OK", "the metric of another project is another metric"
    put("flights")
    until(lambda: state() == "ALARM", 5)
    (event,) = messages(cloud, made["Seen"], 1)
    assert event["detail"]["alarmName"] == made["Alarm"]
    assert event["detail"]["previousState"]["value"] == "OK"
    (notice,) = messages(cloud, made["Told"], 1)
    assert json.loads(notice["Message"])["NewStateValue"] == "ALARM"
    cloudwatch.set_alarm_state(
        AlarmName=made["Alarm"], StateValue="OK", StateReason="by hand", StateReasonData="{}"
    )
    time.sleep(0.6)
    assert state() == "OK", "what was set by hand holds for a while"


@pytest.mark.parametrize("universal", [False, True])
def test_a_schedule_starts_a_pipeline(cloud: RunningCloud, universal: bool) -> None:
    name = unique("scheduled")
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_pipeline(
        PipelineName=name, RoleArn=ROLE, PipelineDefinition=definition(halt(), Reason="none")
    )
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{name}"
    parameters = [{"Name": "Reason", "Value": "schedule"}]
    target: dict[str, Any] = {
        "Arn": arn,
        "RoleArn": ROLE,
        "SageMakerPipelineParameters": {"PipelineParameterList": parameters},
    }
    if universal:
        request = {"PipelineName": name, "PipelineParameters": parameters}
        target = {
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
            "RoleArn": ROLE,
            "Input": json.dumps(request),
        }
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 1))
    schedule = {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "ScheduleExpression": f"at({at})",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        },
    }
    assert create(cloud, name, {"Resources": {"Schedule": schedule}}) == "CREATE_COMPLETE"

    def started() -> Any:
        listed = sagemaker.list_pipeline_executions(PipelineName=name)
        return listed["PipelineExecutionSummaries"]

    (execution,) = until(started, 15)
    given = sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert given == parameters


def test_a_schedule_tells_its_time_by_the_clocks_of_its_zone(cloud: RunningCloud) -> None:
    """Both are due now where they are; in UTC one would be long over and one hours away."""
    name = unique("zones")
    zones = ("Asia/Tokyo", "America/New_York")

    def schedule(zone: str) -> dict[str, Any]:
        local = datetime.now(ZoneInfo(zone)) - timedelta(seconds=1)
        return {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Name": f"{name}-{zone.partition('/')[2]}",
                "ScheduleExpression": f"at({local:%Y-%m-%dT%H:%M:%S})",
                "ScheduleExpressionTimezone": zone,
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Fn::GetAtt": ["Told", "Arn"]},
                    "RoleArn": ROLE,
                    "Input": json.dumps({"scheduled_time": "<aws.scheduler.scheduled-time>"}),
                },
            },
        }

    before = datetime.now(UTC) - timedelta(seconds=2)
    template = {
        "Resources": {
            "Told": {"Type": "AWS::SQS::Queue"},
            **{f"In{n}": schedule(zone) for n, zone in enumerate(zones)},
        },
        "Outputs": {"Told": {"Value": {"Ref": "Told"}}},
    }
    assert create(cloud, name, template) == "CREATE_COMPLETE"
    told = messages(cloud, outputs(cloud, name)["Told"], 2)
    times = [datetime.fromisoformat(message["scheduled_time"]) for message in told]
    assert all(before <= at <= datetime.now(UTC) for at in times), times
    kept = cloud.client("scheduler").get_schedule(Name=f"{name}-Tokyo")
    assert kept["ScheduleExpressionTimezone"] == "Asia/Tokyo"
