"""Stop, retry, selected steps, callbacks, limits and versions, as boto3 asks for them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, STEP
from tests.local_cloud.sagemaker_calls import (
    ROLE,
    Caller,
    definition,
    gate,
    halt,
    register,
    shell,
    until,
    wait_for_end,
)

pytestmark = pytest.mark.jobs

OTHER = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/other/execution/abc"


def after(step: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**step, "DependsOn": list(names)}


def create(call: Caller, *steps: dict[str, Any], **parameters: Any) -> None:
    text = definition(*steps, **parameters)
    call("CreatePipeline", PipelineName="training", RoleArn=ROLE, PipelineDefinition=text)


def steps_of(call: Caller, arn: str) -> dict[str, dict[str, Any]]:
    listed = call("ListPipelineExecutionSteps", PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in listed}


def ended(call: Caller, arn: str) -> dict[str, Any]:
    return wait_for_end(lambda: call("DescribePipelineExecution", PipelineExecutionArn=arn))


def mended_later(call: Caller, tmp_path: Path) -> str:
    """An execution that failed at its second of three steps until a file is there."""
    needs_file = shell("mended", f"echo try >> {tmp_path}/tries; test -e {tmp_path}/there")
    first = shell("first", f"echo once >> {tmp_path}/first")
    create(call, first, after(needs_file, "first"), after(shell("last", "true"), "mended"))
    execution = call.run(PipelineName="training")
    assert execution["PipelineExecutionStatus"] == "Failed"
    return str(execution["PipelineExecutionArn"])


def test_a_retry_goes_on_where_the_execution_failed(call: Caller, tmp_path: Path) -> None:
    arn = mended_later(call, tmp_path)
    (tmp_path / "there").touch()
    assert call("RetryPipelineExecution", PipelineExecutionArn=arn) == {"PipelineExecutionArn": arn}
    execution = ended(call, arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in execution
    steps = steps_of(call, arn)
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("first", "mended", "last"), "Succeeded"
    )
    assert steps["mended"]["AttemptCount"] == 2
    assert (tmp_path / "first").read_text() == "once\n"
    assert (tmp_path / "tries").read_text() == "try\n" * 2


def test_a_retry_that_fails_again_can_be_retried_again(call: Caller, tmp_path: Path) -> None:
    arn = mended_later(call, tmp_path)
    call("RetryPipelineExecution", PipelineExecutionArn=arn)
    assert ended(call, arn)["PipelineExecutionStatus"] == "Failed"
    (tmp_path / "there").touch()
    call("RetryPipelineExecution", PipelineExecutionArn=arn)
    assert ended(call, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert steps_of(call, arn)["mended"]["AttemptCount"] == 3


def test_the_same_retry_is_carried_out_once(call: Caller, tmp_path: Path) -> None:
    arn = mended_later(call, tmp_path)
    for _ in range(2):
        call("RetryPipelineExecution", PipelineExecutionArn=arn, ClientRequestToken="r" * 32)
        ended(call, arn)
    assert (tmp_path / "tries").read_text() == "try\n" * 2


def test_an_execution_of_a_killed_cloud_goes_on_by_a_retry(call: Caller, tmp_path: Path) -> None:
    arn = mended_later(call, tmp_path)
    store = call.sagemaker.api.store  # as a killed process leaves it
    store.update(call.scope, EXECUTION, arn, {"PipelineExecutionStatus": "Executing"})
    key = f"{arn.rsplit('/', 1)[1]}/mended"
    store.update(call.scope, STEP, key, {"StepStatus": "Executing", "ProcessGroup": None})
    assert call.sagemaker.recover() == [arn]
    killed = call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert "retry the execution to go on from there" in killed["FailureReason"]
    (tmp_path / "there").touch()
    call("RetryPipelineExecution", PipelineExecutionArn=arn)
    assert ended(call, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert (tmp_path / "first").read_text() == "once\n"


def test_an_execution_that_succeeded_is_not_retried(call: Caller) -> None:
    create(call, shell("only", "true"))
    arn = call.run(PipelineName="training")["PipelineExecutionArn"]
    with pytest.raises(ApiError, match="Only executions that are Failed or Stopped"):
        call("RetryPipelineExecution", PipelineExecutionArn=arn)


def test_a_stop_with_the_same_token_answers_even_when_the_execution_has_ended(
    call: Caller,
) -> None:
    create(call, shell("slow", "sleep 60"))
    arn = call("StartPipelineExecution", PipelineName="training")["PipelineExecutionArn"]
    for _ in range(2):
        answer = call(
            "StopPipelineExecution", PipelineExecutionArn=arn, ClientRequestToken="s" * 32
        )
        assert answer == {"PipelineExecutionArn": arn}
        assert ended(call, arn)["PipelineExecutionStatus"] == "Stopped"
    with pytest.raises(ApiError, match="Only pipelines with Executing status"):
        call("StopPipelineExecution", PipelineExecutionArn=arn)


def selection(*names: str, source: str | None = None) -> dict[str, Any]:
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in names]}
    return {**config, "SourcePipelineExecutionArn": source} if source else config


def test_selected_steps_run_on_the_results_of_the_source_execution(
    call: Caller, tmp_path: Path
) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    first = shell("first", f"echo once >> {tmp_path}/first")
    create(call, first, after(gate(then=[register()], otherwise=[halt()]), "first"), Score=3)
    source = call.run(PipelineName="training")["PipelineExecutionArn"]
    execution = call.run(
        PipelineName="training",
        SelectiveExecutionConfig=selection("gate", "register", source=source),
    )
    assert execution["PipelineExecutionStatus"] == "Succeeded", execution
    assert execution["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"] == source
    steps = steps_of(call, execution["PipelineExecutionArn"])
    assert steps["first"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert steps["first"]["Metadata"] == steps_of(call, source)["first"]["Metadata"]
    assert steps["register"]["Metadata"]["RegisterModel"]["Arn"].endswith("/flights/2")
    assert (tmp_path / "first").read_text() == "once\n"


def test_a_selection_that_needs_more_starts_nothing(call: Caller) -> None:
    create(call, shell("first", "true"), after(shell("last", "true"), "first"))
    for config, message in (
        (selection("last"), "needs the result of 'first': select that step too, or name"),
        (selection("lst"), "no step 'lst'"),
    ):
        with pytest.raises(ApiError, match=message) as caught:
            call.run(PipelineName="training", SelectiveExecutionConfig=config)
        assert caught.value.code == "ValidationException"
    config = selection("last", source=OTHER)
    with pytest.raises(ApiError, match="does not exist"):
        call.run(PipelineName="training", SelectiveExecutionConfig=config)
    assert (
        call("ListPipelineExecutions", PipelineName="training")["PipelineExecutionSummaries"] == []
    )


def test_the_limit_of_a_running_execution_is_raised_while_it_runs(
    call: Caller, tmp_path: Path
) -> None:
    waits = shell("waits", f"while ! test -e {tmp_path}/there; do sleep 0.05; done")
    create(call, waits, shell("touches", f"touch {tmp_path}/there"))
    arn = call(
        "StartPipelineExecution",
        PipelineName="training",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 1},
    )["PipelineExecutionArn"]
    until(lambda: steps_of(call, arn).get("waits", {}).get("StepStatus") == "Executing")
    call(
        "UpdatePipelineExecution",
        PipelineExecutionArn=arn,
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
    )
    execution = ended(call, arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}


def test_each_update_of_a_pipeline_is_a_version_that_can_be_run(call: Caller) -> None:
    create(call, halt("first"))
    call("UpdatePipeline", PipelineName="training", PipelineDefinition=definition(halt("second")))
    versions = call("ListPipelineVersions", PipelineName="training")["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [2, 1]
    execution = call.run(PipelineName="training", PipelineVersionId=1)
    assert execution["PipelineVersionId"] == 1
    assert "first" in execution["FailureReason"]
    described = call("DescribePipeline", PipelineName="training", PipelineVersionId=1)
    assert json.loads(described["PipelineDefinition"])["Steps"] == [halt("first")]
    call(
        "UpdatePipelineVersion",
        PipelineArn=described["PipelineArn"],
        PipelineVersionId=1,
        PipelineVersionDisplayName="stable",
    )
    (_, first) = call("ListPipelineVersions", PipelineName="training")["PipelineVersionSummaries"]
    assert first["PipelineVersionDisplayName"] == "stable"
    assert first["LastExecutionPipelineExecutionArn"] == execution["PipelineExecutionArn"]
    with pytest.raises(ApiError, match="has no version 3; its newest is 2"):
        call("DescribePipeline", PipelineName="training", PipelineVersionId=3)


def test_nobody_waits_by_a_token_that_was_not_given(call: Caller) -> None:
    for operation in ("SendPipelineExecutionStepSuccess", "SendPipelineExecutionStepFailure"):
        with pytest.raises(ApiError, match="No callback step waits by token 0123456789"):
            call(operation, CallbackToken="0123456789")
