"""The topic for notices to people."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk.permissions.arns import EnvironmentArns
from ratchet_cdk.permissions.narrow_role import NarrowRole


class Notifications(Construct):
    """An encrypted topic that functions and alarms of this account may publish to.

    Perhaps a mailbox or a channel in Slack hears what it says.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.Key, settings: Settings
    ) -> None:
        super().__init__(scope, construct_id)
        self._key_arn = key.key_arn
        self._topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self.arn = self._topic.topic_arn
        self._let_alarms_publish(key)
        if settings.costs.monthly_budget_usd:
            self._let_budgets_publish(key, EnvironmentArns.of(settings))
        if email := settings.notifications.email:
            sns.CfnSubscription(self, "Email", topic_arn=self.arn, protocol="email", endpoint=email)
        self._slack(settings)

    def grant_publish(self, role: NarrowRole) -> None:
        """Publishes notices."""
        role.allow("TellPeople", actions=["sns:Publish"], resources=[self.arn])
        role.allow(
            "TellPeopleEncrypted",
            actions=["kms:GenerateDataKey", "kms:Decrypt"],
            resources=[self._key_arn],
        )

    def _slack(self, settings: Settings) -> None:
        """Amazon Q Developer in chat applications, which was AWS Chatbot, posts in one channel.

        Nobody runs commands from there: the role sees the alarms it posts about, and the guardrail
        would not let it do more.
        """
        slack = settings.notifications
        if slack.slack_workspace is None or slack.slack_channel is None:
            return
        role = NarrowRole(self, "SlackRole", service="chatbot.amazonaws.com")
        role.allow(
            "ShowAlarms",
            actions=["cloudwatch:DescribeAlarms"],
            resources=[EnvironmentArns.of(settings).alarm(f"{settings.prefix}-*")],
            wildcard="The alarms of this environment, which begin with its name.",
        )
        chatbot.CfnSlackChannelConfiguration(
            self,
            "Slack",
            # Another workspace replaces the configuration: CloudFormation makes the new one first,
            # which needs another name.
            configuration_name=f"{settings.prefix}-{slack.slack_workspace}",
            iam_role_arn=role.arn,
            slack_workspace_id=slack.slack_workspace,
            slack_channel_id=slack.slack_channel,
            sns_topic_arns=[self.arn],
            guardrail_policies=[
                f"arn:{EnvironmentArns.of(settings).partition}:iam::aws:policy/CloudWatchReadOnlyAccess"
            ],
            logging_level="ERROR",
        )

    def _let_alarms_publish(self, key: kms.Key) -> None:
        """A topic with a policy of its own needs this, and so does a customer key:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        """
        self._let_publish(key, "Alarms", "cloudwatch.amazonaws.com", {})

    def _let_budgets_publish(self, key: kms.Key, arns: EnvironmentArns) -> None:
        """https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html"""
        source = {"ArnLike": {"aws:SourceArn": arns.budget("*")}}
        self._let_publish(key, "Budgets", "budgets.amazonaws.com", source)

    def _let_publish(
        self, key: kms.Key, who: str, service: str, source: dict[str, dict[str, str]]
    ) -> None:
        """`source`: a further condition, beside the account."""
        account = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        principal = iam.ServicePrincipal(service)
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{who}Publish",
                principals=[principal],
                actions=["sns:Publish"],
                resources=[self.arn],
                conditions={**account, **source},
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"{who}PublishEncrypted",
                principals=[principal],
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=["*"],  # in a key's policy: this key
                conditions=account,
            )
        )
