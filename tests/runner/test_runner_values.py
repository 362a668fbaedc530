"""Parameters, references, joins, JSON paths and conditions: the pure parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ratchet.definition import references
from ratchet.runner.conditions import holds
from ratchet.runner.definition import parse_duration
from ratchet.runner.errors import EvaluationError, ParameterError
from ratchet.runner.expressions import StepScope
from ratchet.runner.json_path import JsonPathError, find
from ratchet.runner.parameters import RunParameter, bind

DESCRIBED = {
    "ProcessingOutputConfig": {
        "Outputs": [
            {"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}},
            {"OutputName": "eval set", "S3Output": {"S3Uri": "s3://b/eval"}},
        ]
    },
    "OutputParameters": {"version": 7},
}


def scope(documents: Mapping[str, Any] | None = None) -> StepScope:
    known = documents or {}

    def read_json(uri: str) -> Any:
        if uri not in known:
            raise FileNotFoundError(uri)
        if isinstance(known[uri], Exception):
            raise known[uri]
        return known[uri]

    return StepScope(
        parameters={"Bucket": "data", "Depth": 5, "Rate": 1.0, "Small": 1e-05, "On": True},
        execution=lambda name: f"<{name}>",
        properties={"prepare": DESCRIBED}.__getitem__,
        property_file=lambda step, name: f"s3://b/{step}/{name}",
        read_json=read_json,
        overrides={"TrainingJobName": "this-job"},
    )


def resolve(value: Any, documents: Mapping[str, Any] | None = None) -> Any:
    return scope(documents).resolve(value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Steps.a.ModelArtifacts.S3ModelArtifacts", ("ModelArtifacts", "S3ModelArtifacts")),
        ("Steps.a.Outputs['x'].S3Uri", ("Outputs", "x", "S3Uri")),
        ('Steps.a.Outputs["x y.z"]', ("Outputs", "x y.z")),
        ("Steps.a.List[2].Name", ("List", 2, "Name")),
        ("Steps.a", ()),
    ],
)
def test_a_reference_is_read_attribute_by_attribute(text: str, path: tuple[Any, ...]) -> None:
    assert references.parse(text).path == path


@pytest.mark.parametrize(
    "text", ["", "Parameters", "Steps.", "Params.X", "Parameters.X.Y", "Steps.a..b", "Steps.a.b["]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    fault = references.parse(text).fault
    assert "reference" in fault or "cannot be read" in fault


def test_a_list_of_named_items_takes_a_name_as_its_index() -> None:
    outputs = "Steps.prepare.ProcessingOutputConfig.Outputs"
    assert resolve({"Get": f"{outputs}['eval set'].S3Output.S3Uri"}) == "s3://b/eval"
    assert resolve({"Get": f"{outputs}[0].OutputName"}) == "train"


def test_a_property_that_is_not_there_is_named_in_the_error() -> None:
    with pytest.raises(EvaluationError, match="nothing is named 'test'"):
        resolve({"Get": "Steps.prepare.ProcessingOutputConfig.Outputs['test'].S3Output"})


def test_a_steps_own_job_name_is_an_execution_variable() -> None:
    assert resolve({"Get": "Execution.TrainingJobName"}) == "this-job"
    assert resolve({"Get": "Execution.PipelineName"}) == "<PipelineName>"


def test_join_writes_numbers_and_booleans_as_json_does() -> None:
    values = [{"Get": f"Parameters.{name}"} for name in ("Depth", "Rate", "Small", "On")]
    assert resolve({"Std:Join": {"On": " ", "Values": values}}) == "5 1.0 1e-05 true"


def test_joins_nest_and_an_empty_join_is_an_empty_string() -> None:
    inner = {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.Bucket"}]}}
    outer = {"Std:Join": {"On": "-", "Values": [inner, {"Std:Join": {"Values": []}}, 1]}}
    assert resolve(outer) == "a/data--1"


def test_a_missing_value_cannot_be_joined() -> None:
    join = {"Std:Join": {"On": "", "Values": ["s3://", None]}}
    with pytest.raises(EvaluationError, match="null cannot stand in a string"):
        resolve(join)


def json_get(path: str, document: Any) -> Any:
    call = {"PropertyFile": {"Get": "Steps.prepare.PropertyFiles.report"}, "Path": path}
    return resolve({"Std:JsonGet": call}, {"s3://b/prepare/report": document})


def test_json_get_keeps_the_type_of_what_it_finds() -> None:
    document = {"a": {"b": [1, 2.0, "3", None, True]}}
    found = [json_get(f"a.b[{index}]", document) for index in range(5)]
    assert found == [1, 2.0, "3", None, True]
    assert [type(value) for value in found[:3]] == [int, float, str]


def test_json_get_of_a_missing_path_says_what_the_document_holds() -> None:
    with pytest.raises(EvaluationError, match=r"nothing at JSON path 'a\.c'.*\{\"a\": \{\"b\": 1"):
        json_get("a.c", {"a": {"b": 1}})


def test_json_get_of_a_missing_document_says_where_it_looked() -> None:
    uri = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, "x.json"]}}
    with pytest.raises(EvaluationError, match=r"no JSON document at s3://data/x\.json"):
        resolve({"Std:JsonGet": {"S3Uri": uri, "Path": "a"}})


def test_json_get_of_text_that_is_not_json_says_so() -> None:
    with pytest.raises(EvaluationError, match="is not JSON: Expecting value"):
        json_get("a", ValueError("Expecting value"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", {"m": [{"n": "auc", "v": 0.7}, {"n": "f1", "v": 0.4}], "a b": {"x.y": 1}}),
        ("m[0].v", 0.7),
        ("$.m[1].n", "f1"),
        ("$['a b']['x.y']", 1),
        ("['a b'].['x.y']", None),
        ("m[?(@.n == 'auc')].v", [0.7]),
        ("m[*].v", [0.7, 0.4]),
        ("$..v", [0.7, 0.4]),
        ("m[0:1].v", [0.7]),
        ("m[?(@.v > 9)].v", []),
        ("m[-1].v", 0.4),
    ],
)
def test_a_definite_json_path_gives_a_value_and_an_indefinite_one_a_list(
    path: str, expected: Any
) -> None:
    document = {"m": [{"n": "auc", "v": 0.7}, {"n": "f1", "v": 0.4}], "a b": {"x.y": 1}}
    if expected is None:
        with pytest.raises(JsonPathError):
            find(path, document)
    else:
        assert find(path, document) == expected


def compared(kind: str, left: Any, right: Any) -> bool:
    return holds({"Type": kind, "LeftValue": left, "RightValue": right})


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("Equals", 1, 1.0, True),
        ("Equals", "a", "a", True),
        ("Equals", True, True, True),
        ("Equals", 0.1 + 0.2, 0.3, False),
        ("GreaterThan", 2, 1.5, True),
        ("GreaterThan", 1, 1, False),
        ("GreaterThanOrEqualTo", 1, 1.0, True),
        ("LessThan", -0.5, 0, True),
        ("LessThan", "10", "9", True),
        ("LessThanOrEqualTo", 0.005, 0.005, True),
        ("LessThanOrEqualTo", 10**18, 10**18 - 1, False),
    ],
)
def test_numbers_compare_as_numbers_and_strings_as_strings(
    kind: str, left: Any, right: Any, expected: bool
) -> None:
    assert compared(kind, left, right) is expected


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        ("Equals", "1", 1),
        ("LessThan", "0.5", 0.7),
        ("GreaterThan", True, 0),
        ("GreaterThan", True, False),
        ("LessThanOrEqualTo", None, 0.1),
        ("Equals", None, None),
        ("LessThan", [0.1], 0.7),
    ],
)
def test_a_comparison_across_types_fails_rather_than_decide(
    kind: str, left: Any, right: Any
) -> None:
    with pytest.raises(EvaluationError, match="expected two numbers or two strings"):
        compared(kind, left, right)


def test_in_looks_for_a_value_of_the_same_type() -> None:
    assert holds({"Type": "In", "QueryValue": "none", "Values": ["scored", "none"]})
    assert holds({"Type": "In", "QueryValue": 2, "Values": ["2", 2.0]})
    assert not holds({"Type": "In", "QueryValue": "unscorable", "Values": ["scored", "none"]})
    assert not holds({"Type": "In", "QueryValue": "x", "Values": []})
    with pytest.raises(EvaluationError, match="none of them is of its type"):
        holds({"Type": "In", "QueryValue": 2, "Values": ["1", "2"]})


def test_true_is_not_in_a_list_of_numbers() -> None:
    assert not holds({"Type": "In", "QueryValue": True, "Values": [1, False]})


def test_not_and_or_nest() -> None:
    yes = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    no = {"Type": "Not", "Condition": yes}
    assert not holds(no)
    assert holds({"Type": "Or", "Conditions": [no, yes]})
    assert not holds({"Type": "Or", "Conditions": [no, no]})
    assert holds({"Type": "Not", "Condition": {"Type": "Or", "Conditions": [no]}})


def parameter(kind: str, default: Any = None, *allowed: Any) -> RunParameter:
    return RunParameter(name="P", type=kind, default=default, allowed=allowed)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("String", "5", "5"),
        ("String", 5, "5"),
        ("String", "", ""),
        ("Integer", "5", 5),
        ("Integer", "-3", -3),
        ("Float", "5", 5.0),
        ("Float", "1e-3", 0.001),
        ("Float", 2, 2.0),
        ("Boolean", "true", True),
        ("Boolean", "False", False),
        ("Boolean", True, True),
    ],
)
def test_a_parameters_value_is_read_as_its_type(kind: str, given: Any, expected: Any) -> None:
    (value,) = bind([parameter(kind)], {"P": given}).values()
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Integer", "5.0"),
        ("Integer", 5.0),
        ("Integer", "five"),
        ("Integer", "1_000"),
        ("Integer", True),
        ("Float", "nan"),
        ("Float", float("inf")),
        ("Float", ""),
        ("Boolean", "yes"),
        ("Boolean", 1),
        ("String", ["a"]),
        ("String", None),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused(kind: str, given: Any) -> None:
    with pytest.raises(ParameterError, match=f"parameter 'P': .* is no {kind}"):
        bind([parameter(kind)], {"P": given})


def test_a_default_applies_and_a_given_value_overrides_it() -> None:
    assert bind([parameter("Integer", 4)], {}) == {"P": 4}
    assert bind([parameter("Integer", 4)], {"P": "6"}) == {"P": 6}


def test_a_parameter_without_default_must_be_given() -> None:
    with pytest.raises(ParameterError, match="'P' \\(String\\) has no default: give it a value"):
        bind([parameter("String")], {})


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="no parameter 'Q'; it has 'P'"):
        bind([parameter("String", "a")], {"Q": "b"})


def test_an_enum_is_held_to_after_the_value_is_read() -> None:
    declared = parameter("Integer", None, 1, 2)
    assert bind([declared], {"P": "2"}) == {"P": 2}
    with pytest.raises(ParameterError, match="'P' is 3; expected one of 1, 2"):
        bind([declared], {"P": "3"})


def test_a_value_may_have_as_many_characters_as_start_pipeline_execution_takes() -> None:
    assert bind([parameter("String")], {"P": "x" * 1024})
    with pytest.raises(ParameterError, match="1025 characters"):
        bind([parameter("String")], {"P": "x" * 1025})


@pytest.mark.parametrize(
    ("text", "hours"),
    [("P30D", 720), ("30d", 720), ("PT1H", 1), ("T16m", 16 / 60), ("30dT5h", 725), ("P1W", 168)],
)
def test_a_duration_is_read_in_the_guides_spellings(text: str, hours: float) -> None:
    assert parse_duration(text).total_seconds() == pytest.approx(hours * 3600)


@pytest.mark.parametrize("text", ["", "P", "T", "30", "PT", "P-1D", "1 day"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)
