"""What can be done to an execution once it is there: stop it, retry it, change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.errors import invalid
from ratchet.local_cloud.sagemaker.executions import ExecutionRunner, changed, check_room, existing
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_RETRIED = ("Failed", "Stopped")
_SET_BY_UPDATE = (
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
    "ParallelismConfiguration",
)


def operations(runner: ExecutionRunner) -> dict[str, Handler]:
    """The operations, with ``runner`` behind them."""

    def stop(api: Api, scope: AccountScope, request: Request) -> Answer:
        with api.store.transaction():
            execution = existing(api, scope, request["PipelineExecutionArn"])
            status = execution["PipelineExecutionStatus"]
            if _seen_before(api, scope, "stop", request) or status == "Stopping":
                return execution
            if status != "Executing":
                raise invalid(
                    f"Pipeline execution {execution['PipelineExecutionArn']} is {status}. "
                    "Only pipelines with Executing status can be stopped."
                )
            execution = changed(api, scope, execution, {"PipelineExecutionStatus": "Stopping"})
            events.execution_changed(api, scope, execution, previous=status)
        runner.stop(execution["PipelineExecutionArn"])
        return execution

    def retry(api: Api, scope: AccountScope, request: Request) -> Answer:
        with api.store.transaction():
            execution = existing(api, scope, request["PipelineExecutionArn"])
            if _seen_before(api, scope, "retry", request):
                return execution
            status = execution["PipelineExecutionStatus"]
            if status not in _RETRIED:
                raise invalid(
                    f"Pipeline execution {execution['PipelineExecutionArn']} is {status}. "
                    f"Only executions that are {' or '.join(_RETRIED)} can be retried."
                )
            check_room(runner)
            parallelism = execution.get("ParallelismConfiguration")
            changes = {
                "PipelineExecutionStatus": "Executing",
                "ParallelismConfiguration": request.get("ParallelismConfiguration", parallelism),
                **dict.fromkeys(("EndTime", "FailureReason", "PipelineExecutionFailureReason")),
            }
            execution = changed(api, scope, execution, changes)
            events.execution_changed(api, scope, execution, previous=status)
        runner.start(scope, execution)
        return execution

    def update(api: Api, scope: AccountScope, request: Request) -> Answer:
        execution = existing(api, scope, request["PipelineExecutionArn"])
        changes = {key: request[key] for key in _SET_BY_UPDATE if key in request}
        if "ParallelismConfiguration" in changes:
            steps = changes["ParallelismConfiguration"]["MaxParallelExecutionSteps"]
            runner.limit(execution["PipelineExecutionArn"], steps)
        return changed(api, scope, execution, changes)

    return {
        "StopPipelineExecution": stop,
        "RetryPipelineExecution": retry,
        "UpdatePipelineExecution": update,
    }


def _seen_before(api: Api, scope: AccountScope, operation: str, request: Request) -> bool:
    """Whether this very request was carried out before: an operation completes once a token."""
    arn = request["PipelineExecutionArn"]
    token = f"{operation}/{arn}/{request['ClientRequestToken']}"
    if api.store.get(scope, "ClientToken", token):
        return True
    api.store.put(scope, "ClientToken", token, {"Arn": arn})
    return False
