"""CloudFormation types that a serving stack has and that nothing here acts on: kept on record.

Scaling targets and policies of endpoints (one process serves, whatever the number of instances),
and Slack channels of AWS Chatbot. Ref and GetAtt are those of the types' schemas.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.table import ENDPOINT

Properties = dict[str, Any]
Created = tuple[str, Properties]


def install(api: Api) -> None:
    """Teach MiniStack's CloudFormation the types."""
    _add(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        lambda _, properties: _scalable_target(api, properties),
        replaced_by=("ResourceId", "ScalableDimension", "ServiceNamespace"),
    )
    _add(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        _scaling_policy,
        replaced_by=(
            *("PolicyName", "ResourceId", "ScalableDimension"),
            *("ServiceNamespace", "ScalingTargetId"),
        ),
    )
    _add(
        "AWS::Chatbot::SlackChannelConfiguration",
        _slack_channel,
        replaced_by=("ConfigurationName",),
    )


def _add(
    kind: str, create: Callable[[str, Properties], Created], *, replaced_by: tuple[str, ...]
) -> None:
    def created(logical_id: str, properties: Properties, stack_name: str) -> Created:
        del stack_name
        return create(logical_id, properties)

    def updated(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
    ) -> Created:
        del old, stack_name
        return physical_id, create(logical_id, new)[1]

    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": created,
        "update": updated,
        "update_with_logical_id": True,
        "delete": lambda physical_id, properties: None,
    }
    provisioners._REPLACING_PROPERTIES[kind] = replaced_by


def _scalable_target(api: Api, properties: Properties) -> Created:
    resource = properties["ResourceId"]
    if properties["ServiceNamespace"] == "sagemaker" and resource.startswith("endpoint/"):
        name = resource.split("/")[1]
        if api.store.get(current_scope(), ENDPOINT.name, name) is None:
            raise ValueError(f"SageMaker endpoint {name} does not exist: {resource}")
    members = (resource, properties["ScalableDimension"], properties["ServiceNamespace"])
    physical_id = "|".join(members)
    return physical_id, {"Id": physical_id}


def _scaling_policy(logical_id: str, properties: Properties) -> Created:
    del logical_id
    parts = str(properties.get("ScalingTargetId") or "").split("|")
    resource = properties.get("ResourceId") or parts[0]
    namespace = properties.get("ServiceNamespace") or parts[-1]
    name = properties["PolicyName"]
    arn = (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{namespace}/{resource}:policyName/{name}"
    )
    return arn, {"Arn": arn}


def _slack_channel(logical_id: str, properties: Properties) -> Created:
    del logical_id
    name = properties["ConfigurationName"]
    arn = f"arn:aws:chatbot::{get_account_id()}:chat-configuration/slack-channel/{name}"
    return arn, {"Arn": arn}
