"""Where output goes: results to stdout, everything about getting there to stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

PIPED_WIDTH = 160
"""Columns when nothing is there to measure: tables in a file or a pipe are not cut at 80."""


def console(stream: TextIO) -> Console:
    """A console on `stream`; colour and live drawing only where a person watches."""
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def out() -> Console:
    return console(sys.stdout)


def err() -> Console:
    return console(sys.stderr)
