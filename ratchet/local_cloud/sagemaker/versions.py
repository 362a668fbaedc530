"""Versions of pipelines: each update makes one, and any of them can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.errors import not_found
from ratchet.local_cloud.sagemaker.listing import Listing, page_of
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import PIPELINE

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_KIND = "PipelineVersion"
_LISTING = Listing(answer="PipelineVersionSummaries", name="PipelineVersionId", descending=True)
_SET_BY_UPDATE = ("PipelineVersionDisplayName", "PipelineVersionDescription")


def keep(api: Api, scope: AccountScope, pipeline: Body) -> None:
    """Write down a pipeline as it is now as its current version."""
    name, number = pipeline["PipelineName"], pipeline["Version"]
    body = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineVersionId": number,
        "CreationTime": pipeline["LastModifiedTime"],
        "Definition": pipeline["Definition"],
    }
    api.store.put(scope, _KIND, f"{name}/{number}", body, parent=name)


def chosen(api: Api, scope: AccountScope, request: Request) -> Body:
    """The pipeline that a request names, with the definition of the version that it names."""
    pipeline = api.get(scope, PIPELINE, request["PipelineName"])
    if "PipelineVersionId" not in request:
        return {**pipeline, **_summary(api, scope, pipeline, pipeline["Version"])}
    number = request["PipelineVersionId"]
    version = _existing(api, scope, pipeline, number)
    summary = _summary(api, scope, pipeline, number)
    return {**pipeline, "Definition": version["Definition"], "Version": number, **summary}


def started(api: Api, scope: AccountScope, execution: Body) -> None:
    """Note the newest execution of a version."""
    key = f"{execution['PipelineName']}/{execution['PipelineVersionId']}"
    if api.store.get(scope, _KIND, key):
        arn = execution["PipelineExecutionArn"]
        api.store.update(scope, _KIND, key, {"LastExecutionPipelineExecutionArn": arn})


def forget(api: Api, scope: AccountScope, pipeline: Body) -> None:
    """Remove the versions of a pipeline that is removed."""
    for body in api.store.all(scope, _KIND, parent=pipeline["PipelineName"]):
        key = f"{pipeline['PipelineName']}/{body['PipelineVersionId']}"
        api.store.delete(scope, _KIND, key)


def _summary(api: Api, scope: AccountScope, pipeline: Body, number: int) -> Body:
    """The display name and description of a version, where it was given some."""
    body = api.store.get(scope, _KIND, f"{pipeline['PipelineName']}/{number}") or {}
    return {key: body[key] for key in _SET_BY_UPDATE if key in body}


def _existing(api: Api, scope: AccountScope, pipeline: Body, number: int) -> Body:
    body = api.store.get(scope, _KIND, f"{pipeline['PipelineName']}/{number}")
    if body is None:
        raise not_found(
            f"Pipeline '{pipeline['PipelineArn']}' has no version {number}; its newest is "
            f"{pipeline['Version']}."
        )
    return body


def _list(api: Api, scope: AccountScope, request: Request) -> Answer:
    name = api.get(scope, PIPELINE, request["PipelineName"])["PipelineName"]
    return page_of(_LISTING, api.store.all(scope, _KIND, parent=name), request)


def _update(api: Api, scope: AccountScope, request: Request) -> Answer:
    pipeline = api.get(scope, PIPELINE, request["PipelineArn"])
    number = request["PipelineVersionId"]
    _existing(api, scope, pipeline, number)
    changes = {key: request[key] for key in _SET_BY_UPDATE if key in request}
    api.store.update(scope, _KIND, f"{pipeline['PipelineName']}/{number}", changes)
    return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": number}


OPERATIONS: dict[str, Handler] = {
    "ListPipelineVersions": _list,
    "UpdatePipelineVersion": _update,
}
