"""The pages of the documentation, and what is written in them as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
CODE = (
    "constructs",
    "demo",
    "lambdas",
    "pipeline_defs",
    "ratchet",
    "stacks",
    "steps",
    "tests",
)
"""The folders of code at the top of the project."""
ROOMS = (
    *CODE,
    "config",
    "notebooks",
    "ratchet/api",
    "ratchet/authoring",
    "ratchet/cli",
    "ratchet/costs",
    "ratchet/definition",
    "ratchet/deployment",
    "ratchet/imported",
    "ratchet/local_cloud",
    "ratchet/loop",
    "ratchet/monitoring",
    "ratchet/permissions",
    "ratchet/pipelines",
    "ratchet/runner",
    "ratchet/settings",
    "ratchet/views",
)
"""Those that say in a README what belongs there and what it may import."""

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_SHELLS = frozenset({"", "console", "sh", "bash"})


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(PROJECT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def inline(self) -> Iterator[str]:
        """What stands in backticks, on one line each; a table's `\\|` is a bar."""
        for match in _INLINE.finditer(self.prose):
            yield " ".join(match[2].replace("\\|", "|").split())

    @property
    def links(self) -> Iterator[str]:
        """Targets of links, those of code that looks like one left out."""
        without_code = _INLINE.sub("code", self.prose)
        return (match[1] for match in _LINK.finditer(without_code))

    @property
    def anchors(self) -> frozenset[str]:
        """What GitHub calls the headings in a link."""
        headings = (re.sub(r"[`*]", "", match[1]) for match in _HEADING.finditer(self.prose))
        return frozenset(re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings)

    @property
    def shell_lines(self) -> Iterator[str]:
        """Lines of shell blocks, continued ones as one, without prompt and comment."""
        for match in _FENCE.finditer(self.text):
            if match[2] in _SHELLS:
                for line in re.sub(r"\\\n\s*", " ", match[3]).splitlines():
                    yield re.sub(r"(^|\s)#.*$", "", line.strip().removeprefix("$ ")).strip()

    @property
    def commands(self) -> Iterator[str]:
        """What a reader may type: shell lines and what stands in backticks."""
        yield from self.shell_lines
        yield from self.inline


def pages() -> list[Page]:
    """Every page that a reader is led to, those of the rooms too; the changelog tells of the past,
    and a decision of its day."""
    top = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md")]
    docs = sorted((PROJECT / "docs").rglob("*.md"))
    rooms = [PROJECT / room / "README.md" for room in ROOMS]
    return [Page(path) for path in (*top, *docs, *rooms)]


def is_dated(page: Page) -> bool:
    """Whether a page says what held on its day: it is not rewritten when names change."""
    return page.path.parent.name == "decisions" and page.path.name != "README.md"
