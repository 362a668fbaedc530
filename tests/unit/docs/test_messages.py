"""A message that the page on troubleshooting quotes is one that the code writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.unit.docs.pages import CODE, PROJECT, Page

_COMMANDS = ("ratchet ", "make ", "aws ", "cdk ")


@cache
def _texts() -> str:
    """The string literals of the code, and the fixed parts of its f-strings."""
    files = (f for folder in CODE if folder != "tests" for f in (PROJECT / folder).rglob("*.py"))
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    return "\n".join(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _quoted(page: Page) -> Iterator[str]:
    """What stands in backticks in the first column of a table, without commands and settings."""
    for line in page.text.splitlines():
        if line.startswith("| ") and not line.startswith("| What"):
            for text in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                if " " in text and "=" not in text and not f"{text} ".startswith(_COMMANDS):
                    yield text


def test_every_message_that_is_quoted_is_written_by_the_code() -> None:
    quoted = list(_quoted(Page(PROJECT / "docs" / "guides" / "troubleshooting.md")))
    assert len(quoted) > 40
    parts = [(text, part.strip()) for text in quoted for part in text.split("…")]
    assert not [text for text, part in parts if part not in _texts()]
