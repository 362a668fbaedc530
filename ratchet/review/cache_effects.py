"""Which steps lose their cached results by a change, and why.

SageMaker takes an earlier result when the step's key attributes are equal (developer guide,
"Default cache key attributes by pipeline step type"; they are a column of the table of step types).
What a step takes of an earlier one has a new value once that one has run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ratchet.definition import references
from ratchet.definition.cache_keys import compared
from ratchet.definition.expressions import GET, calls
from ratchet.definition.references import STEPS
from ratchet.definition.row import ALL, Selection
from ratchet.review.differences import DefinitionComparison, is_code
from ratchet.runner.definition import RunnableStep


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What becomes of a step's cached results. `reasons`: paths that changed, or `after <step>`
    for what it takes of steps that run again; empty: it keeps them."""

    step: str
    reasons: tuple[str, ...] = ()

    @property
    def keeps(self) -> bool:
        return not self.reasons


def effects(comparison: DefinitionComparison) -> tuple[Effect, ...]:
    """For each step of the later definition that caches, in its order."""
    again: set[str] = set()
    cached = []
    steps = comparison.after.steps
    for name in in_running_order(steps):
        step = steps[name]
        reasons = list(_reasons(comparison, step, again))
        if reasons:
            again.add(name)
        if step.cache_for is not None:
            cached.append(Effect(step=name, reasons=tuple(reasons)))
    order = list(steps)
    return tuple(sorted(cached, key=lambda effect: order.index(effect.step)))


def _reasons(
    comparison: DefinitionComparison, step: RunnableStep, again: set[str]
) -> Iterator[str]:
    kinds = {difference.kind for difference in comparison.of(step.name)}
    if "step-added" in kinds:
        yield "it is new"
        return
    if "step-renamed" in kinds:
        yield "it has another name"
        return
    if step.row.cache_key is None:
        return  # never cached: that it runs changes nothing
    selection = {**step.row.cache_key, **dict.fromkeys(step.row.cache_key_beside, ALL)}
    before = comparison.before.steps.get(step.name)
    if before is not None and before.cache_for is None and step.cache_for is not None:
        yield "it was not cached before"
    reasons: dict[str, None] = {}
    for difference in comparison.of(step.name):
        if difference.path and _counts(difference.path, selection):
            reasons["its code" if is_code(difference.path) else difference.path] = None
    for other in sorted(sources_of_key(step) & again):
        reasons[f"after {other}"] = None
    yield from reasons


def _counts(path: str, selection: Selection) -> bool:
    """Whether a path below the arguments is part of the cache key."""
    head, _, tail = path.replace("[", ".").partition(".")
    if head not in selection:
        return False
    below = selection[head]
    return not below or not tail or _counts(tail, below)


def sources_of_key(step: RunnableStep) -> set[str]:
    """Steps whose values are in the cache key of this one; of a step never cached, none."""
    gets = (call for leaf in compared(step) for call in calls(leaf.value) if call.function == GET)
    parsed = (references.parse(str(call.operand)) for call in gets)
    return {reference.name for reference in parsed if reference.root == STEPS}


def in_running_order(steps: Mapping[str, RunnableStep]) -> list[str]:
    """Names, each after those of the steps that it waits for."""
    order: list[str] = []
    waiting = list(steps)
    while waiting:
        name = next(name for name in waiting if steps[name].needs <= set(order))
        order.append(name)
        waiting.remove(name)
    return order
