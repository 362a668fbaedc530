"""Every operator of a gate, and what a gate refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.authoring import Condition, Pipeline
from ratchet.authoring.variables import Metric

REGRESSION = Metric("evaluate", "evaluation", "regression")
STATUS = Metric("evaluate", "evaluation", "champion.status")

Problems = Callable[[Pipeline], list[str]]


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (REGRESSION == 0.5, "Equals"),
        (REGRESSION > 0.5, "GreaterThan"),
        (REGRESSION >= 0.5, "GreaterThanOrEqualTo"),
        (REGRESSION < 0.5, "LessThan"),
        (REGRESSION <= 0.5, "LessThanOrEqualTo"),
        (REGRESSION.equals(0.5), "Equals"),
    ],
)
def test_a_comparison_is_written_with_its_two_sides(condition: Condition, kind: str) -> None:
    assert condition.to_json() == {
        "Type": kind,
        "LeftValue": REGRESSION.to_json(),
        "RightValue": 0.5,
    }


def test_a_literal_on_the_left_turns_the_comparison_round() -> None:
    assert (0.5 >= REGRESSION).to_json() == (REGRESSION <= 0.5).to_json()  # noqa: SIM300


def test_membership_names_the_value_and_the_choices() -> None:
    assert STATUS.is_in(["scored", "none"]).to_json() == {
        "Type": "In",
        "QueryValue": STATUS.to_json(),
        "Values": ["scored", "none"],
    }


def test_not_wraps_one_condition() -> None:
    assert (~(REGRESSION > 0)).to_json() == {"Type": "Not", "Condition": (REGRESSION > 0).to_json()}
    assert (STATUS != "none").to_json() == {
        "Type": "Not",
        "Condition": (STATUS == "none").to_json(),
    }


def test_either_of_many_is_one_flat_or() -> None:
    first, second, third = REGRESSION < 0, REGRESSION == 1, STATUS == "none"

    assert (first | second | third).to_json() == {
        "Type": "Or",
        "Conditions": [first.to_json(), second.to_json(), third.to_json()],
    }


@given(st.lists(st.integers(), min_size=2, max_size=6), st.data())
def test_or_is_flat_however_it_is_bracketed(values: list[int], data: st.DataObject) -> None:
    parts = [REGRESSION.equals(value) for value in values]
    while len(parts) > 1:
        left = data.draw(st.integers(0, len(parts) - 2))
        parts[left : left + 2] = [parts[left] | parts[left + 1]]

    assert [each["RightValue"] for each in parts[0].to_json()["Conditions"]] == values


def test_the_conditions_of_a_gate_are_a_list(pipeline: Pipeline) -> None:
    score = pipeline.number("Score", default=1)
    pipeline.gate("open", score > 0, score < 2, then=pipeline.halt("done"))

    (gate,) = pipeline.definition()["Steps"]

    assert [each["Type"] for each in gate["Arguments"]["Conditions"]] == ["GreaterThan", "LessThan"]


def test_a_condition_is_no_python_bool() -> None:
    with pytest.raises(TypeError, match=r"give it to gate\(…\)"):
        bool(REGRESSION < 0)
    with pytest.raises(TypeError, match="ANDed"):
        0 < REGRESSION < 1  # noqa: B015


def test_a_gate_without_conditions_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.gate("open", then=pipeline.halt("done"))

    (problem,) = problems(pipeline)

    assert "step 'open', conditions: a gate without conditions is always open" in problem


def test_a_gate_without_branches_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.gate("open", pipeline.number("Score", default=1) > 0)

    (problem,) = problems(pipeline)

    assert "neither branch has a step" in problem


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: p.string("X", default="a") <= 0.5, "a String cannot be compared by size"),
        (lambda p: p.boolean("X", default=True) == "true", "a Boolean is never equal to a String"),
        (lambda p: p.integer("X", default=1).is_in(["a"]), "an Integer is never equal to a String"),
        (lambda p: p.string("X", default="a").is_in([]), "the list of values is empty"),
        (lambda p: ~(p.string("X", default="a") > 1), "a String cannot be compared by size"),
        (lambda p: (p.number("X", default=1) == 1) | (p.string("Y", default="a") < "b"), "by size"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(
    pipeline: Pipeline, problems: Problems, make: Callable[[Pipeline], Any], expected: str
) -> None:
    pipeline.gate("open", make(pipeline), then=pipeline.halt("done"))

    (problem,) = problems(pipeline)

    assert problem.startswith("step 'open', conditions[0] = {'Type':")
    assert expected in problem


def test_integers_and_floats_compare(pipeline: Pipeline) -> None:
    rounds, limit = pipeline.integer("Rounds", default=1), pipeline.number("Limit", default=2.5)
    pipeline.gate("open", rounds <= limit, rounds == 2, then=pipeline.halt("done"))

    assert pipeline.definition()


def test_a_bare_python_bool_is_refused_as_a_condition(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.gate("open", 1 < 2, then=pipeline.halt("done"))  # type: ignore[arg-type]

    (problem,) = problems(pipeline)

    assert "it is no condition: compare a parameter, property or metric" in problem
