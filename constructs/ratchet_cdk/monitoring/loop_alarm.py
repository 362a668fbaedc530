"""The loop's own metrics, and alarms on them."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from ratchet.loop import names
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.permissions.narrow_role import NarrowRole


class LoopAlarm(Construct):
    """An alarm on a metric that the loop's functions put for this environment.

    Without data it stays as it is: it is raised by the first finding, and ends with the first
    look that finds nothing. So one continuous drift is one alarm, whoever hears of it. A metric
    that is put only while something is wrong has `missing_data="notBreaching"`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        kind: str,
        metric_name: str,
        description: str,
        missing_data: str = "ignore",
        topic: Notifications | None = None,
    ) -> None:
        """`topic`: the alarm publishes to it itself, and the messenger does not."""
        super().__init__(scope, construct_id)
        self.name = settings.alarm_name(kind)
        dimensions = names.dimensions(project=settings.loop, environment=settings.environment)
        cloudwatch.CfnAlarm(
            self,
            "Alarm",
            alarm_name=self.name,
            alarm_description=f"{settings.prefix}: {description}",
            namespace=names.NAMESPACE,
            metric_name=metric_name,
            dimensions=[{"name": name, "value": value} for name, value in dimensions.items()],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data=missing_data,
            alarm_actions=[topic.arn] if topic else None,
        )


def grant_put_metrics(role: NarrowRole, sid: str) -> None:
    """Puts metrics of the loop, in its namespace."""
    role.allow(
        sid,
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": names.NAMESPACE}},
        wildcard="The action knows no resource; the condition names the namespace.",
    )
