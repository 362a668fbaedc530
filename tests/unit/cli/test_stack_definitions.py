"""A pipeline's definition against that of its stack's template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.deployment.pipelines.templates import StackDefinition

ROLE = {"Fn::GetAtt": ["Role", "Arn"]}
BUCKET = {"Fn::ImportValue": "artifacts"}
FUNCTION = {"Fn::GetAtt": ["Resolve", "Arn"]}
VALUES = {"role": "arn:aws:iam::1:role/training", "bucket": "artifacts-1", "function": "arn:f"}


def step(name: str, **more: Any) -> dict[str, Any]:
    arguments = {"RoleArn": "{role}", "S3Uri": f"s3://{{bucket}}/{name}/out"}
    return {"Name": name, "Type": "Processing", "Arguments": {**arguments, **more}}


DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Limit", "Type": "Float", "DefaultValue": 1.0}],
    "Steps": [
        step("prepare"),
        {"Name": "champion", "Type": "Lambda", "FunctionArn": "{function}"},
        step("evaluate", Depth=5),
    ],
}


def body() -> dict[str, Any]:
    """As CloudFormation has it: texts with what it puts in between."""
    text = json.dumps(DEFINITION)
    parts: list[Any] = [text]
    for name, intrinsic in (("role", ROLE), ("bucket", BUCKET), ("function", FUNCTION)):
        marked = f"{{{name}}}"
        divided: list[Any] = []
        for part in parts:
            pieces = part.split(marked) if isinstance(part, str) else [part]
            for number, piece in enumerate(pieces):
                divided += [intrinsic] * bool(number) + [piece]
        parts = divided
    return {"Fn::Join": ["", parts]}


def filled(definition: Any = DEFINITION, **values: str) -> str:
    text = json.dumps(definition)
    for name, value in {**VALUES, **values}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


STACK = StackDefinition.of(body())


def edited() -> dict[str, Any]:
    """A step is put in before the others, another is changed, and one is gone."""
    steps = [step("clean"), step("prepare"), step("evaluate", Depth=7)]
    return {**DEFINITION, "Steps": steps}


def test_what_cloudformation_made_of_it_is_the_same() -> None:
    assert STACK.is_of(filled())
    assert STACK.is_of(filled(json.loads(json.dumps(DEFINITION).replace("1.0", "1"))))


@pytest.mark.parametrize(
    "definition",
    [
        edited(),
        {**DEFINITION, "Steps": [*DEFINITION["Steps"], step("more")]},
        {**DEFINITION, "Metadata": {}},
        {**DEFINITION, "Version": "2021"},
    ],
)
def test_an_edit_is_not(definition: Any) -> None:
    assert not STACK.is_of(filled(definition))


def test_one_value_in_two_places_is_one_value() -> None:
    other_role = filled().replace(VALUES["role"], "arn:aws:iam::1:role/other", 1)
    assert not STACK.is_of(other_role)


def test_what_was_deployed_is_told_from_what_an_edit_left_of_it_and_the_source() -> None:
    assert STACK.resolved(filled(edited())) is None, "no place of it holds the function's ARN"
    text = STACK.resolved(filled(edited()), filled())
    assert text is not None
    assert json.loads(text) == json.loads(filled())


def test_a_value_that_is_two_things_is_not_guessed() -> None:
    assert STACK.resolved(filled(), filled(bucket="another")) is None


def test_a_definition_without_values_is_a_text() -> None:
    stack = StackDefinition.of('{"Steps": []}')
    assert stack.is_of('{"Steps":[]}')
    assert stack.resolved('{"Steps":[1]}') == '{"Steps":[]}'


def test_a_body_of_another_kind_is_said() -> None:
    with pytest.raises(ValueError, match="expected a text or Fn::Join"):
        StackDefinition.of({"Fn::Sub": "x"})
