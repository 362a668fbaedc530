"""Executions: parameters, idempotency, records, events. Steps here need no other service."""

from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.sagemaker_calls import (
    ROLE,
    Caller,
    definition,
    gate,
    halt,
    register,
    until,
    wait_for_end,
)

pytestmark = pytest.mark.jobs

EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"


@pytest.fixture
def pipeline(call: Caller) -> str:
    call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    text = definition(gate(then=[register()], otherwise=[halt()]), Score=3, Name="x")
    call("CreatePipeline", PipelineName="training", RoleArn=ROLE, PipelineDefinition=text)
    return text


def start(call: Caller, **request: Any) -> str:
    arn: str = call("StartPipelineExecution", PipelineName="training", **request)[
        "PipelineExecutionArn"
    ]
    return arn


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_an_execution_runs_and_registers_a_model(call: Caller, pipeline: str) -> None:
    execution = call.run(PipelineName="training", PipelineExecutionDisplayName="january")
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["PipelineExecutionDisplayName"] == "january"
    steps = call(
        "ListPipelineExecutionSteps",
        PipelineExecutionArn=execution["PipelineExecutionArn"],
        SortOrder="Ascending",
    )["PipelineExecutionSteps"]
    assert [step["StepName"] for step in steps] == ["gate", "register"]
    assert steps[0]["Metadata"] == {"Condition": {"Outcome": "True"}}
    package = steps[1]["Metadata"]["RegisterModel"]["Arn"]
    assert call("DescribeModelPackage", ModelPackageName=package)["ModelPackageVersion"] == 1


def test_a_fail_step_fails_the_execution_with_its_message(call: Caller, pipeline: str) -> None:
    execution = call.run(PipelineName="training", PipelineParameters=parameters(Score="9"))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "too high" in execution["FailureReason"]
    steps = call(
        "ListPipelineExecutionSteps", PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineExecutionSteps"]
    assert steps[0]["StepName"] == "halt"  # the latest first
    assert steps[0]["Metadata"] == {"Fail": {"ErrorMessage": "too high"}}
    summary = call("ListPipelineExecutions", PipelineName="training")["PipelineExecutionSummaries"][
        0
    ]
    assert "too high" in summary["PipelineExecutionFailureReason"]


def test_the_same_token_answers_the_same_execution(call: Caller, pipeline: str) -> None:
    token = "snapshot-digest".ljust(64, "0")
    first = start(call, ClientRequestToken=token)
    wait_for_end(lambda: call("DescribePipelineExecution", PipelineExecutionArn=first))
    assert start(call, ClientRequestToken=token) == first
    executions = call("ListPipelineExecutions", PipelineName="training")
    assert len(executions["PipelineExecutionSummaries"]) == 1


def test_a_token_belongs_to_its_pipeline(call: Caller, pipeline: str) -> None:
    call("CreatePipeline", PipelineName="other", RoleArn=ROLE, PipelineDefinition=pipeline)
    token = "t" * 32
    other = call("StartPipelineExecution", PipelineName="other", ClientRequestToken=token)
    assert start(call, ClientRequestToken=token) != other["PipelineExecutionArn"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"Name": "Speed", "Value": "1"}], "no parameter 'Speed'"),
        ([{"Name": "Score", "Value": "high"}], "Integer"),
        ([{"Name": "Score", "Value": "1.5"}], "Integer"),
        ([{"Name": "Name", "Value": "x" * 1025}], "length less than or equal to 1024"),
        ([{"Name": "Score", "Value": "1"}, {"Name": "Score", "Value": "2"}], "given twice"),
    ],
)
def test_values_that_do_not_fit_start_nothing(
    call: Caller, pipeline: str, given: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        start(call, PipelineParameters=given)
    assert caught.value.code == "ValidationException"
    executions = call("ListPipelineExecutions", PipelineName="training")
    assert executions["PipelineExecutionSummaries"] == []


def test_a_parameter_without_default_must_be_given(call: Caller) -> None:
    text = '{"Version": "2020-12-01", "Parameters": [{"Name": "Score", "Type": "Integer"}],' + (
        definition(gate(otherwise=[halt()]))[len('{"Version": "2020-12-01", "Metadata": {}, ') :]
    ).replace('"Parameters": [], ', "")
    call("CreatePipeline", PipelineName="training", RoleArn=ROLE, PipelineDefinition=text)
    with pytest.raises(ApiError, match=r"'Score' .*has no default"):
        start(call)


def test_parameters_are_listed_with_their_defaults(call: Caller, pipeline: str) -> None:
    arn = start(call, PipelineParameters=parameters(Name="march"))
    listed = call("ListPipelineParametersForExecution", PipelineExecutionArn=arn)
    assert listed["PipelineParameters"] == parameters(Score="3", Name="march")


def test_an_execution_keeps_the_definition_it_was_started_with(call: Caller, pipeline: str) -> None:
    arn = call.run(PipelineName="training")["PipelineExecutionArn"]
    call("UpdatePipeline", PipelineName="training", PipelineDefinition=definition(halt()))
    answer = call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=arn)
    assert answer["PipelineDefinition"] == pipeline


def test_display_name_and_description_can_be_changed(call: Caller, pipeline: str) -> None:
    arn = call.run(PipelineName="training")["PipelineExecutionArn"]
    call(
        "UpdatePipelineExecution",
        PipelineExecutionArn=arn,
        PipelineExecutionDisplayName="renamed",
        PipelineExecutionDescription="why",
    )
    execution = call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert execution["PipelineExecutionDisplayName"] == "renamed"
    assert execution["PipelineExecutionDescription"] == "why"


def test_an_execution_that_has_ended_cannot_be_stopped(call: Caller, pipeline: str) -> None:
    arn = call.run(PipelineName="training")["PipelineExecutionArn"]
    with pytest.raises(ApiError, match="Only pipelines with Executing status can be stopped"):
        call("StopPipelineExecution", PipelineExecutionArn=arn)


def test_executions_are_listed_the_newest_first_and_in_pages(call: Caller, pipeline: str) -> None:
    started = [start(call) for _ in range(3)]
    first = call("ListPipelineExecutions", PipelineName="training", MaxResults=2)
    second = call("ListPipelineExecutions", PipelineName="training", NextToken=first["NextToken"])
    listed = first["PipelineExecutionSummaries"] + second["PipelineExecutionSummaries"]
    assert [summary["PipelineExecutionArn"] for summary in listed] == started[::-1]
    assert "NextToken" not in second


def test_the_changes_of_an_execution_are_told_in_order(call: Caller, pipeline: str) -> None:
    execution = call.run(PipelineName="training", PipelineExecutionDisplayName="january")
    arn = execution["PipelineExecutionArn"]
    told = until(lambda: [e for e in call.cloud.events if e["type"] == EXECUTION_EVENT][1:])
    last = told[-1]
    assert last["resources"] == [execution["PipelineArn"], arn]
    assert last["detail"]["currentPipelineExecutionStatus"] == "Succeeded"
    assert last["detail"]["previousPipelineExecutionStatus"] == "Executing"
    assert last["detail"]["pipelineExecutionDisplayName"] == "january"
    assert last["detail"]["executionEndTime"].endswith("Z")
    steps = [e["detail"] for e in call.cloud.events if e["type"] == STEP_EVENT]
    ends = [s["stepName"] for s in steps if s["currentStepStatus"] == "Succeeded"]
    assert ends == ["gate", "register"]
    assert steps[-1]["stepType"] == "RegisterModel"
    assert steps[-1]["metadata"]["registerModel"]["arn"].endswith("model-package/flights/1")


def test_an_execution_in_its_experiment_is_described_with_it(call: Caller) -> None:
    text = definition(halt(), Experiment="default").replace(
        '"Metadata": {}',
        '"PipelineExperimentConfig": {"ExperimentName": {"Get": "Parameters.Experiment"},'
        ' "TrialName": {"Get": "Execution.PipelineExecutionId"}}',
    )
    call("CreatePipeline", PipelineName="training", RoleArn=ROLE, PipelineDefinition=text)
    execution = call.run(PipelineName="training", PipelineParameters=parameters(Experiment="wider"))
    execution_id = execution["PipelineExecutionArn"].rsplit("/", 1)[-1]
    assert execution["PipelineExperimentConfig"] == {
        "ExperimentName": "wider",
        "TrialName": execution_id,
    }
