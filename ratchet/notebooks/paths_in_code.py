"""Paths of files that stand in code, and those that do not.

A path may be put together of what is written down: `f"{DATA}/a.csv"`, `Path("data") / "a.csv"`,
`os.path.join(DATA, "a.csv")`. It is resolved when all its parts are constants.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SUFFIX = re.compile(
    r"\.(csv|tsv|txt|json|jsonl|parquet|pq|feather|xlsx?|data|npy|npz|pkl|pickle|joblib|bin|h5|gz|"
    r"zip|model|dot|db|xml|ubj|orc|arff|names)$",
    re.IGNORECASE,
)
_URL = re.compile(r"^(https?|s3|s3a|gs|ftp|hdfs)://")
_WRITING = re.compile(r"^(to_\w+|dump|save\w*|write\w*|export\w*|urlretrieve)$")
_READING = re.compile(
    r"^(read_(csv|table|parquet|excel|json|feather|pickle|fwf|hdf|orc|stata|sas))$"
)
_OF_TEXTS = {"endswith", "startswith", "replace", "split", "format", "strip", "print", "glob"}
_PATH_MAKERS = {"Path", "PurePath", "PosixPath"}
_PATH_KEYWORDS = {"filepath_or_buffer", "path", "filename", "fname", "io", "path_or_buf", "file"}

Constants = Mapping[str, ast.expr]
"""Names whose value is written down, with that value."""


@dataclass(frozen=True)
class FilePath:
    """A path in the code: the expression, the path, and whether the file is written.

    Attributes:
        maker: the function that makes an object of it, such as `Path`; "" when it is a text.
    """

    node: ast.expr
    path: str
    writes: bool
    maker: str = ""


@dataclass(frozen=True)
class ComputedPath:
    """A file is read or written at a path that nobody can tell from the code."""

    node: ast.AST
    call: str


@dataclass(frozen=True)
class Remote:
    """A path on another machine."""

    node: ast.AST
    url: str


def paths_in(
    node: ast.AST, constants: Constants, computed: frozenset[str] = frozenset()
) -> Iterator[FilePath | ComputedPath | Remote]:
    """The paths in a statement.

    Args:
        constants: what names stand for.
        computed: names whose values are data.
    """
    yield from _Search(constants, computed).visit(node, call=None, keyword=None)


@dataclass
class _Search:
    constants: Constants
    computed: frozenset[str]

    def visit(
        self, node: ast.AST, *, call: ast.Call | None, keyword: str | None, below: bool = False
    ) -> Iterator[FilePath | ComputedPath | Remote]:
        if isinstance(node, ast.expr) and not isinstance(node, ast.Name):
            value = self.value(node)
            if value is not None:
                yield from self._path(node, *value, call, keyword)
                return
        if isinstance(node, ast.Call):
            yield from self._call(node)
            return
        if isinstance(node, ast.Subscript):
            yield from self.visit(node.value, call=call, keyword=keyword)
            return
        for child in ast.iter_child_nodes(node):
            yield from self.visit(child, call=call, keyword=keyword)

    def _call(self, node: ast.Call) -> Iterator[FilePath | ComputedPath | Remote]:
        yield from self.visit(node.func, call=node, keyword=None)
        opens = _READING.match(_name(node)) or (_name(node) == "open" and _is_builtin_open(node))
        path = _path_argument(node) if opens else None
        if path is not None and self._is_computed(path):
            yield ComputedPath(path, _name(node))
        for argument in node.args:
            yield from self.visit(argument, call=node, keyword=None)
        for keyword in node.keywords:
            yield from self.visit(keyword.value, call=node, keyword=keyword.arg)

    def _is_computed(self, path: ast.expr) -> bool:
        if isinstance(path, ast.Name):
            return path.id in self.computed
        return self.value(path) is None and isinstance(path, ast.JoinedStr | ast.BinOp | ast.Call)

    def _path(
        self, node: ast.expr, text: str, maker: str, call: ast.Call | None, keyword: str | None
    ) -> Iterator[FilePath | Remote]:
        if _URL.match(text):
            yield Remote(node, text)
            return
        name = _name(call) if call else ""
        if name in _OF_TEXTS or (keyword is not None and keyword not in _PATH_KEYWORDS):
            return
        opened = call is not None and _path_argument(call) is node
        opened = opened and bool(_READING.match(name) or name == "open")
        if "\n" in text or not (_SUFFIX.search(text) or (opened and text)):
            return
        yield FilePath(node, posixpath.normpath(text), self._writes(name, call), maker)

    def _writes(self, name: str, call: ast.Call | None) -> bool:
        if name == "open" and call is not None:
            modes = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "mode")]
            texts = [mode.value for mode in modes if isinstance(mode, ast.Constant)]
            return any(letter in str(text) for text in texts for letter in "wax+")
        return bool(_WRITING.match(name))

    def value(self, node: ast.expr, depth: int = 0) -> tuple[str, str] | None:
        """The text of an expression and what makes an object of it; None if it is no constant."""
        if depth > 20:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text, ""
            case ast.Name(id=name) if name in self.constants:
                return self.value(self.constants[name], depth + 1)
            case ast.JoinedStr(values=parts):
                return self._joined([self._part(part, depth) for part in parts], "")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._added(self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._below([self.value(left, depth + 1), self.value(right, depth + 1)])
            case ast.Call(func=func, args=args, keywords=[]):
                return self._made(func, [self.value(part, depth + 1) for part in args])
        return None

    def _part(self, part: ast.expr, depth: int) -> tuple[str, str] | None:
        if isinstance(part, ast.FormattedValue):
            plain = part.conversion == -1 and part.format_spec is None
            return self.value(part.value, depth + 1) if plain else None
        return self.value(part, depth + 1)

    @staticmethod
    def _joined(parts: list[tuple[str, str] | None], maker: str) -> tuple[str, str] | None:
        texts = [part[0] for part in parts if part is not None]
        return ("".join(texts), maker) if len(texts) == len(parts) else None

    @staticmethod
    def _added(
        left: tuple[str, str] | None, right: tuple[str, str] | None
    ) -> tuple[str, str] | None:
        if left is None or right is None or left[1] or right[1]:
            return None
        return left[0] + right[0], ""

    @staticmethod
    def _below(parts: list[tuple[str, str] | None]) -> tuple[str, str] | None:
        present = [part for part in parts if part is not None]
        if len(present) < len(parts) or not (present and present[0][1]):
            return None
        return posixpath.join(*(text for text, _ in present)), present[0][1]

    @staticmethod
    def _made(func: ast.expr, parts: list[tuple[str, str] | None]) -> tuple[str, str] | None:
        present = [part for part in parts if part is not None]
        if not present or len(present) < len(parts):
            return None
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        text = posixpath.join(*(text for text, _ in present))
        if name in _PATH_MAKERS:
            return text, ast.unparse(func)
        if ast.unparse(func) in ("os.path.join", "path.join", "osp.join", "join"):
            return text, ""
        return (text, "") if name == "str" and len(parts) == 1 else None


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _is_builtin_open(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name)


def _path_argument(call: ast.Call) -> ast.expr | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg in _PATH_KEYWORDS]
    return next(iter([*call.args[:1], *named]), None)
