"""Settings as the files have them, each with the file that says it: to read, and to copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from ratchet.settings.listing import SettingValue
from ratchet.settings.toml_reader import toml

DEFAULT = "default"
_GAP = 2


def lines(values: Sequence[SettingValue], *, width: int) -> Iterator[Text]:
    """The values as TOML. Who says a value stands in a comment behind it, or where there is no room
    in the line before.

    Args:
        width: of the terminal, in columns.
    """
    for number, (table, group) in enumerate(groupby(values, key=lambda each: each.table)):
        if number:
            yield Text()
        if table:
            yield Text(f"[{table}]", style="bold")
        yield from _table([*group], width=width)


def _table(values: Sequence[SettingValue], *, width: int) -> Iterator[Text]:
    longest = max(len(_comment(each)) for each in values)
    beside = [each.line for each in values if len(each.line) + _GAP + longest <= width]
    column = max(map(len, beside), default=0) + _GAP
    for each in values:
        comment = Text(_comment(each), style="dim")
        if len(each.line) + _GAP <= column:
            yield Text(each.line.ljust(column)) + comment
        else:
            yield comment
            yield Text(each.line)
        for file, value in each.beneath:
            yield Text(f"# {file}: {toml(value)}", style="dim")


def _comment(value: SettingValue) -> str:
    return f"# {value.file or DEFAULT}"


def data(values: Sequence[SettingValue]) -> list[dict[str, Any]]:
    """For `--json`. `file` is null for a default; `beneath` says what does not count."""
    return [
        {
            "key": each.key,
            "value": each.value,
            "file": each.file,
            "beneath": [{"file": file, "value": value} for file, value in each.beneath],
        }
        for each in values
    ]
