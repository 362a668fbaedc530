"""What is no number decides no gate, whichever condition reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.runner.conditions import holds
from ratchet.runner.errors import EvaluationError
from ratchet.runner.expressions import StepScope
from ratchet.runner.step_types.condition import CONDITION
from tests.runner.workbench import compare, get, json_get

URI = "s3://artifacts/report/evaluation.json"
AUC = json_get("evaluate", "report", "auc")
LOSS = get("Steps.train.FinalMetricDataList['loss'].Value")


def scope(report: str, loss: Any = 0.5) -> StepScope:
    """Of a gate that reads a report, and a metric from a log."""
    metrics = {"FinalMetricDataList": [{"MetricName": "loss", "Value": loss}]}
    return StepScope(
        parameters={},
        execution=str,
        properties=lambda step: metrics,
        property_file=lambda step, name: URI,
        read_json=lambda uri: json.loads(report),
    )


def decided(condition: Mapping[str, Any], about: StepScope) -> bool:
    step: Any = SimpleNamespace(arguments={"Conditions": [condition]})
    assert CONDITION.resolve is not None
    (resolved,) = CONDITION.resolve(step, about)["Conditions"]
    return holds(resolved)


def readers(value: Any) -> dict[str, dict[str, Any]]:
    """Every condition, each with the value where it can stand."""
    low = compare("LessThan", value, 0.7)
    return {
        "less": low,
        "at most": compare("LessThanOrEqualTo", value, 0.7),
        "more": compare("GreaterThan", value, 0.7),
        "at least": compare("GreaterThanOrEqualTo", value, 0.7),
        "equal": compare("Equals", value, 0.7),
        "on the right": compare("GreaterThan", 0.7, value),
        "not": {"Type": "Not", "Condition": low},
        "not not": {"Type": "Not", "Condition": {"Type": "Not", "Condition": low}},
        "in": {"Type": "In", "QueryValue": value, "Values": [0.7, 0.8]},
        "among": {"Type": "In", "QueryValue": 0.7, "Values": [0.7, value]},
        "or": {"Type": "Or", "Conditions": [low, compare("Equals", 1, 1)]},
        "or, after one that holds": {"Type": "Or", "Conditions": [compare("Equals", 1, 1), low]},
    }


@pytest.mark.parametrize("reader", readers(AUC))
@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("1e999", "Infinity"),
    ],
)
def test_a_report_with_what_is_no_number_fails_the_gate_with_its_place_and_file(
    reader: str, value: str, word: str
) -> None:
    about = scope(f'{{"rows": 3, "auc": {value}}}')
    with pytest.raises(EvaluationError) as refused:
        decided(readers(AUC)[reader], about)
    assert str(refused.value).startswith(f"{URI} is not JSON: $.auc is {word}, and RFC 8259")


@pytest.mark.parametrize("reader", readers(AUC))
def test_null_fails_the_gate_with_its_place_and_file(reader: str) -> None:
    with pytest.raises(EvaluationError, match="decides nothing") as refused:
        decided(readers(AUC)[reader], scope('{"auc": null}'))
    if reader != "among":
        assert str(refused.value).startswith(f"auc in {URI} is null, which is no number")


@pytest.mark.parametrize("reader", readers(LOSS))
@pytest.mark.parametrize(
    ("loss", "word"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (None, "null")]
)
def test_a_metric_in_a_log_that_is_no_number_fails_the_gate_with_its_reference(
    reader: str, loss: float | None, word: str
) -> None:
    with pytest.raises(EvaluationError, match=f"is {word}, which is no number") as refused:
        decided(readers(LOSS)[reader], scope("{}", loss))
    if reader != "among":
        assert str(refused.value).startswith("Steps.train.FinalMetricDataList['loss'].Value")


@pytest.mark.parametrize("where", ['{"other": NaN, "auc": 0.8}', '{"a": [1, {"b": NaN}]}'])
def test_no_gate_reads_a_report_that_is_not_json(where: str) -> None:
    with pytest.raises(EvaluationError, match=r"is not JSON: \$\.(other|a\[1\]\.b) is NaN"):
        decided(compare("GreaterThan", AUC, 0.7), scope(where))


@pytest.mark.parametrize("reader", readers(AUC))
def test_a_number_decides(reader: str) -> None:
    expected = {"more": False, "at least": False, "equal": False, "not": False, "in": False}
    value = decided(readers(AUC)[reader], scope('{"auc": 0.5, "reason": null}'))
    assert value is expected.get(reader, True)


def test_texts_and_booleans_decide() -> None:
    about = scope('{"auc": "scored", "ok": true}')
    assert decided({"Type": "In", "QueryValue": AUC, "Values": ["scored", "none"]}, about)
    assert decided(compare("Equals", json_get("evaluate", "report", "ok"), True), about)


@pytest.mark.parametrize(("left", "right"), [(1, 2), (2, 1)])
def test_one_of_either_is_enough(left: int, right: int) -> None:
    either = [compare("Equals", left, 1), compare("Equals", right, 1)]
    assert decided({"Type": "Or", "Conditions": either}, scope("{}"))
    assert not decided({"Type": "Or", "Conditions": [compare("Equals", 3, 1)] * 2}, scope("{}"))
