"""The version that serves: the one in the Serving stack, and the one the endpoint really runs.

The two can differ: SageMaker can roll an endpoint back and report InService on the model before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ratchet.deployment.target.environment import Target
from ratchet.deployment.target.facts import parameter_value
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.facts import CHAMPION_FACT
from ratchet.loop.versions import model_behind, number_of, package_behind

IN_SERVICE = "InService"


@dataclass(frozen=True, kw_only=True)
class LiveEndpoint:
    """An endpoint as it is now."""

    status: str
    config: str
    package_arn: str
    """The model package behind the endpoint's config; empty when its model is of no package."""
    since: datetime | None = None
    """When its status last changed."""
    failure: str = ""
    instances: int | None = None

    @property
    def version(self) -> int | None:
        return number_of(self.package_arn)


def deployed_arn(target: Target) -> str:
    """The model package that the Serving stack has deployed; empty when there is none."""
    value = (parameter_value(target, target.settings.parameter(CHAMPION_FACT)) or "").strip()
    return "" if value == names.NONE else value


def live(target: Target, endpoint: str) -> LiveEndpoint | None:
    """The endpoint and the model package behind it; None when there is no such endpoint."""
    from botocore.exceptions import ClientError

    sagemaker = target.client("sagemaker")
    try:
        description = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as answer:
        if says_missing(answer):
            return None
        raise
    variants = description.get("ProductionVariants") or [{}]
    return LiveEndpoint(
        status=description["EndpointStatus"],
        config=description.get("EndpointConfigName", ""),
        package_arn=_package_of(sagemaker, description.get("EndpointConfigName", "")),
        since=description.get("LastModifiedTime"),
        failure=description.get("FailureReason", ""),
        instances=variants[0].get("CurrentInstanceCount"),
    )


def _package_of(sagemaker: Any, config: str) -> str:
    """The model package of an endpoint config; empty when it is gone by now, or several serve."""
    from botocore.exceptions import ClientError

    if not config:
        return ""
    try:
        model = model_behind(sagemaker.describe_endpoint_config(EndpointConfigName=config))
        if model == names.NONE:
            return ""
        package_arn = package_behind(sagemaker.describe_model(ModelName=model))
    except ClientError as answer:
        if says_missing(answer):
            return ""
        raise
    return "" if package_arn == names.NONE else package_arn
