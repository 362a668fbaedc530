"""The permissions that a request to Bedrock needs.

Resources are those of the service authorization reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ratchet.local_cloud.bedrock.calls import invocation_needs, resources
from ratchet.local_cloud.sagemaker.authorisation import Need, pass_role
from ratchet.local_cloud.sagemaker.store import AccountScope

Request = Mapping[str, Any]

SERVICE = "bedrock.amazonaws.com"
SUBSCRIBE = "aws-marketplace:Subscribe"


def _model(scope: AccountScope, request: Request) -> list[str]:
    return resources(scope, str(request["modelId"]))


def _model_named(scope: AccountScope, request: Request) -> list[str]:
    return resources(scope, str(request["modelIdentifier"]))


def _profile(scope: AccountScope, request: Request) -> list[str]:
    name = str(request["inferenceProfileIdentifier"])
    is_arn = name.startswith("arn:")
    return [name if is_arn else scope.of_service("bedrock", f"inference-profile/{name}")]


def _job(scope: AccountScope, request: Request) -> list[str]:
    name = str(request["jobIdentifier"]).rpartition("/")[2]
    return [scope.of_service("bedrock", f"model-invocation-job/{name}")]


def _any(scope: AccountScope, request: Request) -> list[str]:
    return ["*"]


RESOURCES: Mapping[str, Callable[[AccountScope, Request], list[str]]] = {
    "CountTokens": _model,
    "CreateFoundationModelAgreement": _any,
    "CreateModelInvocationJob": _model,
    "DeleteFoundationModelAgreement": _any,
    "GetFoundationModel": _model_named,
    "GetFoundationModelAvailability": _any,
    "GetInferenceProfile": _profile,
    "GetModelInvocationJob": _job,
    "ListFoundationModelAgreementOffers": _any,
    "ListFoundationModels": _any,
    "ListInferenceProfiles": _any,
    "ListModelInvocationJobs": _any,
    "StopModelInvocationJob": _job,
}
_INVOCATIONS = ("Converse", "InvokeModel")
"""Both need ``bedrock:InvokeModel``."""


def needs(scope: AccountScope, operation: str, request: Request) -> Iterator[Need]:
    """What a request needs. Raises KeyError for an operation that has no row."""
    if operation in _INVOCATIONS:
        yield from invocation_needs(scope, str(request["modelId"]))
        return
    for resource in RESOURCES[operation](scope, request):
        yield Need(f"bedrock:{operation}", resource)
    if operation == "CreateFoundationModelAgreement":
        # https://docs.aws.amazon.com/bedrock/latest/userguide/model-access-permissions.html
        yield Need(SUBSCRIBE, "*")
    if operation == "CreateModelInvocationJob":
        yield pass_role(str(request["roleArn"]), SERVICE)
        if request.get("tags"):
            yield Need("bedrock:TagResource", scope.of_service("bedrock", "model-invocation-job/*"))
