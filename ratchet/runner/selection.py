"""Which results a run of selected steps takes from an earlier run (pure).

Developer guide, "Selective execution of pipeline steps": the selected steps hang together in the
graph, with every step between two of them; the others are not run. What selected steps need of
steps that are not selected comes from a reference execution.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import RunnerError
from ratchet.runner.records import StepRecord


def reused(
    steps: Mapping[str, RunnableStep],
    selected: Collection[str],
    earlier: Mapping[str, StepRecord] | None,
) -> dict[str, StepRecord]:
    """The records of steps outside of the selection that it needs.

    `earlier`: the steps of the reference execution that have succeeded; None: there is no
    reference. Raises `RunnerError` where such a run could not go to its end.
    """
    chosen = set(selected)
    for name in selected:
        if name not in steps:
            raise RunnerError(f"there is no step {name!r}; the steps are {', '.join(steps)}")
    _check_between(steps, chosen)
    _check_connected(steps, chosen)
    needed: dict[str, StepRecord] = {}
    for name in steps:
        if name in chosen:
            for other in sorted(steps[name].needs - chosen):
                needed[other] = _result_of(steps[other], name, earlier)
            _check_branch(steps[name], needed)
    return needed


def _result_of(
    step: RunnableStep, needed_by: str, earlier: Mapping[str, StepRecord] | None
) -> StepRecord:
    if earlier is None:
        raise RunnerError(
            f"step {needed_by!r} needs the result of {step.name!r}: select that step too, or name "
            "an earlier execution (SourcePipelineExecutionArn)"
        )
    record = earlier.get(step.name)
    if record is None:
        raise RunnerError(
            f"step {needed_by!r} needs the result of {step.name!r}, which did not succeed in the "
            "source execution: select that step too, or name another execution"
        )
    if record.type != step.type:
        raise RunnerError(
            f"step {step.name!r} is a {step.type} step now and was a {record.type} step in the "
            "source execution: select it too"
        )
    return record


def _check_branch(step: RunnableStep, needed: Mapping[str, StepRecord]) -> None:
    if step.branch is None or step.branch.gate not in needed:
        return
    gate = step.branch.gate
    outcome = needed[gate].outcome
    if (outcome == "true") != step.branch.outcome:
        raise RunnerError(
            f"step {step.name!r} is in the branch that {gate!r} did not take in the source "
            f"execution (its outcome was {outcome}): select {gate!r} too"
        )


def _check_between(steps: Mapping[str, RunnableStep], chosen: set[str]) -> None:
    """Every step on a path from one selected step to another is selected."""
    above = _ancestors(steps, chosen)
    for name in steps:
        if name in above - chosen and _ancestors(steps, {name}) & chosen:
            raise RunnerError(f"step {name!r} is between selected steps: select it too")


def _ancestors(steps: Mapping[str, RunnableStep], names: Collection[str]) -> set[str]:
    ancestors: set[str] = set()
    pending = [other for name in names for other in steps[name].needs]
    while pending:
        name = pending.pop()
        if name not in ancestors:
            ancestors.add(name)
            pending += steps[name].needs
    return ancestors


def _check_connected(steps: Mapping[str, RunnableStep], chosen: set[str]) -> None:
    if not chosen:
        return
    joined: dict[str, set[str]] = {name: set() for name in chosen}
    for name in chosen:
        for other in steps[name].needs & chosen:
            joined[name].add(other)
            joined[other].add(name)
    first = next(name for name in steps if name in chosen)
    reached, pending = {first}, [first]
    while pending:
        for other in joined[pending.pop()] - reached:
            reached.add(other)
            pending.append(other)
    apart = [name for name in steps if name in chosen - reached]
    if apart:
        raise RunnerError(
            f"the selected steps are not connected: nothing leads from {first!r} to {apart[0]!r}. "
            "Select the steps between them, or run them one after the other"
        )
