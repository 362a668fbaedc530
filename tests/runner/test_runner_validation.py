"""A wrong definition is refused before anything runs, with the place of each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ratchet.runner import CannotRunError, validate
from tests.runner.workbench import (
    compare,
    condition,
    definition,
    fail,
    get,
    invoke,
    json_get,
    output_uri,
    processing,
    python,
    training,
)

PREPARE = processing("prepare", python("pass"), outputs=["train", "report"])


def problems(document: Any) -> dict[str, str]:
    """What is wrong with a definition, by place."""
    with pytest.raises(CannotRunError) as refused:
        validate(document)
    return {violation.place: violation.message for violation in refused.value.violations}


def changed(step: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(step))
    change(copy)
    return copy


def test_a_valid_definition_is_read_with_its_dependencies() -> None:
    report = {"PropertyFileName": "r", "OutputName": "report", "FilePath": "r.json"}
    prepare = changed(PREPARE, lambda step: step.update(PropertyFiles=[report]))
    gate = condition(
        "gate",
        compare("Equals", json_get("prepare", "r", "a"), get("Parameters.P")),
        then=[processing("publish", python("pass"))],
        DependsOn=["other"],
    )
    read = validate(
        definition(
            prepare,
            processing("other", python("pass"), inputs={"x": output_uri("prepare", "train")}),
            gate,
            parameters=[{"Name": "P", "Type": "Float", "DefaultValue": 1}],
        )
    )
    assert {name: set(step.needs) for name, step in read.steps.items()} == {
        "prepare": set(),
        "other": {"prepare"},
        "gate": {"prepare", "other"},
        "publish": {"gate"},
    }
    assert read.steps["publish"].branch == ("gate", True)


def test_text_that_is_not_json_is_refused_with_line_and_column() -> None:
    assert problems('{"Steps": [\n  }') == {"line 2, column 3": "not JSON: Expecting value"}


@pytest.mark.parametrize("document", ["[]", "{}", '{"Steps": []}', '{"Steps": {}}'])
def test_a_definition_needs_steps(document: str) -> None:
    assert problems(document)


def test_every_mistake_is_told_at_once() -> None:
    found = problems(
        definition(
            processing("a", python("pass"), inputs={"x": get("Parameters.Nope")}),
            processing("b", python("pass"), environment={"X": get("Steps.c.Arn")}),
        )
    )
    assert len(found) == 2


def test_an_unknown_parameter_is_found_where_it_is_used() -> None:
    step = processing("a", python("pass"), inputs={"raw": get("Parameters.Nope")})
    place = "Steps[0].Arguments.ProcessingInputs[0].S3Input.S3Uri.Get"
    assert problems(definition(step)) == {
        place: "Parameters.Nope: no such parameter; declared are none"
    }


def test_an_unknown_step_is_found_inside_of_a_join_in_a_branch() -> None:
    halt = fail("halt", {"Std:Join": {"On": "", "Values": ["x", get("Steps.nope.Arn")]}})
    gate = condition("gate", compare("Equals", 1, 1), otherwise=[halt])
    (place,) = problems(definition(PREPARE, gate))
    values = "Arguments.ErrorMessage.Std:Join.Values[1].Get"
    assert place == f"Steps[1].Arguments.ElseSteps[0].{values}"


def test_an_output_that_the_step_does_not_have_is_refused_with_those_it_has() -> None:
    step = processing("b", python("pass"), inputs={"x": output_uri("prepare", "test")})
    (message,) = problems(definition(PREPARE, step)).values()
    assert "no output 'test'; its outputs are train, report" in message


def test_a_missing_property_file_is_refused() -> None:
    gate = condition("gate", compare("Equals", json_get("prepare", "evaluation", "a"), 1))
    (place, message), *_ = problems(definition(PREPARE, gate)).items()
    assert place.startswith("Steps[1].Arguments.Conditions[0].LeftValue.Std:JsonGet.PropertyFile")
    assert "has no such property file; its PropertyFiles are none" in message


def test_a_property_file_must_be_in_an_output_of_its_step() -> None:
    files = [{"PropertyFileName": "r", "OutputName": "metrics", "FilePath": "r.json"}]
    step = changed(PREPARE, lambda step: step.update(PropertyFiles=files))
    assert (
        "the outputs are train, report"
        in problems(definition(step))["Steps[0].PropertyFiles[0].OutputName"]
    )


def test_an_undeclared_output_parameter_of_a_function_is_refused() -> None:
    step = processing(
        "a", python("pass"), environment={"X": get("Steps.champion.OutputParameters['uri']")}
    )
    (message,) = problems(definition(invoke("champion", {"model_uri": "String"}), step)).values()
    assert "declares model_uri" in message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (get("Execution.Nope"), "no such execution variable"),
        (get("nonsense"), "is not a reference"),
        ({"Get": 5}, "expected a string"),
        ({"Std:Join": {"On": "/"}}, "expected"),
        ({"Std:JsonGet": {"Path": "a"}}, "either PropertyFile or S3Uri"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "a[["}}, "is not a JSON path"),
        ({"Std:JsonGet": {"PropertyFile": "r", "Path": "a"}}, "PropertyFiles.<name>"),
    ],
)
def test_a_function_call_that_is_none_is_refused(call: Any, message: str) -> None:
    found = problems(definition(processing("a", python("pass"), environment={"X": call})))
    assert all(place.startswith("Steps[0].Arguments.Environment.X.") for place in found)
    assert message in " ".join(found.values())


def test_a_cycle_is_told_as_a_round_trip() -> None:
    a = processing("a", python("pass"), inputs={"x": output_uri("b", "out")}, outputs=["out"])
    b = processing("b", python("pass"), outputs=["out"], depends_on=["c"])
    c = processing("c", python("pass"), environment={"X": output_uri("a", "out")})
    (message,) = problems(definition(a, b, c)).values()
    assert message == "a cycle: a waits for b waits for c waits for a"


def test_a_step_that_refers_to_itself_is_a_cycle() -> None:
    step = processing("a", python("pass"), environment={"X": output_uri("a", "o")}, outputs=["o"])
    assert problems(definition(step)) == {"Steps[0]": "a cycle: a waits for a"}


def test_a_name_may_stand_only_once_even_across_branches() -> None:
    gate = condition("gate", compare("Equals", 1, 1), then=[PREPARE])
    (place, message), *_ = problems(definition(PREPARE, gate)).items()
    assert place == "Steps[1].Arguments.IfSteps[0].Name"
    assert "already the name at Steps[0].Name" in message


def test_the_branches_of_a_condition_cannot_use_each_other() -> None:
    gate = condition(
        "gate",
        compare("Equals", 1, 1),
        then=[processing("a", python("pass"), outputs=["o"])],
        otherwise=[processing("b", python("pass"), inputs={"x": output_uri("a", "o")})],
    )
    (message,) = problems(definition(gate)).values()
    assert message == "step 'a' is in the other branch of 'gate': only one of the two ever runs"


def test_a_condition_cannot_stand_inside_of_another() -> None:
    inner = condition("inner", compare("Equals", 1, 1))
    found = problems(definition(condition("outer", compare("Equals", 1, 1), then=[inner])))
    assert found == {
        "Steps[0].Arguments.IfSteps[0].Type": (
            "a Condition cannot stand inside of a branch of another"
        )
    }


def test_nothing_can_wait_for_a_fail_step() -> None:
    step = processing("a", python("pass"), depends_on=["halt"])
    found = problems(definition(fail("halt", "no"), step))
    assert found == {"Steps[1].DependsOn[0]": "'halt' is a Fail step: nothing can wait for it"}


def test_an_unknown_step_type_is_refused_with_the_known_ones() -> None:
    found = problems(definition({"Name": "a", "Type": "Spark", "Arguments": {}}))
    assert (
        "no step type 'Spark': expected Callback, Condition, Fail, Lambda" in found["Steps[0].Type"]
    )


@pytest.mark.parametrize(
    ("parameter", "place"),
    [
        ({"Name": "P", "Type": "Number"}, "Type"),
        ({"Name": "P", "Type": "Integer", "DefaultValue": "5"}, "DefaultValue"),
        ({"Name": "P", "Type": "Integer", "DefaultValue": 5.5}, "DefaultValue"),
        ({"Name": "P", "Type": "String", "DefaultValue": 5}, "DefaultValue"),
        ({"Name": "P", "Type": "Boolean", "DefaultValue": 1}, "DefaultValue"),
        ({"Name": "P", "Type": "String", "EnumValues": ["a"], "DefaultValue": "b"}, "DefaultValue"),
        ({"Name": "P", "Type": "Integer", "EnumValues": ["1"]}, "EnumValues"),
        ({"Type": "String"}, "Name"),
    ],
)
def test_a_wrong_parameter_is_refused(parameter: dict[str, Any], place: str) -> None:
    assert set(problems(definition(PREPARE, parameters=[parameter]))) == {f"Parameters[0].{place}"}


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"ExceptionType": ["Step.NOPE"]}, "RetryPolicies[0].ExceptionType[0]"),
        ({"ExceptionType": []}, "RetryPolicies[0].ExceptionType"),
        (
            {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2, "ExpireAfterMin": 2},
            "RetryPolicies[0]",
        ),
        (
            {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 43201},
            "RetryPolicies[0].IntervalSeconds",
        ),
        (
            {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 21},
            "RetryPolicies[0].MaxAttempts",
        ),
        (
            {"ExceptionType": ["Step.THROTTLING"], "BackoffRate": 0.5},
            "RetryPolicies[0].BackoffRate",
        ),
    ],
)
def test_a_wrong_retry_policy_is_refused(policy: dict[str, Any], place: str) -> None:
    step = processing("a", python("pass"), RetryPolicies=[policy])
    assert set(problems(definition(step))) == {f"Steps[0].{place}"}


def test_a_function_takes_no_retry_policy() -> None:
    step = {**invoke("f", {}), "RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"]}]}
    assert "takes no retry policy" in problems(definition(step))["Steps[0].RetryPolicies"]


def test_caching_needs_a_time_out() -> None:
    step = processing("a", python("pass"), CacheConfig={"Enabled": True})
    assert "ISO 8601" in problems(definition(step))["Steps[0].CacheConfig.ExpireAfter"]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (compare("Near", 1, 1), "Type"),
        ({"Type": "Equals", "LeftValue": 1}, "RightValue"),
        ({"Type": "In", "QueryValue": 1, "Values": 1}, "Values"),
        ({"Type": "Not", "Expression": compare("Equals", 1, 1)}, "Condition"),
        ({"Type": "Or", "Conditions": []}, "Conditions"),
        ({"Type": "Or", "Conditions": [compare("X", 1, 1)]}, "Conditions[0].Type"),
    ],
)
def test_a_wrong_condition_is_refused(wrong: dict[str, Any], place: str) -> None:
    found = problems(definition(condition("gate", wrong)))
    assert set(found) == {f"Steps[0].Arguments.Conditions[0].{place}"}


def test_a_condition_step_without_conditions_is_refused() -> None:
    assert "Steps[0].Arguments.Conditions" in problems(definition(condition("gate")))


def test_a_job_that_needs_its_image_says_what_to_give_instead() -> None:
    step = training("train", code="s3://code/a.gz")
    del step["Arguments"]["HyperParameters"]["sagemaker_program"]
    (place, message), *_ = problems(definition(step)).items()
    assert place == "Steps[0].Arguments.HyperParameters.sagemaker_program"
    assert "AlgorithmSpecification.ContainerEntrypoint" in message

    step = processing("a", [])
    assert set(problems(definition(step))) == {
        "Steps[0].Arguments.AppSpecification.ContainerEntrypoint"
    }


def test_pipe_mode_is_refused_by_name() -> None:
    step = processing(
        "a", python("pass"), inputs={"x": {"S3Uri": "s3://b/", "S3InputMode": "Pipe"}}
    )
    assert (
        "Pipe mode"
        in problems(definition(step))["Steps[0].Arguments.ProcessingInputs[0].S3Input.S3InputMode"]
    )


def test_a_path_outside_of_the_containers_folder_is_refused() -> None:
    step = processing("a", python("pass"), inputs={"x": {"S3Uri": "s3://b/", "LocalPath": "/tmp"}})
    assert set(problems(definition(step))) == {
        "Steps[0].Arguments.ProcessingInputs[0].S3Input.LocalPath"
    }


def test_a_wrong_metric_definition_is_refused() -> None:
    metrics = {"MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9"}]}
    step = training("train", code="s3://code/a.gz", algorithm=metrics)
    (place,) = problems(definition(step))
    assert place == "Steps[0].Arguments.AlgorithmSpecification.MetricDefinitions[0].Regex"


def test_what_needs_both_branches_of_a_condition_would_be_skipped_in_every_run() -> None:
    gate = condition(
        "c",
        compare("Equals", 1, 1),
        then=[processing("a", python("pass"))],
        otherwise=[processing("b", python("pass"))],
    )
    step = processing("z", python("pass"), depends_on=["a", "b"])
    assert problems(definition(gate, step)) == {
        "Steps[1]": (
            "it never runs: it needs 'a', which runs where 'c' passes, and 'b', which runs where "
            "it does not"
        )
    }
