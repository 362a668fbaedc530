"""Models, endpoint configurations and endpoints, as records.

An endpoint is InService as soon as it is recorded: nothing serves it yet. Its references are
checked as SageMaker checks them, so a stack that names a missing model fails here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.errors import ApiError, invalid
from ratchet.local_cloud.sagemaker.store import Body, Scope
from ratchet.local_cloud.sagemaker.table import ENDPOINT, ENDPOINT_CONFIG, MODEL, MODEL_PACKAGE

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request


def _create_model(api: Api, scope: Scope, request: Request) -> Answer:
    containers = [*request.get("Containers", []), request.get("PrimaryContainer")]
    for container in filter(None, containers):
        package_arn = container.get("ModelPackageName")
        if package_arn is None:
            continue
        package = api.get(scope, MODEL_PACKAGE, package_arn)
        status = package.get("ModelApprovalStatus", "Approved")
        if status != "Approved":
            raise invalid(
                f"Model package {package_arn} is {status}: only an Approved version can be "
                "deployed. Approve it with UpdateModelPackage."
            )
    return api.create(scope, MODEL, request)


def _create_config(api: Api, scope: Scope, request: Request) -> Answer:
    for variant in request["ProductionVariants"]:
        if "ModelName" in variant:
            api.get(scope, MODEL, variant["ModelName"])
    return api.create(scope, ENDPOINT_CONFIG, request)


def _create_endpoint(api: Api, scope: Scope, request: Request) -> Answer:
    members = {**_deployed(api, scope, request), "EndpointStatus": "InService"}
    return api.create(scope, ENDPOINT, request, members)


def _update_endpoint(api: Api, scope: Scope, request: Request) -> Answer:
    return api.change(scope, ENDPOINT, request["EndpointName"], _deployed(api, scope, request))


def _deployed(api: Api, scope: Scope, request: Request) -> Body:
    """What an endpoint shows of the configuration that it runs."""
    config = api.get(scope, ENDPOINT_CONFIG, request["EndpointConfigName"])
    capture = config.get("DataCaptureConfig")
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": [_variant(variant) for variant in config["ProductionVariants"]],
        "DataCaptureConfig": _capture(capture) if capture else None,
        "LastDeploymentConfig": request.get("DeploymentConfig"),
        "DeploymentConfig": None,
    }


def _variant(variant: Body) -> Body:
    weight = variant.get("InitialVariantWeight", 1.0)
    shown: dict[str, Any] = {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
    count = variant.get("InitialInstanceCount")
    if count is not None:
        shown |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    if "ServerlessConfig" in variant:
        shown["CurrentServerlessConfig"] = variant["ServerlessConfig"]
    return shown


def _capture(config: Body) -> Body:
    enabled = config.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def refusal_of_invocation(api: Api, scope: Scope, endpoint: str) -> ApiError:
    """The answer to InvokeEndpoint, which nothing stands behind yet."""
    arn = api.get(scope, ENDPOINT, endpoint)["EndpointArn"]
    return ApiError(
        "ValidationError", f"The local cloud records endpoints and does not serve them: {arn}"
    )


OPERATIONS: dict[str, Handler] = {
    "CreateModel": _create_model,
    "CreateEndpointConfig": _create_config,
    "CreateEndpoint": _create_endpoint,
    "UpdateEndpoint": _update_endpoint,
}
