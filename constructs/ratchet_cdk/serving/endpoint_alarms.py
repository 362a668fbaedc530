"""The alarms that make SageMaker go back to the old model while a new one takes over."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.loop import names
from ratchet.settings.schema import Settings
from ratchet_cdk.serving.promotion import Promotion

KINDS = ("endpoint-5xx", "endpoint-4xx", "endpoint-latency")


class EndpointAlarms(Construct):
    """Failed requests, refused requests and slow answers of the instances that serve one endpoint
    configuration: the new ones during an update, those that serve after it.

    Metrics of the endpoint as a whole would count the old instances too, and then a champion that
    errs would stop the very update that replaces it:
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        promotion: Promotion,
        config: sagemaker.CfnEndpointConfig,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._promotion = promotion
        self._config = config
        self.names = [self._failed(), self._refused(), self._slow()]

    def _failed(self) -> str:
        limit = self._settings.endpoint.max_5xx
        return self._alarm(
            "Failed",
            KINDS[0],
            f"more than {limit} requests failed (5xx) in a minute",
            metric_name="Invocation5XXErrors",
            statistic="Sum",
            threshold=limit,
        )

    def _refused(self) -> str:
        limit = self._settings.endpoint.max_4xx
        return self._alarm(
            "Refused",
            KINDS[1],
            f"more than {limit} requests were refused (4xx) in a minute",
            metric_name="Invocation4XXErrors",
            statistic="Sum",
            threshold=limit,
        )

    def _slow(self) -> str:
        milliseconds = self._settings.endpoint.max_latency_ms
        return self._alarm(
            "Slow",
            KINDS[2],
            f"the slowest 1 % of answers took the model over {milliseconds} ms",
            metric_name="ModelLatency",
            extended_statistic="p99",
            threshold=milliseconds * 1000,  # the metric is in microseconds
            evaluation_periods=2,
        )

    def _alarm(
        self,
        construct_id: str,
        kind: str,
        description: str,
        *,
        evaluation_periods: int = 1,
        **properties: Any,
    ) -> str:
        """Returns the alarm's name as a reference: resources that use it wait for the alarm."""
        dimensions = {
            "EndpointName": self._settings.endpoint_name,
            "VariantName": names.VARIANT,
            "EndpointConfigName": self._config.attr_endpoint_config_name,
        }
        alarm = cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=self._settings.alarm_name(kind),
            alarm_description=f"{self._settings.prefix}: {description}",
            namespace="AWS/SageMaker",
            dimensions=[{"name": name, "value": value} for name, value in dimensions.items()],
            period=60,
            evaluation_periods=evaluation_periods,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            **properties,
        )
        self._promotion.when_champion(alarm)
        return alarm.ref
