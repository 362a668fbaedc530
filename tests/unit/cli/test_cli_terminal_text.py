"""Text of other people on the way to a terminal: it is read, and does nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from rich.markup import escape
from rich.table import Table
from rich.text import Text

import ratchet.cli
from ratchet.cli.console import HarmlessConsole, harmless
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import FakeRun

NASTY = {
    "clears the screen": "a\x1b[2Jb",
    "sets the title": "a\x1b]0;owned\x07b",
    "rewrites the line": "a\rb",
    "goes back": "a\x08\x08b",
    "an 8-bit sequence": "a\x9b2Jb",
    "an 8-bit command": "a\x9d0;owned\x9cb",
    "turns the direction": "a\u202e\u2066b",
    "rings": "a\x07b",
    "deletes": "a\x7fb",
    "says nothing": "a\x00b",
}
FORBIDDEN = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n", "\t"}
FORBIDDEN |= set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printed(*parts: object, terminal: bool = False) -> str:
    file = io.StringIO()
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = HarmlessConsole(file=file, width=60, force_terminal=terminal, color_system=colours)
    console.print(*parts)
    return file.getvalue()


def table(text: str) -> Table:
    rows = Table("name")
    rows.add_row(escape(text))
    return rows


WAYS: dict[str, Callable[[str], object]] = {
    "markup": lambda text: f"[dim]{escape(text)}[/]",
    "text": Text,
    "table": table,
    "ansi": Text.from_ansi,
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_control_characters_do_not_reach_the_terminal(
    text: str, way: Callable[[str], object]
) -> None:
    shown = printed(way(text))
    assert not FORBIDDEN & set(shown)
    assert "b" in shown
    assert not FORBIDDEN & set(harmless(text))


def test_colours_of_a_log_line_stay_and_its_other_sequences_do_not() -> None:
    line = "\x1b[31mred\x1b[0m \x1b[2J\x1b]8;;http://example.com/\x1b[2J\x1b\\link\x1b]8;;\x1b\\"
    shown = printed(Text.from_ansi(line), terminal=True)
    assert shown == "\x1b[31mred\x1b[0m link\n"


def test_line_breaks_tabs_and_every_script_stay() -> None:
    assert harmless("a\tb\nč 模型 é ✓ →") == "a\tb\nč 模型 é ✓ →"


def test_a_reason_of_failure_is_shown_without_its_escape_sequences(
    type_: Type, running: FakeRun
) -> None:
    reason = "broke\x1b[2J\x1b]0;owned\x07 at \x9b2J[bold]line 3[/bold]"
    running.status, running.failure = "Failed", reason
    running.steps[-1] |= {"StepStatus": "Failed", "FailureReason": reason}
    for words in (["show", running.id], ["runs"]):
        result = type_(*words)
        assert result.exit_code == 0, result.output
        assert not FORBIDDEN & set(result.output)
    assert "[bold]line 3[/bold]" in type_("show", running.id).output


def test_json_keeps_the_characters_as_escapes(type_: Type, halted: FakeRun) -> None:
    halted.failure = "a\x1b[2J\x9b\u202eb é"
    result = type_("runs", "--json")
    assert not FORBIDDEN & set(result.stdout)
    assert "é" in result.stdout
    assert halted.failure in {run.get("failure") for run in json.loads(result.stdout)}


def test_every_command_prints_through_the_console() -> None:
    """`typer.echo` and `print` write what they are handed."""
    folder = Path(ratchet.cli.__file__).parent
    direct = [
        f"{file.name}: {line.strip()}"
        for file in sorted(folder.rglob("*.py"))
        if file.name != "console.py"
        for line in file.read_text(encoding="utf-8").splitlines()
        if "typer.echo(" in line or "Console(" in line or line.strip().startswith("print(")
    ]
    assert direct == []
