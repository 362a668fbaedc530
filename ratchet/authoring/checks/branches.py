"""Does every step stand in one place, under one name?

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html#step-type-condition
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from difflib import get_close_matches

from ratchet.authoring.errors import Problem
from ratchet.definition import service_model
from ratchet.definition.document import Branch, DefinedStep, Document
from ratchet.definition.step_types import STEP_TYPES


def check(document: Document) -> Iterator[Problem]:
    by_name: dict[str, list[DefinedStep]] = defaultdict(list)
    for step in document.steps:
        by_name[step.name].append(step)
        yield from _name(step.name)
        yield from _type(step)
        if step.branch is not None and step.row.holds_branches:
            yield Problem(
                step=step.name,
                expected=f"a gate cannot stand in a branch of another ({step.branch.gate!r})",
                fix="put its conditions into that gate, or let it follow at the top level",
            )
    for name, steps in by_name.items():
        if len(steps) > 1:
            yield _repeated(name, steps)


def _name(name: str) -> Iterator[Problem]:
    shape = service_model.shape("StepName")
    longest = shape["max"]
    if len(name) > longest:
        expected = f"a step's name has at most {longest} characters, and this has {len(name)}"
        yield Problem(step=name, expected=expected, fix="shorten it")
    pattern = service_model.pattern(shape["pattern"])
    if not name or (pattern and not pattern.fullmatch(name)):
        expected = "a step's name consists of letters, digits, hyphens and underscores"
        yield Problem(step=name, expected=expected)


def _type(step: DefinedStep) -> Iterator[Problem]:
    # A type that is not in the table may be a new one; one that nearly is in it is a slip.
    if step.type in STEP_TYPES:
        return
    same = [name for name in STEP_TYPES if name.casefold() == step.type.casefold()]
    close = same or get_close_matches(step.type, STEP_TYPES, n=1, cutoff=0.8)
    if close:
        yield Problem(
            step=step.name,
            argument="type",
            value=step.type,
            expected="there is no such step type",
            fix=f"did you mean {close[0]!r}?",
        )


def _repeated(name: str, steps: list[DefinedStep]) -> Problem:
    branches = {step.branch for step in steps}
    gates = {branch.gate for branch in branches if branch}
    if len(gates) == 1 and len(branches) == 2 and None not in branches:
        expected = f"it stands in both branches of {next(iter(gates))!r}"
        fix = "let it follow before the gate, or make two steps with names of their own"
    elif gates and len(branches) > 1:
        places = ", ".join(sorted(map(_place, branches)))
        expected = f"it stands in {len(branches)} places: {places}"
        fix = "a step stands in one branch, or at the top level"
    else:
        expected = f"{len(steps)} steps have this name"
        fix = "names are unique in a pipeline"
    return Problem(step=name, expected=expected, fix=fix)


def _place(branch: Branch | None) -> str:
    if branch is None:
        return "the top level"
    return f"{'then' if branch.outcome else 'otherwise'!r} of {branch.gate!r}"
