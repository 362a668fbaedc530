"""Prints results to stdout, and everything else to stderr.

Every command prints through here, so this is where text is made harmless. A run's description, a
failure's reason or a log line comes from AWS, from a file or from another person, and a terminal
obeys the control characters in it: they move the cursor, rewrite lines that were printed before,
or change the window's title. None of them gets out. Colours are Rich's own; those in log lines are
read by Rich (`Text.from_ansi`) and written anew.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment

PIPED_WIDTH = 160
"""Columns when nothing is there to measure: tables in a file or a pipe are not cut at 80."""

_KEPT = "\n\t"
_CONTROLS = [
    *(code for code in range(0x20) if chr(code) not in _KEPT),
    *range(0x7F, 0xA0),  # DEL, and C1: 0x9B begins a sequence as ESC [ does
    *range(0x202A, 0x202F),  # these and the next line change the direction of what is around
    *range(0x2066, 0x206A),
]
_DELETE = dict.fromkeys(_CONTROLS)
_ESCAPE = {code: f"\\u{code:04x}" for code in _CONTROLS}


def harmless(text: str) -> str:
    """The text without control characters; line breaks and tabs stay."""
    return text.translate(_DELETE)


class HarmlessConsole(Console):
    """Rich's console; control characters of what is printed do not reach the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich's own cursor movements are segments with `control`, and stay."""
        for text, style, control in super().render(renderable, options):
            if style is not None and style.link is not None:
                style = style.update_link(None)  # its address is written as it is
            yield Segment(text if control else harmless(text), style, control)


def console(stream: TextIO) -> Console:
    """A console on `stream`; colour and live drawing only where a person watches."""
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return HarmlessConsole(file=stream, width=width, highlight=False, emoji=False)


def out() -> Console:
    return console(sys.stdout)


def err() -> Console:
    return console(sys.stderr)


def echo(text: str, *, newline: bool = True) -> None:
    """Prints text to stdout unchanged, in any width, but without control characters."""
    typer.echo(harmless(text), nl=newline)


class Echo:
    """A file for `csv.writer` whose text is printed by `echo`."""

    def write(self, text: str) -> None:
        echo(text, newline=False)


def echo_json(data: Any) -> None:
    """Prints JSON to stdout. Control characters are escaped, so the data stay what they are."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False).translate(_ESCAPE))


def byte_progress(doing: str) -> Progress:
    """How many bytes of a transfer are done, on a terminal; gone at its end."""
    return Progress(
        TextColumn(doing),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
        disable=not err().is_terminal,
    )
