"""The queue for events that could not be delivered or handled, and its alarm."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.functions.event_queue import EventQueue
from ratchet_cdk.permissions.acknowledged import acknowledge

TWO_WEEKS = 14 * 24 * 60 * 60  # the longest that SQS keeps a message


class DeadLetters(Construct):
    """A queue that keeps messages for two weeks, and an alarm for as long as it holds one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        topic: Notifications | None = None,
    ) -> None:
        """
        Args:
            name: of what could not handle the messages.
            topic: the alarm publishes to it itself, because nobody else could.
        """
        super().__init__(scope, construct_id)
        self.queue = EventQueue(self, "Queue", retention_seconds=TWO_WEEKS)
        acknowledge(self.queue, {"AwsSolutions-SQS3": "It is the dead-letter queue."})
        self.alarm_name = dead_letters_alarm(settings, name)
        self._alarm(f"{settings.prefix}: {name} could not handle an event", topic)

    def _alarm(self, description: str, topic: Notifications | None) -> None:
        topics = [topic.arn] if topic else None
        cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=self.alarm_name,
            alarm_description=description,
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=[{"name": "QueueName", "value": self.queue.name}],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=topics,
            ok_actions=topics,
        )


def dead_letters_alarm(settings: Settings, name: str) -> str:
    """The name of the alarm on the dead letters of `name`."""
    return settings.alarm_name(f"{name}-dead-letters")
