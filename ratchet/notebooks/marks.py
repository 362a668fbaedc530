"""Marks: how a cell says to which step it belongs.

A cell belongs to the step NAME by its tag `step:NAME`, or by a first line `#| step: NAME`. The line
may go on with `-> a, b`, the names that the step hands on. A mark that is nearly right is a
problem with a place, never silently no mark.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

STEP_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_MARK = re.compile(r"#\| +step:[ \t]*(?P<rest>.*)")
# What somebody may have meant as a mark: `#|step:`, `# | step`, `#| Step:`, `#| steps:`.
_NEARLY = re.compile(r"#+\s*\|\s*steps?\b", re.IGNORECASE)
# Without the bar it is a mark only where it can hardly be a remark: one word in small letters.
_BARLESS = re.compile(r"#\s*step:\s*[a-z][a-z0-9_-]*(\s*->.*)?")
_TAG = "step:"
_NEARLY_TAG = re.compile(r"\s*steps?\s*[:=]", re.IGNORECASE)
_PROMOTED_TAG = "promoted:"
_EXPECTED = "write `#| step: NAME` or `#| step: NAME -> output, output`"


@dataclass(frozen=True)
class Mark:
    """What one cell says of its step."""

    step: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkFault:
    """A mark that is not as it should be: the line of the cell's source, from 1, and why."""

    line: int
    message: str


def read_mark(
    source: str, tags: Iterable[str], *, is_code: bool
) -> tuple[Mark | None, tuple[MarkFault, ...]]:
    """The mark of a cell, by its first lines and its tags; None when it has none or a faulty one.

    Args:
        source: the cell's text.
        tags: the cell's tags.
        is_code: whether it is a code cell; a text cell can be in no step.
    """
    tag_marks, faults = _tag_marks(tags)
    if not is_code:
        if tag_marks:
            faults.append(MarkFault(1, "a text cell cannot be part of a step; take the tag away"))
        return None, tuple(faults)
    line_marks, line_faults = _line_marks(source.splitlines())
    faults.extend(line_faults)
    names = list(dict.fromkeys(mark.step for mark in (*tag_marks, *line_marks)))
    if len(names) > 1:
        listed = " and ".join(f"`{name}`" for name in names)
        faults.append(MarkFault(1, f"tags and first line name {listed}; a cell has one step"))
    if faults or not names:
        return None, tuple(faults)
    outputs = dict.fromkeys(output for mark in line_marks for output in mark.outputs)
    return Mark(names[0], tuple(outputs)), ()


def promoted_step(tags: Iterable[str]) -> str | None:
    """The step whose script a cell calls, by its tag `promoted:NAME`; None for any other cell."""
    names = [tag.removeprefix(_PROMOTED_TAG) for tag in tags if tag.startswith(_PROMOTED_TAG)]
    return next((name for name in names if STEP_NAME.fullmatch(name)), None)


def _tag_marks(tags: Iterable[str]) -> tuple[list[Mark], list[MarkFault]]:
    marks: list[Mark] = []
    faults: list[MarkFault] = []
    for tag in tags:
        name = tag.removeprefix(_TAG)
        if not _NEARLY_TAG.match(tag):
            continue
        if not tag.startswith(_TAG) or name != name.strip():
            faults.append(MarkFault(1, f"the tag `{tag}` is nearly a mark; write `step:NAME`"))
        elif problem := _name_problem(name):
            faults.append(MarkFault(1, f"the tag `{tag}`: {problem}"))
        else:
            marks.append(Mark(name))
    return marks, faults


def _line_marks(lines: Sequence[str]) -> tuple[list[Mark], list[MarkFault]]:
    marks: list[Mark] = []
    faults: list[MarkFault] = []
    first_lines = set(_first_lines(lines))
    for number, line in enumerate(lines, 1):
        text = line.strip()
        exact = _MARK.fullmatch(text)
        nearly = _NEARLY.match(text) or (number in first_lines and _BARLESS.fullmatch(text))
        if exact and number in first_lines:
            mark = _parse_mark(exact["rest"].strip())
            if isinstance(mark, Mark):
                marks.append(mark)
            else:
                faults.append(MarkFault(number, f"`{text}`: {mark}"))
        elif exact:
            faults.append(MarkFault(number, f"`{text}` counts only as the first line of a cell"))
        elif nearly:
            faults.append(MarkFault(number, f"`{text}` is nearly a mark; {_EXPECTED}"))
    return marks, faults


def _first_lines(lines: Sequence[str]) -> Iterator[int]:
    """The numbers of the lines on which a mark counts: the first ones, among others with `#|`,
    which other programs read, and after a magic for the whole cell."""
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("#"):
            yield number
        if text and not text.startswith(("#|", "%%")):
            return


def _parse_mark(rest: str) -> Mark | str:
    """The mark that the text after `step:` gives, or what is wrong with it."""
    name, arrow, listed = (part.strip() for part in rest.partition("->"))
    if problem := _name_problem(name):
        return problem
    outputs = tuple(output.strip() for output in listed.split(",")) if listed else ()
    if arrow and not outputs:
        return "no name stands after `->`; name the outputs, or leave `->` out"
    for output in outputs:
        if not output.isidentifier() or keyword.iskeyword(output):
            return f"`{output}` after `->` is no name of Python; separate names by commas"
    if len(set(outputs)) < len(outputs):
        return "a name stands twice after `->`"
    return Mark(name, outputs)


def _name_problem(name: str) -> str | None:
    if not name:
        return f"it names no step; {_EXPECTED}"
    if not STEP_NAME.fullmatch(name):
        return (
            f"`{name}` is no name of a step; use small letters, digits, - and _, "
            "and begin with a letter"
        )
    if keyword.iskeyword(name):
        return f"`{name}` is a word of Python itself; choose another name"
    return None
