"""Where events end that could not be delivered or handled, and the alarm that says so."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from config.settings import Settings
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.permissions.acknowledged import acknowledge


class DeadLetters(Construct):
    """A queue that keeps messages for two weeks, and an alarm for as long as it holds one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        told_directly: Notifications | None = None,
    ) -> None:
        """`name`: of what could not handle them. `told_directly`: the alarm goes to the topic by
        itself, because nobody else could say it."""
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(self.queue, {"AwsSolutions-SQS3": "It is the dead-letter queue."})
        self.alarm_name = dead_letters_alarm(settings, name)
        topic = [told_directly.topic.topic_arn] if told_directly else None
        cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=self.alarm_name,
            alarm_description=f"{settings.prefix}: {name} could not handle an event",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name="QueueName", value=self.queue.queue_name)
            ],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=topic,
            ok_actions=topic,
        )


def dead_letters_alarm(settings: Settings, name: str) -> str:
    """The name of the alarm on the dead letters of `name`."""
    return settings.alarm_name(f"{name}-dead-letters")


def let_rules_send(queue: sqs.Queue, rules: Sequence[events.CfnRule]) -> None:
    """These rules, and no others, put events into the queue."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="RulesSend",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
        )
    )
