"""Where the loop calls for a person."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class Notifications(Construct):
    """An encrypted topic that alarms of this account may publish to, and perhaps a mailbox."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.Key, email: str | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self._let_alarms_publish(key)
        if email:
            sns.CfnSubscription(
                self, "Email", topic_arn=self.topic.topic_arn, protocol="email", endpoint=email
            )

    def alarm_when_not_empty(
        self, scope: Construct, construct_id: str, *, queue: sqs.IQueue, description: str
    ) -> cloudwatch.CfnAlarm:
        """Raises the alarm as long as the queue holds a message."""
        return cloudwatch.CfnAlarm(
            scope,
            construct_id,
            alarm_description=description,
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name="QueueName", value=queue.queue_name)
            ],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic.topic_arn],
            ok_actions=[self.topic.topic_arn],
        )

    def _let_alarms_publish(self, key: kms.Key) -> None:
        """A topic with a policy of its own, and a customer key, need both said:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        """
        account = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        cloudwatch_service = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[cloudwatch_service],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=account,
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublishEncrypted",
                principals=[cloudwatch_service],
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=["*"],  # in a key's policy: this key
                conditions=account,
            )
        )
