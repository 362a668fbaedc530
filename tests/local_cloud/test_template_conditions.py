"""Conditions of templates that join texts before they compare."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.services.cloudformation import engine

from ratchet.local_cloud.emulator.conditions import _joining, joined

HAS_POLICIES = {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Policies"}]}]}]}


def parameter(value: str) -> dict[str, Any]:
    return {"Policies": {"Value": value, "Type": "CommaDelimitedList", "NoEcho": False}}


@pytest.mark.parametrize(("value", "expected"), [("", False), ("arn:a,arn:b", True)])
def test_an_empty_list_joins_to_nothing(value: str, expected: bool) -> None:
    evaluate = _joining(engine._evaluate_conditions)
    template = {"Conditions": {"HasPolicies": HAS_POLICIES}}
    assert evaluate(template, parameter(value)) == {"HasPolicies": expected}


def test_texts_lists_and_parameters_join() -> None:
    value = {"Fn::Join": ["-", ["a", {"Ref": "Policies"}, {"Fn::Join": ["", ["b", "c"]]}]]}
    assert joined(value, parameter("x, y")) == "a-x-y-bc"
