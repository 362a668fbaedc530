"""The reader: what it makes of a document, and that it refuses none that is a JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ratchet.definition.document import Branch, read
from ratchet.definition.violations import NAME, NESTED, REPEATED, DocumentError


def document(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Steps": list(steps), **more}


def gate(name: str, *, then: Any = (), otherwise: Any = ()) -> dict[str, Any]:
    arguments = {"Conditions": [], "IfSteps": list(then), "ElseSteps": list(otherwise)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {}, **more}


def get(text: str) -> dict[str, str]:
    return {"Get": text}


def test_steps_of_branches_follow_their_gate_and_know_where_they_stand() -> None:
    steps = read(
        document(step("a"), gate("g", then=[step("b")], otherwise=[step("c")]), step("d"))
    ).steps
    assert [each.name for each in steps] == ["a", "g", "b", "c", "d"]
    assert [each.branch for each in steps[2:4]] == [Branch("g", True), Branch("g", False)]
    assert steps[3].place == "Steps[1].Arguments.ElseSteps[0]"
    assert steps[2].excludes(steps[3])
    assert not steps[0].excludes(steps[3])


def test_branches_of_two_gates_do_not_exclude_each_other() -> None:
    steps = read(document(gate("g", then=[step("a")]), gate("h", otherwise=[step("b")]))).by_name
    assert not steps["a"].excludes(steps["b"])


def test_a_name_that_stands_twice_means_the_first_of_its_steps() -> None:
    steps = read(document(step("a", Type="Training"), step("b"), step("a"))).by_name
    assert list(steps) == ["a", "b"]
    assert steps["a"].type == "Training"


def test_a_gate_is_read_without_the_steps_of_its_branches() -> None:
    inner = step("b", Arguments={"Environment": {"X": get("Steps.a.ProcessingJobName")}})
    _, decides, behind = read(document(step("a"), gate("g", then=[inner]))).steps
    assert "IfSteps" not in decides.body["Arguments"]
    assert decides.needs == frozenset()
    assert behind.needs == {"a", "g"}


def test_text_and_object_are_read_alike() -> None:
    body = document(step("a", DependsOn=["b"]), step("b"))
    assert [each.needs for each in read(json.dumps(body)).steps] == [{"b"}, frozenset()]
    assert read(json.dumps(body).encode()).body == read(body).body


def test_what_a_step_refers_to_is_read_once_and_in_every_depth() -> None:
    uri = {"Std:Join": {"On": "/", "Values": [get("Parameters.Data"), get("Steps.a.X['k']")]}}
    (only,) = read(document(step("b", Arguments={"Environment": {"URI": uri}}))).steps
    places = [(call.argument, reference.text) for call, reference in only.references]
    assert places == [("Environment.URI", "Parameters.Data"), ("Environment.URI", "Steps.a.X['k']")]


def test_declared_outputs_and_property_files_are_named() -> None:
    (only,) = read(
        document(
            step(
                "a",
                OutputParameters=[{"OutputName": "uri", "OutputType": "String"}, {"Other": 1}],
                PropertyFiles=[
                    {"PropertyFileName": "r", "OutputName": "o", "FilePath": "r.json"},
                    {"PropertyFileName": "half"},
                ],
            )
        )
    ).steps
    assert only.output_parameters == {"uri": "String"}
    assert [file.path for file in only.property_files.values()] == ["r.json"]


@pytest.mark.parametrize(
    ("steps", "rule", "place"),
    [
        ([step("a b")], NAME, "Steps[0].Name"),
        ([step("a" * 65)], NAME, "Steps[0].Name"),
        ([{"Type": "Fail"}], NAME, "Steps[0].Name"),
        ([step("a"), step("a")], REPEATED, "Steps[1].Name"),
        ([gate("g", then=[gate("h")])], NESTED, "Steps[0].Arguments.IfSteps[0].Type"),
        ([step("a", Type=7)], "", "Steps[0].Type"),
        ([step("a", Arguments=[])], "", "Steps[0].Arguments"),
        ([step("a", DependsOn="b")], "", "Steps[0].DependsOn"),
        ([step("a", DependsOn=[1])], "", "Steps[0].DependsOn"),
        (["a"], "", "Steps[0]"),
        ([], "", "Steps"),
    ],
)
def test_a_mistake_is_named_where_it_stands_and_read_all_the_same(
    steps: list[Any], rule: str, place: str
) -> None:
    read_document = read(document(*steps))
    (violation,) = read_document.violations
    assert (violation.rule, violation.place) == (rule, place)
    assert len(read_document.steps) == len([each for each in steps if isinstance(each, dict)]) + (
        rule == NESTED
    )
    with pytest.raises(DocumentError, match="has 1 problem:"):
        read_document.required()


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ([{"Name": "A", "Type": "String"}, {"Name": "A", "Type": "String"}], "Parameters[1].Name"),
        ({"A": 1}, "Parameters"),
        ([{"Name": "A", "Type": "String", "EnumValues": "x"}], "Parameters[0].EnumValues"),
    ],
)
def test_a_mistake_of_a_parameter_is_about_no_step(parameters: Any, place: str) -> None:
    (violation,) = read(document(step("A"), Parameters=parameters)).violations
    assert (violation.place, violation.step) == (place, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: not JSON"),
        ("[]", "expected an object, got list"),
        ('"{}"', "expected an object, got string"),
        (b"\xff\xfe\xfa", "not UTF-8|not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_only_what_is_no_object_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read(text)


def test_anything_else_is_read_however_strange() -> None:
    values: list[Any] = [None, 1, "x", [], {}, [None], [[]], {"Steps": {}}, True]
    for strange in values:
        for key in ("Steps", "Parameters", "PipelineExperimentConfig"):
            read({key: strange}).cycle  # noqa: B018
        for key in ("Name", "Type", "Arguments", "DependsOn", "PropertyFiles", "OutputParameters"):
            (only,) = read(document({**step("a"), key: strange})).steps
            assert only.arguments is not None
            assert [only.needs, only.leaves, only.property_files, only.output_parameters]
            branches = {"Arguments": {"IfSteps": strange, "ElseSteps": strange}}
            read(document({**gate("g"), **branches})).cycle  # noqa: B018


def test_steps_that_wait_for_each_other_are_named_in_their_order() -> None:
    waiting = read(
        document(
            step("a", DependsOn=["b"]),
            step("b", Arguments={"Environment": {"X": get("Steps.c.ProcessingJobArn")}}),
            step("c", DependsOn=["a", "elsewhere"]),
        )
    )
    first, *others = waiting.cycle
    assert others[-1] == first
    assert set(others) == {"a", "b", "c"}
    needs = {each.name: each.needs for each in waiting.steps}
    assert all(later in needs[name] for name, later in zip(waiting.cycle, others, strict=False))
    assert read(document(step("a"))).cycle == ()


def _step(name: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "DependsOn": list(after), "Arguments": more}


def _gate(name: str, then: Sequence[Any] = (), otherwise: Sequence[Any] = (), *after: str) -> Any:
    branches = {"Conditions": [], "IfSteps": list(then), "ElseSteps": list(otherwise)}
    return {"Name": name, "Type": "Condition", "DependsOn": list(after), "Arguments": branches}


C = _gate("c", [_step("a")], [_step("b")])
D = _gate("d", [_step("e")], [_step("f")])


@pytest.mark.parametrize(
    ("steps", "never"),
    [
        ([C, _step("z", "a", "b")], {"z": ("c", "a", "b")}),
        ([C, _step("y", "a"), _step("z", "y", "b")], {"z": ("c", "a", "b")}),
        ([C, _step("z", "a", "b"), _step("after", "z")], {"z": ("c", "a", "b")}),
        ([C, _step("z", "a", URI={"Get": "Steps.b.ProcessingJobName"})], {"z": ("c", "a", "b")}),
        ([C, _gate("d", [_step("z", "b")], [], "a")], {"z": ("c", "a", "b")}),
        ([C, _gate("d", [_step("z")], [], "a", "b")], {"d": ("c", "a", "b")}),
        ([C, D, _step("z", "a", "f", "b", "e")], {"z": ("c", "a", "b")}),
        ([C, _step("z", "a")], {}),
        ([C, _step("z", "c")], {}),
        ([C, D, _step("z", "a", "e")], {}),
        ([C, D, _step("z", "a", "f")], {}),
        ([C, D, _step("y", "a", "f"), _step("x", "b", "e")], {}),
        ([_gate("c", [_step("a", "b")], [_step("b")])], {}),
        ([_gate("c", [_step("a", "b")], [_step("b")]), _step("z", "a", "b")], {}),
        ([_step("a", "b"), _step("b", "a")], {}),
    ],
)
def test_a_step_that_needs_both_branches_of_a_gate_never_runs(
    steps: list[Any], never: dict[str, tuple[str, str, str]]
) -> None:
    assert dict(read({"Steps": steps}).never_run) == never
