from typing import Any

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines.parameters import check, parse

DECLARED: list[dict[str, Any]] = [
    {"Name": "InputManifest", "Type": "String"},
    {"Name": "MaxRegression", "Type": "Float", "DefaultValue": 0.005},
    {"Name": "Rounds", "Type": "Integer", "DefaultValue": 10},
    {"Name": "Dry", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Mode", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
]


def test_a_value_may_hold_equals_signs_and_may_be_empty() -> None:
    assert parse(["A=x=y", "B="]) == {"A": "x=y", "B": ""}


@pytest.mark.parametrize("text", ["A", "=1", " =1"])
def test_a_parameter_without_a_name_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match="not of the form Name=value"):
        parse([text])


def test_the_same_name_twice_is_refused_unless_it_says_the_same() -> None:
    assert parse(["A=1", "A=1"]) == {"A": "1"}
    with pytest.raises(DeploymentError, match="given twice: '1' and '2'"):
        parse(["A=1", "A=2"])


def test_an_unknown_parameter_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(DeploymentError, match=r"'MaxRegresion'; did you mean MaxRegression\?.*It"):
        check({"MaxRegresion": "1"}, DECLARED, pipeline="p")


def test_a_parameter_without_default_and_value_is_asked_for() -> None:
    with pytest.raises(DeploymentError, match="needs a value for InputManifest"):
        check({}, DECLARED, pipeline="p")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MaxRegression", "much", "a number"),
        ("MaxRegression", "nan", "a number"),
        ("Rounds", "1.5", "a whole number"),
        ("Dry", "maybe", "true or false"),
        ("Mode", "c", "one of a, b"),
        ("InputManifest", "x" * 1025, "at most 1024"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(name: str, value: str, expected: str) -> None:
    with pytest.raises(DeploymentError, match=expected):
        check({"InputManifest": "s3://m", name: value}, DECLARED, pipeline="p")


def test_values_arrive_as_sagemaker_takes_them() -> None:
    given = {"InputManifest": "s3://m", "Rounds": "12", "Dry": "Yes", "Mode": "b"}
    assert check(given, DECLARED, pipeline="p") == {**given, "Dry": "true"}
