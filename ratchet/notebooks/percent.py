"""Reads a script in the percent form: a cell begins with `# %%`.

`# %% A title [markdown] tags=["parameters"]`: the kind in brackets, then metadata. Magics stand as
comments (`# %matplotlib inline`), and text cells too. The other forms of jupytext are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.raw_cells import RawCell, python_only

_CELL = re.compile(r"\s*#\s*(%%%*(?P<head>\s.*)?|In\[[0-9 ]*\]:?\s*)")
_KIND = re.compile(r"\[(markdown|md|raw)\]")
_LIST_OF_TAGS = re.compile(r"tags=(\[[^\]]*\])")
_OTHER_LANGUAGE = re.compile(r'\blanguage="([^"]+)"')
_COMMENTED_MAGIC = re.compile(r"^(\s*)# (?=(?:# )*[%!])")
_HEADER_FENCE = "# ---"
_PERCENT_FORMS = {"percent", "hydrogen"}


@dataclass(frozen=True)
class _Block:
    """The lines of one cell; `first_line` is the line of the file of the first of them, from 1."""

    head: str
    lines: tuple[str, ...]
    first_line: int


def read_percent(path: str, text: str) -> list[RawCell]:
    """The cells of a script.

    Raises:
        NotebookError: it is in another form, or for another language than Python.
    """
    lines = text.splitlines()
    end_of_header = _end_of_header(lines)
    _check_header(path, lines[:end_of_header])
    blocks = list(_blocks(lines, end_of_header))
    if not any(_CELL.fullmatch(block.head) for block in blocks):
        raise NotebookError(
            f"{path} has no line `# %%`, so it is no notebook in the percent form. "
            f"Convert it: jupytext --to py:percent {path}"
        )
    return [_raw_cell(block) for block in blocks]


def has_cells(text: str) -> bool:
    """Whether a script has a line that begins a cell."""
    return any(_CELL.fullmatch(line) for line in text.splitlines())


def _end_of_header(lines: Sequence[str]) -> int:
    """How many lines jupytext's header has at the top of the script."""
    if not lines or lines[0].strip() != _HEADER_FENCE:
        return 0
    fences = (number for number, line in enumerate(lines) if line.strip() == _HEADER_FENCE)
    next(fences)
    return next(fences, -1) + 1


def _check_header(path: str, header: Sequence[str]) -> None:
    for line in header:
        name, _, value = line.lstrip("# ").partition(":")
        value = value.strip()
        if name == "format_name" and value not in _PERCENT_FORMS:
            raise NotebookError(
                f"{path} is in jupytext's form {value!r}; expected the percent form. "
                f"Convert it: jupytext --to py:percent {path}"
            )
        if name == "language":
            python_only(path, value)


def _blocks(lines: Sequence[str], start: int) -> Iterator[_Block]:
    head, body, first = "", list[str](), start + 1
    inside = _inside_texts(lines[start:])
    for number, line in enumerate(lines[start:], start + 1):
        if _CELL.fullmatch(line) and number - start not in inside:
            if head or any(text.strip() for text in body):
                yield _Block(head, tuple(body), first)
            head, body, first = line, [], number + 1
        else:
            body.append(line)
    yield _Block(head, tuple(body), first)


def _inside_texts(lines: Sequence[str]) -> set[int]:
    """The lines, from 1, that lie inside a text in triple quotes: `# %%` there begins no cell."""
    inside: set[int] = set()
    quote = ""
    for number, line in enumerate(lines, 1):
        if quote:
            inside.add(number)
        at = 0
        while at < len(line):
            if quote:
                end = line.find(quote, at)
                at, quote = (len(line), quote) if end < 0 else (end + 3, "")
            elif line[at] == "#":
                break
            elif line.startswith(('"""', "'''"), at):
                quote, at = line[at : at + 3], at + 3
            elif line[at] in "\"'":
                at = _end_of_text(line, at)
            else:
                at += 1
    return inside


def _end_of_text(line: str, start: int) -> int:
    at = start + 1
    while at < len(line) and line[at] != line[start]:
        at += 2 if line[at] == "\\" else 1
    return at + 1


def _raw_cell(block: _Block) -> RawCell:
    lines = list(block.lines)
    leading = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    kind = _KIND.search(block.head)
    language = _OTHER_LANGUAGE.search(block.head)
    if language:  # the body is commented out, and the magic is in the head
        source = "\n".join([f"%%{language[1]}", *lines[leading:]])
        first_line = block.first_line + leading - 1
    else:
        inside = _inside_texts(lines)
        source = "\n".join(
            line if number in inside else _COMMENTED_MAGIC.sub(r"\1", line)
            for number, line in enumerate(lines[leading:], leading + 1)
        )
        first_line = block.first_line + leading
    return RawCell(
        kind={"raw": "raw", "markdown": "markdown", "md": "markdown"}[kind[1]] if kind else "code",
        source=source.rstrip(),
        tags=_tags(block.head),
        first_line=first_line,
    )


def _tags(head: str) -> tuple[str, ...]:
    """The tags in a cell's first line: `tags=["a"]`, or as JSON, `{"tags": ["a"]}`."""
    listed = _LIST_OF_TAGS.search(head)
    as_json = head[head.find("{") :] if "{" in head else ""
    try:
        tags = json.loads(listed[1]) if listed else json.loads(as_json or "{}").get("tags", [])
    except ValueError:
        return ()
    return tuple(str(tag) for tag in tags)
