"""Does every step stand in one place, under one name?

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html#step-type-condition
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import Placed, placed_steps
from pipeline_defs.authoring.errors import Problem


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    by_name: dict[str, list[Placed]] = defaultdict(list)
    for placed in placed_steps(definition):
        by_name[placed.name].append(placed)
        yield from _name(placed.name)
        yield from _type(placed)
        if placed.gate is not None and placed.type == "Condition":
            yield Problem(
                step=placed.name,
                expected=f"a gate cannot stand in a branch of another ({placed.gate!r})",
                fix="put its conditions into that gate, or let it follow at the top level",
            )
    for name, places in by_name.items():
        if len(places) > 1:
            yield _repeated(name, places)


def _name(name: str) -> Iterator[Problem]:
    shape = schema.shape("StepName")
    longest = shape["max"]
    if len(name) > longest:
        expected = f"a step's name has at most {longest} characters, and this has {len(name)}"
        yield Problem(step=name, expected=expected, fix="shorten it")
    pattern = schema.pattern(shape["pattern"])
    if not name or (pattern and not pattern.fullmatch(name)):
        expected = "a step's name consists of letters, digits, hyphens and underscores"
        yield Problem(step=name, expected=expected)


def _type(placed: Placed) -> Iterator[Problem]:
    # A type that is not known here may be a new one; one that nearly is known is a slip.
    known = list(schema.STEP_TYPES)
    if placed.type not in known:
        same = [name for name in known if name.casefold() == placed.type.casefold()]
        close = same or get_close_matches(placed.type, known, n=1, cutoff=0.8)
        if close:
            expected, fix = "there is no such step type", f"did you mean {close[0]!r}?"
            yield Problem(
                step=placed.name, argument="type", value=placed.type, expected=expected, fix=fix
            )


def _repeated(name: str, places: list[Placed]) -> Problem:
    gates = {(placed.gate, placed.branch) for placed in places}
    if len({gate for gate, _ in gates}) == 1 and len(gates) == 2:
        expected = f"it stands in both branches of {places[0].gate!r}"
        fix = "let it follow before the gate, or make two steps with names of their own"
    elif any(gate is not None for gate, _ in gates) and len(gates) > 1:
        expected = f"it stands in {len(gates)} places: {', '.join(sorted(map(_place, gates)))}"
        fix = "a step stands in one branch, or at the top level"
    else:
        expected = f"{len(places)} steps have this name"
        fix = "names are unique in a pipeline"
    return Problem(step=name, expected=expected, fix=fix)


def _place(place: tuple[str | None, str | None]) -> str:
    gate, branch = place
    return f"{branch!r} of {gate!r}" if gate else "the top level"
