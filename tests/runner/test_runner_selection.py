"""Runs that go on from earlier ones: retries, and runs of selected steps."""

import itertools
import threading
from typing import Any

import pytest

from ratchet.runner import Earlier, Parallelism, RunnerError, StepRecord, validate
from ratchet.runner.record_json import dumped, loaded
from ratchet.runner.selection import reused
from tests.runner.workbench import (
    Workbench,
    compare,
    condition,
    definition,
    fail,
    get,
    invoke,
    processing,
)

NUMBER = {"n": "Integer"}


def number_of(step: str) -> dict[str, str]:
    return get(f"Steps.{step}.OutputParameters['n']")


def chain(*names: str) -> list[dict[str, Any]]:
    """Lambda steps, each with the number of the one before."""
    steps = [invoke(names[0], NUMBER)]
    for before, name in itertools.pairwise(names):
        steps.append(invoke(name, NUMBER, n=number_of(before)))
    return steps


def counting(workbench: Workbench, *names: str) -> list[str]:
    """Functions that add one to what they get; the list has the calls in their order."""
    called: list[str] = []

    def function(name: str) -> Any:
        def call(payload: dict[str, Any]) -> dict[str, int]:
            called.append(name)
            return {"n": payload.get("n", 0) + 1}

        return call

    workbench.services.functions.update({name: function(name) for name in names})
    return called


def results_of(*records: StepRecord) -> dict[str, StepRecord]:
    """As they come back from where they were written down."""
    return {record.name: loaded(dumped(record)) for record in records}


def test_a_retry_keeps_what_succeeded_and_runs_the_rest(workbench: Workbench) -> None:
    document = definition(*chain("a", "b", "c"))
    called = counting(workbench, "a", "c")
    first = workbench.run(document)
    assert first.status == "Failed"  # there is no function b yet
    called += counting(workbench, "b", "c")
    earlier = Earlier(results=results_of(first.step("a")), attempts={"b": first.step("b").attempt})
    second = workbench.run(document, earlier=earlier)
    assert second.status == "Succeeded"
    assert second.step("c").output_parameters == {"n": 3}
    assert second.step("b").attempt == 2
    assert called == ["a"]
    assert workbench.observer.changes[0].name == "b"


def test_a_retry_follows_the_branch_that_was_taken_before(workbench: Workbench) -> None:
    gate = condition(
        "gate", compare("Equals", 1, 1), then=[invoke("yes", {})], otherwise=[fail("halt", "no")]
    )
    first = workbench.run(definition(gate))
    assert first.step("gate").outcome == "true"
    called = counting(workbench, "yes")
    second = workbench.run(
        definition(gate), earlier=Earlier(results=results_of(first.step("gate")))
    )
    assert second.status == "Succeeded"
    assert called == ["yes"]


def test_only_selected_steps_run_and_take_the_results_of_others(workbench: Workbench) -> None:
    called = counting(workbench, "a", "b", "c", "d")
    document = definition(*chain("a", "b", "c", "d"))
    first = workbench.run(document)
    called.clear()
    source = results_of(*first.steps)
    needed = reused(validate(document).steps, ["b", "c"], source)
    second = workbench.run(document, earlier=Earlier(results=needed), selected=["b", "c"])
    assert second.status == "Succeeded"
    assert called == ["b", "c"]
    assert second.step("c").output_parameters == {"n": 3}
    with pytest.raises(KeyError):
        second.step("d")


@pytest.mark.parametrize(
    ("selected", "with_source", "message"),
    [
        (["x"], True, "there is no step 'x'; the steps are a, b, c, lone"),
        (["a", "c"], True, "step 'b' is between selected steps: select it too"),
        (["a", "lone"], True, "nothing leads from 'a' to 'lone'"),
        (["b"], False, "step 'b' needs the result of 'a': select that step too, or name"),
        (["c"], True, "'b', which did not succeed in the source execution"),
    ],
)
def test_a_selection_that_cannot_run_is_refused(
    workbench: Workbench, selected: list[str], with_source: bool, message: str
) -> None:
    counting(workbench, "a", "lone")  # b fails
    document = definition(*chain("a", "b", "c"), invoke("lone", NUMBER))
    first = workbench.run(document)
    source = results_of(*(record for record in first.steps if record.status == "Succeeded"))
    with pytest.raises(RunnerError, match=message):
        reused(validate(document).steps, selected, source if with_source else None)


def test_a_step_of_the_other_branch_needs_its_condition_selected_too(workbench: Workbench) -> None:
    counting(workbench, "yes", "no")
    gate = condition(
        "gate", compare("Equals", 1, 1), then=[invoke("yes", {})], otherwise=[invoke("no", {})]
    )
    first = workbench.run(definition(gate))
    steps, source = validate(definition(gate)).steps, results_of(*first.steps)
    assert set(reused(steps, ["yes"], source)) == {"gate"}
    with pytest.raises(RunnerError, match=r"did not take .* \(its outcome was true\)"):
        reused(steps, ["no"], source)


def test_a_step_that_became_another_type_is_not_reused(workbench: Workbench) -> None:
    counting(workbench, "a", "b")
    first = workbench.run(definition(*chain("a", "b")))
    now = definition(
        {**chain("a")[0], "Type": "Callback", "SqsQueueUrl": "https://queue"},
        invoke("b", NUMBER, n=number_of("a")),
    )
    with pytest.raises(RunnerError, match="is a Callback step now and was a Lambda step"):
        reused(validate(now).steps, ["b"], results_of(first.step("a")))


def test_more_steps_start_as_soon_as_more_may_run(workbench: Workbench) -> None:
    """The first waits for the second, which may not start before the limit is raised."""
    parallelism, met = Parallelism(1), threading.Event()

    def first(_: dict[str, Any]) -> dict[str, Any]:
        parallelism.change(2)
        assert met.wait(20)
        return {}

    def second(_: dict[str, Any]) -> dict[str, Any]:
        met.set()
        return {}

    workbench.services.functions.update({"first": first, "second": second})
    document = definition(invoke("first", {}), invoke("second", {}))
    assert workbench.run(document, parallelism=parallelism).status == "Succeeded"


def test_a_run_that_takes_too_long_is_stopped_and_has_failed(workbench: Workbench) -> None:
    result = workbench.run(definition(processing("slow", ["sleep", "60"])), seconds=0.3)
    assert result.status == "Failed"
    assert result.failure_reason == "The execution took longer than its limit of 0.3 seconds."
    assert result.step("slow").status == "Stopped"
