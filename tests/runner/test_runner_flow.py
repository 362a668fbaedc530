"""Which steps run, in which order, and how a run ends."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ratchet.runner import LambdaFailed, Parallelism
from tests.runner.workbench import (
    Workbench,
    compare,
    condition,
    definition,
    fail,
    get,
    invoke,
    join,
    json_get,
    output_uri,
    processing,
    python,
    register,
    training,
)

TRUE = compare("Equals", 1, 1)
FALSE = compare("Equals", 1, 2)


def scored(regression: Any) -> dict[str, Any]:
    """A step that leaves a report as its property file."""
    write = f"""
        import sys
        open(sys.argv[1], "w").write('{{"regression": {regression}, "champion": {{"auc": 0.7}}}}')
    """
    files = [{"PropertyFileName": "report", "OutputName": "report", "FilePath": "evaluation.json"}]
    return processing(
        "evaluate",
        python(write),
        arguments=["/opt/ml/processing/output/report/evaluation.json"],
        outputs=["report"],
        PropertyFiles=files,
    )


def gate(**more: Any) -> dict[str, Any]:
    limit = get("Parameters.MaxRegression")
    regression = json_get("evaluate", "report", "regression")
    message = join("regression ", regression, " is over ", limit)
    return condition(
        "gate",
        compare("LessThanOrEqualTo", regression, limit),
        then=[register()],
        otherwise=[fail("halt", message)],
        **more,
    )


LIMIT = {"Name": "MaxRegression", "Type": "Float", "DefaultValue": 0.005}


@pytest.mark.parametrize("regression", ["0.005", "0.004", "-1", "0"])
def test_a_tie_or_better_passes_the_gate(workbench: Workbench, regression: str) -> None:
    result = workbench.run(definition(scored(regression), gate(), parameters=[LIMIT]))
    assert result.status == "Succeeded", result.failure_reason
    assert result.step("gate").outcome == "true"
    assert result.step("gate").arguments["Conditions"][0]["LeftValue"] == float(regression)
    assert [record.name for record in result.steps] == ["evaluate", "gate", "register"]


def test_a_regression_halts_with_the_numbers(workbench: Workbench) -> None:
    result = workbench.run(definition(scored("0.02"), gate(), parameters=[LIMIT]))
    assert result.status == "Failed"
    assert result.step("gate").outcome == "false"
    assert result.step("halt").failure_reason == "regression 0.02 is over 0.005"
    assert workbench.services.registered == []
    assert "halt: regression 0.02 is over 0.005" in str(result.failure_reason)


def test_a_report_without_the_metric_fails_the_gate_itself(workbench: Workbench) -> None:
    for value in ("null", '"0.001"'):
        result = workbench.run(definition(scored(value), gate(), parameters=[LIMIT]))
        assert result.step("gate").status == "Failed"
        expected = "is null, which is no number" if value == "null" else "expected two numbers"
        assert expected in str(result.step("gate").failure_reason)
        assert workbench.services.registered == []


def test_a_registered_version_names_the_execution_that_made_it(workbench: Workbench) -> None:
    step = register()
    show = processing(
        "show",
        python("import sys; print(sys.argv[1])"),
        arguments=[get("Steps.register.ModelPackageArn")],
    )
    record = workbench.run(definition(step, show)).step("register")
    (request,) = workbench.services.registered
    assert request["MetadataProperties"]["GeneratedBy"].endswith("/execution/run1")
    assert record.properties["ModelPackageVersion"] == 1
    assert record.properties["ModelApprovalStatus"] == "PendingManualApproval"
    assert workbench.observer.output("show") == [record.properties["ModelPackageArn"]]


def test_an_empty_branch_is_fine(workbench: Workbench) -> None:
    result = workbench.run(definition(condition("gate", FALSE, then=[register()])))
    assert result.status == "Succeeded"
    assert [record.name for record in result.steps] == ["gate"]


def test_conditions_of_the_list_are_anded(workbench: Workbench) -> None:
    result = workbench.run(definition(condition("gate", TRUE, FALSE, then=[register()])))
    assert result.step("gate").outcome == "false"


def test_what_needs_a_skipped_step_is_skipped_too(workbench: Workbench) -> None:
    gated = processing("gated", python("pass"), outputs=["o"])
    result = workbench.run(
        definition(
            condition("gate", FALSE, then=[gated], otherwise=[processing("other", python("pass"))]),
            processing("needs-it", python("pass"), inputs={"x": output_uri("gated", "o")}),
            processing("needs-that", python("pass"), depends_on=["needs-it"]),
            processing("after-gate", python("pass"), depends_on=["gate"]),
        )
    )
    assert result.status == "Succeeded"
    assert {record.name for record in result.steps} == {"gate", "other", "after-gate"}


def test_a_conditions_outcome_can_be_referred_to(workbench: Workbench) -> None:
    outcome = get("Steps.gate.Outcome")
    show = processing("show", python("import sys; print(sys.argv[1])"), arguments=[outcome])
    workbench.run(definition(condition("gate", FALSE), show))
    assert workbench.observer.output("show") == ["false"]


def test_a_function_gets_its_arguments_and_gives_its_outputs(workbench: Workbench) -> None:
    seen: list[Any] = []

    def champion(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(payload)
        return {"model_uri": "s3://m", "version": "7", "more": [1]}

    workbench.services.functions["champion"] = champion
    step = invoke("champion", {"model_uri": "String", "version": "Integer"}, n=get("Parameters.N"))
    outputs = [get(f"Steps.champion.OutputParameters['{k}']") for k in ("model_uri", "version")]
    show = processing("show", python("import sys; print(sys.argv[1:])"), arguments=outputs)
    document = definition(
        step, show, parameters=[{"Name": "N", "Type": "Integer", "DefaultValue": 3}]
    )
    result = workbench.run(document)
    assert seen == [{"n": 3}]
    assert result.step("champion").output_parameters == {"model_uri": "s3://m", "version": 7}
    assert workbench.observer.output("show") == ["['s3://m', '7']"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "the Lambda function's answer has no 'version'"),
        ({"version": "latest"}, "output parameter 'version': 'latest' (string) is no Integer"),
        (None, "answered with a null; an object with version is expected"),
    ],
)
def test_an_answer_that_does_not_fit_fails_the_step(
    workbench: Workbench, answer: Any, message: str
) -> None:
    workbench.services.functions["champion"] = lambda payload: answer
    result = workbench.run(definition(invoke("champion", {"version": "Integer"})))
    assert message in str(result.step("champion").failure_reason)


def test_a_function_that_fails_is_not_tried_again(workbench: Workbench) -> None:
    calls: list[int] = []

    def broken(payload: dict[str, Any]) -> Any:
        calls.append(1)
        raise LambdaFailed("KeyError: 'x'")

    workbench.services.functions["champion"] = broken
    result = workbench.run(definition(invoke("champion", {})))
    assert (
        result.step("champion").failure_reason
        == "ClientError: Lambda function failed: KeyError: 'x'"
    )
    assert calls == [1]


def meet(workbench: Workbench, name: str) -> list[str]:
    """A program that leaves a file and ends well only once the other one's file is there too."""
    other = {"left": "right", "right": "left"}[name]
    return python(f"""
        import os, sys, time
        open({str(workbench.folder / name)!r}, "w").close()
        for _ in range(2000):
            if os.path.exists({str(workbench.folder / other)!r}):
                sys.exit(0)
            time.sleep(0.005)
        sys.exit("never met")
    """)


def test_two_independent_steps_truly_overlap(workbench: Workbench) -> None:
    steps = [processing(name, meet(workbench, name)) for name in ("left", "right")]
    assert workbench.run(definition(*steps), parallelism=Parallelism(2)).status == "Succeeded"


def test_no_more_steps_run_at_once_than_allowed(workbench: Workbench) -> None:
    busy: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(payload: dict[str, Any]) -> dict[str, Any]:
        with lock:
            busy.append(1)
            most.append(len(busy))
        time.sleep(0.02)
        with lock:
            busy.pop()
        return {}

    workbench.services.functions.update({f"f{n}": work for n in range(8)})
    steps = [invoke(f"f{n}", {}) for n in range(8)]
    assert workbench.run(definition(*steps), parallelism=Parallelism(3)).status == "Succeeded"
    assert max(most) == 3


def test_after_a_failure_nothing_new_starts_but_what_runs_goes_on(workbench: Workbench) -> None:
    started = threading.Event()

    def slow(payload: dict[str, Any]) -> dict[str, Any]:
        started.set()
        while not any(r.name == "bad" and r.status == "Failed" for r in workbench.observer.changes):
            time.sleep(0.005)
        return {}

    def bad(payload: dict[str, Any]) -> Any:
        started.wait(5)
        raise LambdaFailed("no")

    workbench.services.functions.update(slow=slow, bad=bad)
    after = processing("after-slow", python("pass"), depends_on=["slow"])
    result = workbench.run(
        definition(invoke("slow", {}), invoke("bad", {}), after), parallelism=Parallelism(2)
    )
    assert {record.name: record.status for record in result.steps} == {
        "slow": "Succeeded",
        "bad": "Failed",
    }
    assert result.status == "Failed"


def test_after_a_failure_nothing_that_waits_for_a_place_starts(workbench: Workbench) -> None:
    document = definition(processing("bad", ["false"]), processing("other", ["true"]))
    result = workbench.run(document, parallelism=Parallelism(1))
    assert [record.name for record in result.steps] == ["bad"]


def test_execution_variables_name_the_run_and_the_job(workbench: Workbench) -> None:
    names = ["PipelineName", "PipelineExecutionId", "PipelineArn", "StartDateTime"]
    values = [get(f"Execution.{name}") for name in [*names, "ProcessingJobName"]]
    show = python("import sys; print(*sys.argv[1:], sep='|')")
    result = workbench.run(definition(processing("show_it", show, arguments=values)))
    name, run, arn, start, job = workbench.observer.output("show_it")[0].split("|")
    assert (name, run) == ("flights-dev-training", "run1")
    assert arn.endswith(":pipeline/flights-dev-training")
    assert start.endswith("Z")
    assert job == result.step("show_it").job_name
    assert job.startswith("pipelines-run1-show-it-")


def test_a_job_variable_of_another_type_fails_the_step(workbench: Workbench) -> None:
    step = processing("a", python("pass"), arguments=[get("Execution.TrainingJobName")])
    reason = str(workbench.run(definition(step)).step("a").failure_reason)
    assert "Execution.TrainingJobName has no value" in reason


def test_a_training_step_takes_a_retry_policy(workbench: Workbench) -> None:
    workbench.put_bundle("s3://code/a.gz", train="print('ran')")
    policy = {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "ExpireAfterMin": 5}
    step = training("train", code="s3://code/a.gz", RetryPolicies=[policy])
    assert workbench.run(definition(step)).status == "Succeeded"


def test_a_definition_runs_from_its_text(workbench: Workbench) -> None:
    import json

    text = json.dumps(definition(processing("a", python("pass"))))
    assert workbench.run(text).status == "Succeeded"
