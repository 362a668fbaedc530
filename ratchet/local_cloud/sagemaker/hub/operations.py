"""The operations on the public hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.errors import invalid, not_found
from ratchet.local_cloud.sagemaker.hub import documents
from ratchet.local_cloud.sagemaker.listing import Listing, page_of
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_LISTING = Listing(answer="HubContentSummaries", name="HubContentName")


def _list(api: Api, scope: AccountScope, request: Request) -> Answer:
    _check_hub(scope, request["HubName"])
    models = documents.MODELS if request["HubContentType"] == documents.CONTENT_TYPE else ()
    query = dict(request)
    if query.get("SortBy") == "HubContentName":
        query["SortBy"] = "Name"
    return page_of(_LISTING, [model.summary(scope.region) for model in models], query)


def _describe(api: Api, scope: AccountScope, request: Request) -> Answer:
    _check_hub(scope, request["HubName"])
    model = documents.model_named(request["HubContentName"])
    version = request.get("HubContentVersion")
    if (
        request["HubContentType"] != documents.CONTENT_TYPE
        or model is None
        or version not in (None, model.version)
    ):
        name = f"{request['HubContentName']}{f' version {version}' if version else ''}"
        raise not_found(f"HubContent {name} of hub {documents.HUB} does not exist.")
    return model.described(scope.region)


def check_access(scope: AccountScope, container: Request) -> None:
    """Raises ApiError for a container with a model of the hub whose licence nobody accepted, or
    for which there is no stand-in."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = source.get("S3Uri") or container.get("ModelDataUrl") or ""
    if not documents.is_of_hub(uri):
        return
    accepted = (source.get("ModelAccessConfig") or {}).get("AcceptEula") is True
    if documents.is_gated(uri) and not accepted:
        raise invalid(
            "The AcceptEula value must be explicitly defined as True in order to accept the "
            f'end-user license agreement (EULA) that this "{uri}" model requires. You are '
            "responsible for reviewing and complying with any applicable license terms and making "
            "sure they are acceptable for your use case before downloading or using a model."
        )
    if documents.model_at(uri, scope.region) is None:
        names = ", ".join(model.name for model in documents.MODELS)
        raise invalid(
            f"The local cloud has no stand-in for {uri}, only for the models of its hub: {names}. "
            "AWS itself has the model."
        )


def _check_hub(scope: AccountScope, name_or_arn: str) -> None:
    if name_or_arn not in (documents.HUB, documents.hub_arn(scope.region)):
        raise not_found(f"Hub {name_or_arn} does not exist. The local cloud has {documents.HUB}.")


OPERATIONS: dict[str, Handler] = {"ListHubContents": _list, "DescribeHubContent": _describe}
