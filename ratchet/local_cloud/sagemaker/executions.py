"""Executions of pipelines: started, described, listed. ``runs`` executes them."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ratchet.local_cloud.sagemaker import definitions, events, selective, stand_ins, versions
from ratchet.local_cloud.sagemaker.errors import invalid, limit_exceeded, not_found
from ratchet.local_cloud.sagemaker.listing import Listing, page_of
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, STEP
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import PIPELINE

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_LIMIT_RUNNING = 20  # SageMaker's default quota of concurrent executions
_EXECUTIONS = Listing(
    answer="PipelineExecutionSummaries", name="PipelineExecutionArn", descending=True
)
_STEPS = Listing(answer="PipelineExecutionSteps", name="StepName", descending=True)
_PARAMETERS = Listing(answer="PipelineParameters", name="Name")


class ExecutionRunner(Protocol):
    """Runs executions in the background."""

    def start(self, scope: AccountScope, execution: Body) -> None:
        """Begin; the execution is stored already, with status Executing."""
        ...

    def stop(self, execution_arn: str) -> None:
        """Ask a running execution to stop; returns at once."""
        ...

    def running(self) -> int:
        """How many executions are running now."""
        ...

    def limit(self, execution_arn: str, steps: int | None) -> None:
        """How many steps of a running execution may be in progress at once."""
        ...


def operations(runner: ExecutionRunner) -> dict[str, Handler]:
    """The operations on executions, with ``runner`` behind the start."""

    def start(api: Api, scope: AccountScope, request: Request) -> Answer:
        with api.store.transaction():
            execution, is_new = _started(api, scope, request, runner)
            if is_new:
                events.execution_changed(api, scope, execution, previous="Executing")
        if is_new:
            runner.start(scope, execution)
        return execution

    return {**_OPERATIONS, "StartPipelineExecution": start}


def existing(api: Api, scope: AccountScope, arn: str) -> Body:
    """An execution by ARN; raises ``ResourceNotFound``."""
    execution = api.store.get(scope, EXECUTION, arn)
    if execution is None:
        raise not_found(f"Pipeline execution '{arn}' does not exist.")
    return execution


def changed(api: Api, scope: AccountScope, execution: Body, changes: Mapping[str, Any]) -> Body:
    """Set members of an execution and its time of modification."""
    stamped = {"LastModifiedTime": api.now(), **changes}
    return api.store.update(scope, EXECUTION, execution["PipelineExecutionArn"], stamped)


def ended(api: Api, scope: AccountScope, execution: Body, status: str, reason: str | None) -> Body:
    """Give an execution its final status."""
    changes: Body = {"PipelineExecutionStatus": status, "EndTime": api.now()}
    if reason:
        # The two operations that show the reason allow for different lengths of it.
        changes["FailureReason"] = reason[:1300]
        changes["PipelineExecutionFailureReason"] = reason[:3072]
    return changed(api, scope, execution, changes)


def check_room(runner: ExecutionRunner) -> None:
    """Raises ``ResourceLimitExceeded`` when no more executions may run."""
    if runner.running() >= _LIMIT_RUNNING:
        raise limit_exceeded(
            f"The account-level limit of {_LIMIT_RUNNING} concurrent pipeline executions is "
            "reached. Wait for one to end, or stop one."
        )


def _started(
    api: Api, scope: AccountScope, request: Request, runner: ExecutionRunner
) -> tuple[Body, bool]:
    with api.store.transaction():
        pipeline = versions.chosen(api, scope, request)
        name = pipeline["PipelineName"]
        # Tokens are the pipeline's: the same one for another pipeline is another request.
        token = f"{name}/{request['ClientRequestToken']}"
        earlier = api.store.get(scope, "ClientToken", token)
        if earlier:
            return existing(api, scope, earlier["Arn"]), False
        text = definitions.stored_text(api, scope, pipeline["Definition"])
        results = stand_ins.of(api, scope, request["ClientRequestToken"])
        values = definitions.bind(text, _parameter_values(request), results)
        reused = selective.reused(api, scope, pipeline["PipelineArn"], text, request)
        check_room(runner)
        execution = _execution(api, scope, pipeline, request, json.loads(text), values)
        if results:
            execution["StandIns"] = results
        arn = execution["PipelineExecutionArn"]
        api.store.insert(scope, EXECUTION, arn, execution, parent=name)
        selective.record(api, scope, execution, reused)
        versions.started(api, scope, execution)
        api.store.insert(scope, "ClientToken", token, {"Arn": arn})
        api.store.update(
            scope, PIPELINE.name, name, {"LastExecutionTime": api.now(), "LastRunTime": api.now()}
        )
        return execution, True


def _parameter_values(request: Request) -> dict[str, str]:
    values: dict[str, str] = {}
    for parameter in request.get("PipelineParameters", []):
        if parameter["Name"] in values:
            raise invalid(f"Pipeline parameter {parameter['Name']} is given twice.")
        values[parameter["Name"]] = parameter["Value"]
    return values


def _execution(
    api: Api,
    scope: AccountScope,
    pipeline: Body,
    request: Request,
    definition: dict[str, Any],
    values: dict[str, Any],
) -> Body:
    moment = api.now()
    execution_id = "".join(
        secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12)
    )
    parallelism = request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration"))
    return {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{execution_id}",
        "PipelineExecutionDisplayName": request.get(
            "PipelineExecutionDisplayName", f"execution-{int(moment * 1000)}"
        ),
        "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
        "PipelineExecutionStatus": "Executing",
        "PipelineExperimentConfig": _experiment(definition, pipeline, execution_id, values),
        "ParallelismConfiguration": parallelism,
        "SelectiveExecutionConfig": request.get("SelectiveExecutionConfig"),
        "PipelineVersionId": pipeline["Version"],
        "CreationTime": moment,
        "StartTime": moment,
        "LastModifiedTime": moment,
        "CreatedBy": api.caller(scope),
        "LastModifiedBy": api.caller(scope),
        "PipelineName": pipeline["PipelineName"],
        "Id": execution_id,
        "Definition": pipeline["Definition"],
        "Parameters": values,
    }


def _experiment(
    definition: dict[str, Any], pipeline: Body, execution_id: str, values: dict[str, Any]
) -> dict[str, str] | None:
    variables = {
        "Execution.PipelineName": pipeline["PipelineName"],
        "Execution.PipelineExecutionId": execution_id,
        **{f"Parameters.{name}": value for name, value in values.items()},
    }
    resolved: dict[str, str] = {}
    for member, value in (definition.get("PipelineExperimentConfig") or {}).items():
        value = variables.get(value.get("Get", "")) if isinstance(value, dict) else value
        if isinstance(value, str):
            resolved[member] = value
    return resolved or None


def _describe(api: Api, scope: AccountScope, request: Request) -> Answer:
    return existing(api, scope, request["PipelineExecutionArn"])


def _definition(api: Api, scope: AccountScope, request: Request) -> Answer:
    execution = existing(api, scope, request["PipelineExecutionArn"])
    return {
        "PipelineDefinition": definitions.stored_text(api, scope, execution["Definition"]),
        "CreationTime": execution["CreationTime"],
    }


def _list(api: Api, scope: AccountScope, request: Request) -> Answer:
    name = api.get(scope, PIPELINE, request["PipelineName"])["PipelineName"]
    return page_of(_EXECUTIONS, api.store.all(scope, EXECUTION, parent=name), request)


def _list_steps(api: Api, scope: AccountScope, request: Request) -> Answer:
    if "PipelineExecutionArn" not in request:
        raise invalid("PipelineExecutionArn is required.")
    execution = existing(api, scope, request["PipelineExecutionArn"])
    steps = api.store.all(scope, STEP, parent=execution["PipelineExecutionArn"])
    return page_of(_STEPS, steps, request)


def _list_parameters(api: Api, scope: AccountScope, request: Request) -> Answer:
    execution = existing(api, scope, request["PipelineExecutionArn"])
    parameters = [
        {"Name": name, "Value": _text(value)} for name, value in execution["Parameters"].items()
    ]
    return page_of(_PARAMETERS, parameters, request)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_OPERATIONS: dict[str, Handler] = {
    "DescribePipelineExecution": _describe,
    "DescribePipelineDefinitionForExecution": _definition,
    "ListPipelineExecutions": _list,
    "ListPipelineExecutionSteps": _list_steps,
    "ListPipelineParametersForExecution": _list_parameters,
}
