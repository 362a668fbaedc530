"""Pipelines: created, updated, described, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import definitions, versions
from ratchet.local_cloud.sagemaker.errors import conflict, invalid
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import PIPELINE

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

EXECUTION = "PipelineExecution"
STEP = "Step"
RUNNING = ("Executing", "Stopping")
_SET_BY_UPDATE = (
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "ParallelismConfiguration",
)


def _create(api: Api, scope: AccountScope, request: Request) -> Answer:
    text = definitions.requested(api, scope, request)
    if text is None:
        raise invalid("Give PipelineDefinition or PipelineDefinitionS3Location: both are missing.")
    definitions.check(text)
    members_of_request = {
        key: value for key, value in request.items() if not key.startswith("PipelineDefin")
    }
    with api.store.transaction():
        earlier = api.store.get(scope, PIPELINE.name, request["PipelineName"])
        if earlier and earlier["Token"] == request["ClientRequestToken"]:
            return earlier
        members = {
            "Definition": definitions.keep(api, scope, text),
            "Version": 1,
            "Token": request["ClientRequestToken"],
            "PipelineDisplayName": request.get("PipelineDisplayName", request["PipelineName"]),
            "LastModifiedBy": api.caller(scope),
        }
        pipeline = api.create(scope, PIPELINE, members_of_request, members)
        versions.keep(api, scope, pipeline)
        return pipeline


def _update(api: Api, scope: AccountScope, request: Request) -> Answer:
    text = definitions.requested(api, scope, request)
    if text is not None:
        definitions.check(text)
    with api.store.transaction():
        before = api.get(scope, PIPELINE, request["PipelineName"])
        changes: Body = {key: request[key] for key in _SET_BY_UPDATE if key in request}
        if text is not None:
            changes["Definition"] = definitions.keep(api, scope, text)
        changes["Version"] = before["Version"] + 1
        changes["LastModifiedBy"] = api.caller(scope)
        after = api.change(scope, PIPELINE, request["PipelineName"], changes)
        versions.keep(api, scope, after)
    return {"PipelineArn": after["PipelineArn"], "PipelineVersionId": after["Version"]}


def _describe(api: Api, scope: AccountScope, request: Request) -> Answer:
    pipeline = versions.chosen(api, scope, request)
    text = definitions.stored_text(api, scope, pipeline["Definition"])
    return {**pipeline, "PipelineDefinition": text}


def _delete(api: Api, scope: AccountScope, request: Request) -> Answer:
    with api.store.transaction():
        pipeline = api.get(scope, PIPELINE, request["PipelineName"])
        executions = api.store.all(scope, EXECUTION, parent=pipeline["PipelineName"])
        running = [body for body in executions if body["PipelineExecutionStatus"] in RUNNING]
        if running:
            raise conflict(
                f"Pipeline {pipeline['PipelineName']} has {len(running)} running executions, such "
                f"as {running[0]['PipelineExecutionArn']}: stop them with StopPipelineExecution."
            )
        # SageMaker deletes a pipeline's executions with it; the jobs they ran stay.
        for execution in executions:
            for step in api.store.all(scope, STEP, parent=execution["PipelineExecutionArn"]):
                api.store.delete(scope, STEP, step["Key"])
            api.store.delete(scope, EXECUTION, execution["PipelineExecutionArn"])
        versions.forget(api, scope, pipeline)
        return api.remove(scope, PIPELINE, pipeline["PipelineName"])


OPERATIONS: dict[str, Handler] = {
    "CreatePipeline": _create,
    "UpdatePipeline": _update,
    "DescribePipeline": _describe,
    "DeletePipeline": _delete,
}
