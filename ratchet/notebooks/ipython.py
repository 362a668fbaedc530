"""What IPython adds to Python: magics, shell lines and questions, and the Python without them.

The code of a cell has as many lines as its source, so that line numbers stay true. A line of
IPython's own stands there as `pass`, or as the Python that it runs.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

# Magics that change what is shown or measured, not what is computed.
_HARMLESS = re.compile(
    "matplotlib|config|load_ext|reload_ext|autoreload|autosave|watermark|who|whos|who_ls|lsmagic|"
    "pinfo|pinfo2|pdoc|psource|pycat|history|xmode|time|timeit|prun|capture|precision|pdb|page|"
    "pip|conda|mamba|colors|doctest_mode"
)
_RUN_THE_CELL = {"time", "capture"}  # the cell's body runs as it stands
_BIND_NOTHING = {"timeit", "html", "HTML", "markdown", "latex", "javascript", "js", "svg"}
# Shell lines that look, or install what a script has in its environment.
_SHELL_LOOKS = re.compile(r"!\s*(ls|head|tail|cat|wc|pwd|nvidia-smi|echo|du|which)\b[^>]*")
_VERSION = re.compile(r"!\s*python3?\s+(--version|-V)")
_INSTALL = re.compile(r"!?\s*(python3? -m )?(pip|conda|mamba)3?\s+(install|list|show|freeze)\b.*")


@dataclass(frozen=True)
class Magic:
    """A line of IPython's own; the line's number counts from 1 in the cell.

    Attributes:
        harmless: a script that leaves it out computes the same.
    """

    line: int
    text: str
    harmless: bool


@dataclass(frozen=True)
class SyntaxFault:
    """Why a cell is not Python; the line counts from 1 in the cell."""

    line: int
    message: str


@dataclass(frozen=True)
class PythonCode:
    """The Python of a cell.

    Attributes:
        text: as many lines as the source; only line ends when the cell is not Python.
        tree: the syntax tree of the text.
        fault: why the cell is not Python, or None.
    """

    text: str
    tree: ast.Module = field(repr=False, compare=False)
    magics: tuple[Magic, ...] = ()
    fault: SyntaxFault | None = None


def to_python(source: str) -> PythonCode:
    """The Python of a cell's source, with the magics that were taken out of it."""
    lines = source.splitlines()
    magics = _take_cell_magic(lines)
    _take_common_indent(lines)
    for _ in range(len(lines) + 1):
        text = "\n".join(lines)
        tree = _parse(text)
        if isinstance(tree, ast.Module):
            return PythonCode(text, tree, tuple(sorted(magics, key=_line)))
        fault = tree
        place = _magic_at(lines, fault.line - 1)
        if place is None:
            break
        magics.append(_take_magic(lines, place))
    empty = "\n" * max(len(lines) - 1, 0)
    return PythonCode(empty, ast.parse(empty), tuple(sorted(magics, key=_line)), fault)


def _line(magic: Magic) -> int:
    return magic.line


def _parse(text: str) -> ast.Module | SyntaxFault:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            # `await` may stand outside a function in a notebook.
            compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as problem:
        return SyntaxFault(problem.lineno or 1, problem.msg)
    except (ValueError, RecursionError, MemoryError) as problem:
        return SyntaxFault(1, str(problem) or type(problem).__name__)
    return tree


def _take_cell_magic(lines: list[str]) -> list[Magic]:
    """Takes `%%name` off a cell, and the body too unless IPython runs it as it stands."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or not lines[first].startswith("%%"):
        return []
    text = lines[first]
    name, *arguments = text[2:].split() or [""]
    binds = name == "capture" and any(not argument.startswith("-") for argument in arguments)
    lines[first] = ""
    if name not in _RUN_THE_CELL:
        lines[first + 1 :] = [""] * (len(lines) - first - 1)
    return [Magic(first + 1, text, name in _RUN_THE_CELL | _BIND_NOTHING and not binds)]


def _take_common_indent(lines: list[str]) -> None:
    """IPython takes the indentation of the first line of code away from all lines."""
    code = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    first = next(code, "")
    indent = first[: len(first) - len(first.lstrip())]
    if indent:
        lines[:] = [line.removeprefix(indent) for line in lines]


def _magic_at(lines: Sequence[str], place: int) -> int | None:
    """Where the line is that Python stumbled over: at the place, or just before it."""
    nearby = (number for number in (place, place - 1) if 0 <= number < len(lines))
    return next((number for number in nearby if _in_python(lines[number]) is not None), None)


def _take_magic(lines: list[str], place: int) -> Magic:
    line = lines[place]
    python, harmless = _in_python(line) or ("pass", False)
    indent = line[: len(line) - len(line.lstrip())]
    lines[place] = indent + python
    continues = line.lstrip().startswith(("!", "%")) and line.rstrip().endswith("\\")
    after = place + 1
    while continues and after < len(lines):
        continues = lines[after].rstrip().endswith("\\")
        lines[after] = ""
        after += 1
    return Magic(place + 1, line.strip(), harmless)


def _in_python(line: str) -> tuple[str, bool] | None:
    """What stands in Python for a line of IPython's own, and whether nothing is lost by that."""
    text = line.strip()
    if timed := re.fullmatch(r"%time\s+(.+)", text):
        return timed[1], True
    if magic := re.match(r"%([A-Za-z_]\w*)", text):
        return "pass", _HARMLESS.fullmatch(magic[1]) is not None
    if _INSTALL.fullmatch(text):
        return "pass", True
    if text.startswith("!"):
        return "pass", any(looks.fullmatch(text) for looks in (_SHELL_LOOKS, _VERSION))
    if text in (";", ","):  # IPython's quoting, of nothing
        return "pass", True
    if text.startswith("?") or re.fullmatch(r"[%\w.]+\?{1,2}", text):
        return "pass", True
    if assigned := re.match(r"([\w, ]+)=\s*[!%]", text):
        return f"{assigned[1]}= None", False
    return None
