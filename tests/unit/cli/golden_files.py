"""What the commands draw, held against files in golden/ (RATCHET_UPDATE_SNAPSHOTS=1 rewrites)."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, RenderableType

GOLDEN = Path(__file__).parent / "golden"


def drawn(parts: Iterable[RenderableType], *, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    for part in parts:
        console.print(part, crop=False)
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def hold(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        file.write_text(text)
    assert text == file.read_text()
