"""Settings that no environment of the project uses, but another team may."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.project import load
from ratchet.settings.retention import NotificationSettings
from ratchet.settings.schema import FeedbackSettings, MonitorSettings, TriggerSettings
from ratchet.settings.serving import EndpointSettings
from ratchet_cdk.foundation.code_bucket import CodeBucket
from tests.infra.assembly import STACKS, Template, context, loop_folder
from tests.infra.loops import add_loops


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """An environment in a named account, elsewhere, that mails somebody and starts nothing."""
    settings = dataclasses.replace(
        load("dev"),
        environment="elsewhere",
        account="111122223333",
        region="eu-west-1",
        image_uri="444455556666.dkr.ecr.eu-west-1.amazonaws.com/team/image:1",
        trigger=TriggerSettings(
            enabled=False, run_schedule="cron(0 6 ? * MON *)", timezone="Europe/Berlin"
        ),
        feedback=FeedbackSettings(enabled=False),
        endpoint=EndpointSettings(routing="linear", step_percent=25),
        monitor=MonitorSettings(engine="pipeline", schedule_hours=6),
        notifications=NotificationSettings(
            email="team@example.com", slack_workspace="T0123", slack_channel="C0456"
        ),
    )
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, [settings])
    app.synth()
    return {
        stack: json.loads(next(folder.rglob(f"*{stack}*.template.json")).read_text())
        for stack in STACKS
    }


def of_type(template: Template, kind: str) -> list[Template]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def test_a_named_account_stands_in_the_template(templates: dict[str, Template]) -> None:
    text = json.dumps(templates["Training"])
    assert "cdk-hnb659fds-assets-111122223333-eu-west-1" in text
    assert "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/flights-elsewhere-training" in text
    assert "AWS::AccountId" not in text


def test_the_image_may_be_in_another_account(templates: dict[str, Template]) -> None:
    text = json.dumps(templates["Training"])
    assert "arn:aws:ecr:eu-west-1:444455556666:repository/team/image" in text
    assert "sagemaker-xgboost" not in text


def test_a_mailbox_is_subscribed(templates: dict[str, Template]) -> None:
    (subscription,) = of_type(templates["Foundation"], "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "team@example.com")


def test_a_trigger_that_is_off_is_deployed_but_wakes_nobody(templates: dict[str, Template]) -> None:
    rules = of_type(templates["Training"], "AWS::Events::Rule")
    assert [rule["State"] for rule in rules] == ["DISABLED"] * 3


def test_a_schedule_tells_the_triggers_queue_its_time_in_its_zone(
    templates: dict[str, Template],
) -> None:
    (schedule,) = of_type(templates["Training"], "AWS::Scheduler::Schedule")
    assert schedule["Name"] == "flights-elsewhere-training"
    assert schedule["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["State"] == "DISABLED", "as the trigger itself"
    told = json.loads(schedule["Target"]["Input"])
    assert told == {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    queue = schedule["Target"]["Arn"]["Fn::GetAtt"][0]
    policies = of_type(templates["Training"], "AWS::IAM::Policy")
    (allowed,) = [
        statement
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == "TellTheTrigger"
    ]
    assert allowed["Action"] == ["sqs:SendMessage"]
    dead = schedule["Target"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
    assert [r["Fn::GetAtt"] for r in allowed["Resource"]] == [[queue, "Arn"], [dead, "Arn"]]


def test_a_channel_in_slack_hears_the_topic_and_runs_nothing(
    templates: dict[str, Template],
) -> None:
    (channel,) = of_type(templates["Foundation"], "AWS::Chatbot::SlackChannelConfiguration")
    assert (channel["SlackWorkspaceId"], channel["SlackChannelId"]) == ("T0123", "C0456")
    assert len(channel["SnsTopicArns"]) == 1
    assert channel["GuardrailPolicies"] == ["arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess"]


def test_feedback_that_is_off_only_tells_people(templates: dict[str, Template]) -> None:
    text = json.dumps(templates["Training"])
    assert "DRIFT_ALARMS" not in text
    assert "cloudwatch:DescribeAlarms" not in text
    functions = of_type(templates["Serving"], "AWS::Lambda::Function")
    (notify,) = [f for f in functions if f["Handler"].startswith("notify.")]
    assert notify["Environment"]["Variables"]["FEEDBACK_ENABLED"] == "false"


def test_the_engine_of_the_settings_is_the_one_that_promotions_start_with(
    templates: dict[str, Template],
) -> None:
    engine = templates["Serving"]["Parameters"]["MonitorEngine"]
    assert (engine["Default"], engine["AllowedValues"]) == (
        "pipeline",
        ["pipeline", "model-monitor"],
    )
    (schedule,) = of_type(templates["Serving"], "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(10 0/6 * * ? *)"


def test_traffic_may_move_in_equal_shares(templates: dict[str, Template]) -> None:
    (endpoint,) = of_type(templates["Serving"], "AWS::SageMaker::Endpoint")
    routing = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "LINEAR"
    assert routing["LinearStepSize"] == {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert "CanarySize" not in routing


def code_bucket(folder: Path, **flags: str) -> tuple[CodeBucket, cdk.Stack]:
    app = cdk.App(outdir=str(folder), context={**context(), **flags})
    stack = cdk.Stack(app, "S", env=cdk.Environment(region=load("dev").region))
    return CodeBucket(stack, settings=load("dev")), stack


def test_code_that_would_be_published_elsewhere_is_refused(tmp_path: Path) -> None:
    code, _ = code_bucket(tmp_path)
    code.name = "where-pipelines-look"
    with pytest.raises(ValueError, match=r"look for it at \['where-pipelines-look', '000"):
        code.publish(digest="0" * 64, suffix=".gz", write=Path.touch)


def test_another_bootstrap_qualifier_is_followed(tmp_path: Path) -> None:
    code, stack = code_bucket(tmp_path, **{"@aws-cdk/core:bootstrapQualifier": "team1"})
    assert code.publish(digest="0" * 64, suffix=".gz", write=Path.touch) == f"{'0' * 64}.gz"
    assert stack.resolve(code.name) == {"Fn::Sub": "cdk-team1-assets-${AWS::AccountId}-us-east-1"}


def test_an_environment_may_have_a_bootstrap_stack_of_its_own(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context=context(), analytics_reporting=False)
    add_loops(app, [dataclasses.replace(load("dev"), bootstrap_qualifier="team2")])
    app.synth()
    text = "".join(file.read_text() for file in loop_folder(tmp_path, "dev").glob("*.json"))
    assert "cdk-team2-assets-" in text
    assert "cdk-team2-deploy-role-" in text
    assert "/cdk-bootstrap/team2/version" in text
    assert "hnb659fds" not in text
