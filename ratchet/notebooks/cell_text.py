"""The text of a cell's code with some of it taken out or replaced, by position.

Comments and layout stay. Whoever calls this parses the result and holds it against what was meant.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LOOSE_END = re.compile(r"\s*;?\s*(#.*)?$")


Span = tuple[tuple[int, int], tuple[int, int]]
"""Two places: line from 0, column in characters."""


@dataclass(frozen=True)
class _Edit:
    """Replaces the text of a span."""

    span: Span
    text: str


def edited(
    code: str,
    *,
    removed: Sequence[ast.stmt],
    replaced: Mapping[ast.expr, str],
    lines: range | None = None,
) -> str:
    """The code without some statements, and with other text for some expressions.

    Args:
        code: the Python of a cell.
        removed: statements of its tree. One that is alone on its lines goes with the comment above
            it; another one, and the last one of a block, becomes `pass`.
        replaced: expressions of its tree with the text that takes their place.
        lines: the lines that are wanted, from 0; all of them when None.
    """
    texts = code.split("\n")
    gone = [(node, _span(texts, node)) for node in removed]
    emptied = _emptied_blocks(_blocks(code), removed)
    edits = [
        _Edit(span, text)
        for node, text in replaced.items()
        for span in [_span(texts, node)]
        if not any(outer[0] <= span[0] and span[1] <= outer[1] for _, outer in gone)
    ]
    dropped: set[int] = set()
    for node, span in gone:
        if _is_alone(texts, span) and _key(node) not in emptied:
            dropped |= set(range(_comments_above(texts, span[0]), span[1][0] + 1))
        else:
            edits.append(_Edit(span, "pass"))
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        (first, left), (last, right) = edit.span
        texts[first] = texts[first][:left] + edit.text + texts[last][right:]
        dropped |= set(range(first + 1, last + 1))
    numbers = lines if lines is not None else range(len(texts))
    return "\n".join(texts[number] for number in numbers if number not in dropped)


def _is_alone(texts: Sequence[str], span: Span) -> bool:
    (first, left), (last, right) = span
    return not texts[first][:left].strip() and bool(_LOOSE_END.match(texts[last][right:]))


def _blocks(code: str) -> list[list[ast.stmt]]:
    """All blocks of statements below the top of the code."""
    tree = ast.parse(code)
    return [
        block
        for node in ast.walk(tree)
        if node is not tree
        for part in ("body", "orelse", "finalbody")
        if isinstance(block := getattr(node, part, None), list) and block
        if isinstance(block[0], ast.stmt)
    ]


def _key(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _emptied_blocks(
    blocks: Sequence[Sequence[ast.stmt]], removed: Sequence[ast.stmt]
) -> set[tuple[int, int]]:
    """The first statement of each block of which nothing would stay."""
    gone = {_key(node) for node in removed}
    return {_key(block[0]) for block in blocks if all(_key(node) in gone for node in block)}


def _span(lines: Sequence[str], node: ast.stmt | ast.expr) -> Span:
    """Where a node begins and ends; a decorated definition begins with its decorators."""
    first, column = node.lineno, node.col_offset
    decorators = getattr(node, "decorator_list", [])
    if decorators:
        first, column = decorators[0].lineno, decorators[0].col_offset - 1
    last = node.end_lineno or node.lineno
    start = (first - 1, _characters(lines[first - 1], column))
    return start, (last - 1, _characters(lines[last - 1], node.end_col_offset or 0))


def _characters(line: str, offset: int) -> int:
    """The column in characters of an offset in bytes of UTF-8, as syntax trees have it."""
    return len(line.encode()[:offset].decode(errors="ignore"))


def _comments_above(lines: Sequence[str], start: tuple[int, int]) -> int:
    """The first line of the comments that stand directly above, at the same indentation."""
    number, indent = start
    while number > 0:
        line = lines[number - 1]
        if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) != indent:
            break
        number -= 1
    return number


def statement_text(code: str, node: ast.stmt, replaced: Mapping[ast.expr, str]) -> str | None:
    """The text of one statement with the comments directly above it; None when another statement
    stands on one of its lines.

    Args:
        replaced: expressions within the statement.
    """
    lines = code.split("\n")
    span = _span(lines, node)
    if not _is_alone(lines, span):
        return None
    (first, left), (last, _) = span
    top = _comments_above(lines, (first, left))
    return edited(code, removed=[], replaced=replaced, lines=range(top, last + 1))


def tidied(text: str) -> str:
    """Without lines of `#|`, spaces at ends, and more than one empty line in a row."""
    inside = lines_within_texts(text)
    kept: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if number in inside:
            kept.append(line)
        elif line.startswith("#|"):
            continue
        elif line.strip() or (kept and kept[-1].strip()):
            kept.append(line.rstrip())
    return "\n".join(kept).strip("\n")


def indented(text: str, by: str = "    ") -> str:
    """The text further to the right, but not within texts of several lines."""
    inside = lines_within_texts(text)
    return "\n".join(
        line if number in inside or not line.strip() else by + line
        for number, line in enumerate(text.split("\n"))
    )


def lines_within_texts(text: str) -> set[int]:
    """The lines, from 0, that begin inside a text in quotes."""
    inside: set[int] = set()
    starts: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                inside |= set(range(token.start[0], token.end[0]))
            elif name == "FSTRING_START":
                starts.append(token.start[0])
            elif name == "FSTRING_END":
                inside |= set(range(starts.pop(), token.end[0]))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return inside
