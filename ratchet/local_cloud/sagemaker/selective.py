"""Executions of selected steps: what they take from a source execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.errors import invalid, not_found
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, STEP
from ratchet.local_cloud.sagemaker.store import AccountScope, Body

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api, Request

_SOURCES = ("Succeeded", "Failed")  # API reference, SelectiveExecutionConfig
_COPIED = ("StepName", "StepType", "StepDisplayName", "StartTime", "EndTime", "Metadata", "Result")


def reused(
    api: Api, scope: AccountScope, pipeline_arn: str, definition: str, request: Request
) -> list[Body]:
    """The steps of the source execution that the request's selection needs; none without one.

    Raises ``ValidationException`` for a selection that cannot run.
    """
    from ratchet.runner import RunnerError, validate
    from ratchet.runner.record_json import loaded
    from ratchet.runner.selection import reused as reused_records

    config = request.get("SelectiveExecutionConfig")
    if config is None:
        return []
    steps = _source_steps(api, scope, pipeline_arn, config.get("SourcePipelineExecutionArn"))
    earlier_records = None
    if steps is not None:
        earlier_records = {name: loaded(step["Result"]) for name, step in steps.items()}
    selected = [step["StepName"] for step in config["SelectedSteps"]]
    try:
        needed = reused_records(
            validate(definition, stand_ins=None).steps, selected, earlier_records
        )
    except RunnerError as error:
        raise invalid(f"The selected steps cannot run: {error}.") from None
    return [(steps or {})[name] for name in needed]


def record(api: Api, scope: AccountScope, execution: Body, reused_steps: list[Body]) -> None:
    """Write the steps down as steps of the execution, with where their results are from."""
    for step in reused_steps:
        body = {key: step[key] for key in _COPIED if key in step}
        body["Key"] = f"{execution['Id']}/{step['StepName']}"
        body["StepStatus"] = "Succeeded"
        body["AttemptCount"] = 0
        body["SelectiveExecutionResult"] = {"SourcePipelineExecutionArn": step["Source"]}
        body["Result"] = {**step["Result"], "reused_from": step["Source"]}
        api.store.put(scope, STEP, body["Key"], body, parent=execution["PipelineExecutionArn"])


def _source_steps(
    api: Api, scope: AccountScope, pipeline_arn: str, source_arn: str | None
) -> dict[str, Body] | None:
    """The succeeded steps of the source execution by name; None when there is no source."""
    if source_arn is None:
        return None
    source = api.store.get(scope, EXECUTION, source_arn)
    if source is None:
        raise not_found(f"Pipeline execution '{source_arn}' does not exist.")
    if source["PipelineArn"] != pipeline_arn:
        raise invalid(f"{source_arn} is an execution of another pipeline.")
    if source["PipelineExecutionStatus"] not in _SOURCES:
        raise invalid(
            f"The source execution {source_arn} is {source['PipelineExecutionStatus']}; one that "
            f"is {' or '.join(_SOURCES)} is expected."
        )
    listed = api.store.all(scope, STEP, parent=source_arn)
    return {
        step["StepName"]: {**step, "Source": step["Result"].get("reused_from") or source_arn}
        for step in listed
        if "Result" in step
    }
