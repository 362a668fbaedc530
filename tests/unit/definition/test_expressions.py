"""References, calls and leaves of a definition, and documents made of others."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.definition.expressions import calls, function_of, is_token, leaves
from ratchet.definition.references import Key, parse, written
from ratchet.definition.rewriting import REMOVED, rewritten

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("Parameters.Data", "Data", ()),
        ("Execution.PipelineExecutionId", "PipelineExecutionId", ()),
        ("Steps.a", "a", ()),
        ("Steps.a-b_c.X.Y", "a-b_c", ("X", "Y")),
        ("Steps.a.Outputs['train'].S3Uri", "a", ("Outputs", "train", "S3Uri")),
        ('Steps.a.Outputs["train"]', "a", ("Outputs", "train")),
        ("Steps.a.Jobs[0].Name", "a", ("Jobs", 0, "Name")),
    ],
)
def test_a_reference_is_read_in_either_quotes(text: str, name: str, path: Any) -> None:
    reference = parse(text)
    assert (reference.fault, reference.name, reference.path) == ("", name, path)


@pytest.mark.parametrize(
    "text",
    ["", "Data", "Steps", "Steps.", "Steps.a b.X", "Steps.a.X[", "Steps.a..X", "Parameters.A.B"],
)
def test_what_is_no_reference_says_why(text: str) -> None:
    assert parse(text).fault


def test_a_key_is_told_from_a_member_and_written_again() -> None:
    for text in ("Steps.a.Outputs['x'].Uri", "Steps.a.List[3]", "Steps.a"):
        reference = parse(text)
        assert written(reference.name, reference.path) == text
    member, key = parse("Steps.a.train['train']").path
    assert member == key
    assert isinstance(key, Key)
    assert not isinstance(member, Key)


def test_property_files_and_output_parameters_are_told_by_name() -> None:
    assert parse("Steps.a.PropertyFiles.report").property_file == "report"
    assert parse("Steps.a.OutputParameters['uri']").output_parameter == "uri"
    assert parse("Steps.a.OutputParameters['uri']").property_file is None
    assert parse("Steps.a.PropertyFiles").property_file is None


def test_leaves_stop_at_calls_and_say_where_they_are() -> None:
    value = {"Arguments": {"Args": ["x", {"Get": "Parameters.P"}], "N": None}}
    collected = list(leaves(value))
    assert [leaf.argument for leaf in collected] == ["Args[0]", "Args[1]", "N"]
    assert [leaf.name for leaf in collected] == ["Args[0]", "Args[1]", "N"]
    assert collected[1].place == "Arguments.Args[1]"
    assert [leaf.place for leaf in leaves(value, into_calls=True)][1] == "Arguments.Args[1].Get"


def test_calls_inside_of_calls_belong_to_the_outermost() -> None:
    inner = {"Get": "Parameters.P"}
    outer, get = calls({"A": [{"Std:Join": {"On": "", "Values": [inner, "x"]}}]})
    assert (outer.function, get.function, get.operand) == ("Std:Join", "Get", "Parameters.P")
    assert outer.argument == get.argument == "A[0]"
    assert get.place == "A[0].Std:Join.Values[0]"


def test_only_an_object_with_one_known_member_is_a_call() -> None:
    assert function_of({"Get": "x"}) == "Get"
    assert function_of({"Get": "x", "Path": "y"}) is None
    assert function_of({"Gets": "x"}) is function_of("Get") is function_of([]) is None


def test_tokens_of_the_cdk_are_told_in_texts_and_numbers() -> None:
    assert is_token("s3://${Token[TOKEN.5]}/x")
    assert is_token("#{Token[X]}")
    assert is_token(-1.8e289)
    assert not is_token("${ratchet:role}")
    assert not is_token(-1.0)
    assert not is_token(None)


@given(JSON)
def test_a_leaf_that_is_replaced_is_all_that_changes(value: Any) -> None:
    before = copy.deepcopy(value)
    for leaf in leaves(value):
        if not leaf.keys:
            continue
        after = rewritten(value, {leaf.keys: "new"})
        assert value == before
        new = {other.keys: other.value for other in leaves(after)}
        old = {other.keys: other.value for other in leaves(value)}
        assert new == {**old, leaf.keys: "new"}


def test_what_is_unchanged_is_shared_and_members_come_and_go() -> None:
    body = {"a": {"x": 1}, "b": {"y": [1, 2]}}
    after = rewritten(body, {("a", "x"): REMOVED, ("a", "z"): 3, ("b", "y", 1): 4})
    assert after == {"a": {"z": 3}, "b": {"y": [1, 4]}}
    assert rewritten(body, {("a", "x"): 2})["b"] is body["b"]
    assert rewritten(body, {}) is body


@pytest.mark.parametrize(
    "keys", [(), ("c", "x"), ("b", "y", 2), ("b", "y", "z"), ("a", 0), ("a", "x", "deep")]
)
def test_a_place_that_is_not_there_is_refused(keys: Any) -> None:
    with pytest.raises(LookupError):
        rewritten({"a": {"x": 1}, "b": {"y": [1, 2]}}, {keys: 0})


@pytest.mark.parametrize("keys", [("x",), ("y", 0)])
def test_only_a_member_that_is_there_can_be_removed(keys: Any) -> None:
    with pytest.raises(LookupError):
        rewritten({"y": [1]}, {keys: REMOVED})
