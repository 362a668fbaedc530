"""Text of a definition inside Markdown: it stays what it is, and becomes no Markdown of its own.

A pull request's author writes the definition, and a bot posts the comment. So a value keeps to one
line, leaves neither its code block nor its table's cell, and names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BREAKS = "\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What `str.splitlines` splits at, and tabs."""

_ACTIVE = re.compile(r"[\\`*_{}\[\]<>#|~!&]")


def single_line(text: str) -> str:
    """The text with its line breaks and control characters written as escapes."""
    return "".join(
        character.encode("unicode_escape").decode()
        if character in _BREAKS or not (character.isprintable() or character == " ")
        else character
        for character in text
    )


def fenced(lines: Iterable[str], language: str) -> list[str]:
    """A code block. Its fence is longer than any run of backticks inside (CommonMark, 4.5)."""
    content = [single_line(line) for line in lines]
    fence = "`" * max(3, 1 + _longest_run(content))
    return [f"{fence}{language}", *content, fence]


def code(text: str) -> str:
    """A code span (CommonMark, 6.1), for a table's cell too."""
    content = single_line(text).replace("|", "\\|")
    fence = "`" * (1 + _longest_run([content]))
    space = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{space}{content}{space}{fence}"


def prose(text: str) -> str:
    """The text outside of code: no link, picture, HTML or heading, and @somebody is not called."""
    return _ACTIVE.sub(r"\\\g<0>", single_line(text)).replace("@", "@\N{ZERO WIDTH SPACE}")


def _longest_run(lines: Iterable[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
