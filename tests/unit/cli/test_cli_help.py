"""What `--help` shows fits into a terminal of 80 columns."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from ratchet.cli import main

_WIDTH = 78
"""Typer keeps the line breaks of a docstring and leaves a column free on either side."""


def _commands(command: Any, name: str = "ratchet") -> Iterator[tuple[str, Any]]:
    yield name, command
    for below in getattr(command, "commands", {}).values():
        yield from _commands(below, f"{name} {below.name}")


_COMMANDS = dict(_commands(typer.main.get_command(main.app)))


@pytest.mark.parametrize("name", _COMMANDS)
def test_no_line_of_help_breaks_in_a_terminal_of_80_columns(name: str) -> None:
    _, *paragraphs = inspect.cleandoc(_COMMANDS[name].help).split("\n\n")
    broken = [text.splitlines() for text in paragraphs if "\n" in text]
    assert not [line for lines in broken for line in lines if len(line) > _WIDTH]


def test_every_command_in_the_list_takes_one_line() -> None:
    widest = max(map(len, _COMMANDS["ratchet"].commands))
    room = 80 - len("│ ") - widest - len("  ") - len(" │")
    short = {
        name: below.get_short_help_str(400) for name, below in _COMMANDS["ratchet"].commands.items()
    }
    assert not {name: text for name, text in short.items() if len(text) > room}
