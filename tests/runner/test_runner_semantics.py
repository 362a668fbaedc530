"""Every condition against every kind of operand, and every function against every source.

Sources: `sagemaker/workflow/conditions.py`, `functions.py`, `parameters.py` of the SageMaker SDK;
developer guide, "Pipeline steps" and "Pass data between steps". Where they say nothing:
docs/decisions/0009-choices-where-aws-is-silent.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.runner import ParameterError
from ratchet.runner.conditions import holds
from ratchet.runner.errors import EvaluationError
from tests.runner.workbench import (
    Workbench,
    compare,
    condition,
    definition,
    get,
    invoke,
    join,
    json_get,
    processing,
    python,
)

LESS, SAME, MORE = (
    {"LessThan", "LessThanOrEqualTo"},
    {"Equals", "LessThanOrEqualTo", "GreaterThanOrEqualTo"},
    {"GreaterThan", "GreaterThanOrEqualTo"},
)
COMPARISONS = LESS | SAME | MORE
PAIRS: list[tuple[Any, Any, set[str] | None]] = [
    # Integer with integer, float with float, one with the other.
    (1, 2, LESS),
    (2, 2, SAME),
    (3, 2, MORE),
    (0.1, 0.2, LESS),
    (0.5, 0.5, SAME),
    (-0.0, 0.0, SAME),
    (1, 1.0, SAME),
    (2, 1.5, MORE),
    (10**15, 10**15 + 0.5, LESS),
    # Strings by their characters, whatever they say.
    ("a", "b", LESS),
    ("10", "9", LESS),
    ("", "a", LESS),
    ("é", "é", SAME),
    # No order, no decision.
    ("1", 1, None),
    ("0.5", 0.5, None),
    (None, 1, None),
    (None, None, None),
    (True, 1, None),
    ([1], [1], None),
    ({"a": 1}, {"a": 1}, None),
]


@pytest.mark.parametrize("kind", sorted(COMPARISONS))
@pytest.mark.parametrize(("left", "right", "true"), PAIRS)
def test_a_comparison_decides_by_order_or_not_at_all(
    kind: str, left: Any, right: Any, true: set[str] | None
) -> None:
    one = {"Type": kind, "LeftValue": left, "RightValue": right}
    if true is None:
        with pytest.raises(EvaluationError):
            holds(one)
        return
    assert holds(one) is (kind in true)
    assert holds({"Type": "Not", "Condition": one}) is (kind not in true)


@pytest.mark.parametrize(
    ("value", "among", "found"),
    [
        ("b", ["a", "b"], True),
        ("c", ["a", "b"], False),
        (2, [1, 2.0], True),
        (0.5, [1, 2], False),
        (True, [True], True),
        ("x", [], False),
        ("1", [1, 2], None),
        (None, ["a"], None),
    ],
)
def test_in_finds_a_value_of_its_own_kind(value: Any, among: list[Any], found: bool | None) -> None:
    one = {"Type": "In", "QueryValue": value, "Values": among}
    if found is None:
        with pytest.raises(EvaluationError):
            holds(one)
        return
    assert holds(one) is found


TRUE = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
FALSE = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}


@pytest.mark.parametrize(
    ("conditions", "passes"),
    [
        ([TRUE], True),
        ([TRUE, TRUE], True),
        ([TRUE, FALSE], False),
        ([{"Type": "Or", "Conditions": [FALSE, TRUE]}], True),
        ([{"Type": "Or", "Conditions": [FALSE, FALSE]}, TRUE], False),
        ([{"Type": "Not", "Condition": {"Type": "Or", "Conditions": [FALSE]}}], True),
        ([{"Type": "Or", "Conditions": [{"Type": "Not", "Condition": FALSE}]}], True),
    ],
)
def test_a_list_is_all_and_or_is_any(
    workbench: Workbench, conditions: list[dict[str, Any]], passes: bool
) -> None:
    """With empty branches: the outcome is all that there is."""
    result = workbench.run(definition(condition("gate", *conditions)))
    assert result.step("gate").outcome == str(passes).lower()


# Functions, each with what it gives in a Lambda step's arguments; None: the step fails.

REPORT = {"auc": 0.7, "n": 3, "zero": 0, "none": None, "ok": True, "rows": [{"x": "a"}, {"x": "b"}]}
MADE = get("Steps.made.OutputParameters['n']")
S3_URI = join("s3://reports", "report.json", on="/")


def from_s3(path: Any) -> dict[str, Any]:
    return {"Std:JsonGet": {"S3Uri": S3_URI, "Path": path}}


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (get("Parameters.Text"), "t"),
        (get("Parameters.Count"), 3),
        (get("Parameters.Share"), 0.5),
        (get("Parameters.Flag"), True),
        (get("Execution.PipelineName"), "flights-dev-training"),
        (get("Execution.PipelineExecutionId"), "run1"),
        (get("Execution.TrainingJobName"), None),
        (MADE, 7),
        (get("Steps.report.ProcessingJobStatus"), "Completed"),
        (get("Steps.report.ProcessingResources.ClusterConfig.InstanceCount"), 1),
        (get("Steps.report.AppSpecification.ContainerEntrypoint[0]"), "python3"),
        (get("Steps.report.AppSpecification.ContainerEntrypoint[9]"), None),
        (get("Steps.report.ExitMessage"), None),
        (get("Steps.gate.Outcome"), "true"),
        (join("a", 1, 1.0, 1e-05, True, on="-"), "a-1-1.0-1e-05-true"),
        (join(MADE, get("Parameters.Text"), on="/"), "7/t"),
        (join(join("a", "b"), join(), on="+"), "ab+"),
        (join(json_get("report", "evaluation", "auc"), " of ", MADE), "0.7 of 7"),
        (join("x", json_get("report", "evaluation", "none")), None),
        (json_get("report", "evaluation", "auc"), 0.7),
        (json_get("report", "evaluation", "n"), 3),
        (json_get("report", "evaluation", "zero"), 0),
        (json_get("report", "evaluation", "ok"), True),
        (json_get("report", "evaluation", "none"), "null"),
        (json_get("report", "evaluation", "rows[1].x"), "b"),
        (json_get("report", "evaluation", "missing"), None),
        (json_get("report", "evaluation", "rows[7].x"), None),
        (json_get("report", "evaluation", get("Parameters.Path")), 0.7),
        (from_s3("auc"), 0.9),
        (from_s3("missing"), None),
    ],
    ids=str,
)
def test_a_function_gives_the_value_with_its_type_or_fails_the_step(
    workbench: Workbench, call: dict[str, Any], given: Any
) -> None:
    taken: list[Any] = []

    def take(payload: dict[str, Any]) -> dict[str, Any]:
        taken.append(payload["value"])
        return {}

    workbench.services.functions.update(made=lambda _: {"n": "7"}, take=take)
    workbench.put("s3://reports/report.json", {"auc": 0.9})
    script = f"import json; json.dump({REPORT!r}, open('/opt/ml/processing/output/o/e.json', 'w'))"
    files = [{"PropertyFileName": "evaluation", "OutputName": "o", "FilePath": "e.json"}]
    parameters: list[dict[str, Any]] = [
        {"Name": "Text", "Type": "String", "DefaultValue": "t"},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Share", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Flag", "Type": "Boolean", "DefaultValue": True},
        {"Name": "Path", "Type": "String", "DefaultValue": "auc"},
    ]
    result = workbench.run(
        definition(
            invoke("made", {"n": "Integer"}),
            processing("report", python(script), outputs=["o"], PropertyFiles=files),
            condition("gate", TRUE),
            {**invoke("take", {}, value=call), "DependsOn": ["report", "made", "gate"]},
            parameters=parameters,
        )
    )
    if given is None:
        assert result.status == "Failed"
        assert taken == []
    else:
        assert result.status == "Succeeded", result.failure_reason
        assert taken == [None if given == "null" else given]
        assert type(taken[0]) is type(None if given == "null" else given)


@pytest.mark.parametrize(
    ("kind", "allowed", "given", "fits"),
    [
        ("String", ["a", "b"], "b", True),
        ("String", ["a", "b"], "B", False),
        ("Integer", [1, 2], "2", True),
        ("Integer", [1, 2], "3", False),
        ("Integer", [1, 2], "2.0", False),
        ("Float", [0.5, 1], "1", True),
        ("Float", [0.5, 1], "0.50", True),
    ],
)
def test_an_enumerated_parameter_takes_its_values_as_their_type_reads_them(
    workbench: Workbench, kind: str, allowed: list[Any], given: str, fits: bool
) -> None:
    document = definition(
        condition("gate", compare("Equals", get("Parameters.P"), get("Parameters.P"))),
        parameters=[{"Name": "P", "Type": kind, "EnumValues": allowed}],
    )
    if fits:
        assert workbench.run(document, parameters={"P": given}).status == "Succeeded"
    else:
        with pytest.raises(ParameterError, match="'P'"):
            workbench.run(document, parameters={"P": given})
