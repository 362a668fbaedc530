"""Who sets the names of a notebook, and whether what they set is code or data."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from enum import Enum

from ratchet.notebooks.constants import is_constant, only_defines
from ratchet.notebooks.order import ALWAYS_THERE
from ratchet.notebooks.statements import CodeStatement


class WriterKind(Enum):
    """What a name stands for where it is read."""

    IMPORT = "import"
    FUNCTION = "function"
    CONSTANT = "constant"
    INPUT = "input"


class Writers:
    """Which of some statements set each name, and which change it in place."""

    def __init__(self, statements: Iterable[CodeStatement], parameters: frozenset[str]) -> None:
        self._parameters = parameters
        self._setting: dict[str, list[CodeStatement]] = {}
        self._changing: dict[str, list[CodeStatement]] = {}
        self._kinds: dict[tuple[str, int], WriterKind] = {}
        for statement in statements:
            for name in statement.flow.writes:
                self._setting.setdefault(name, []).append(statement)
            for name in statement.flow.changes:
                self._changing.setdefault(name, []).append(statement)

    def above(self, name: str, before: int) -> list[CodeStatement]:
        """The statements before a place that set a name, in order."""
        return [s for s in self._setting.get(name, ()) if s.order < before]

    def last(self, name: str, before: int) -> CodeStatement | None:
        """The statement that sets a name last before a place."""
        return next(reversed(self.above(name, before)), None)

    def below(self, name: str, after: int) -> CodeStatement | None:
        """The first statement after a place that sets a name."""
        return next((s for s in self._setting.get(name, ()) if s.order > after), None)

    def kind(self, name: str, writer: CodeStatement, before: int) -> WriterKind:
        """What a name is at a place, where `writer` has set it."""
        key = (name, before)
        if key not in self._kinds:
            self._kinds[key] = WriterKind.INPUT  # for a definition that leads back to itself
            self._kinds[key] = self._judge(name, writer, before)
        return self._kinds[key]

    def _judge(self, name: str, writer: CodeStatement, before: int) -> WriterKind:
        if name in self._parameters:
            return WriterKind.INPUT
        match writer.node:
            case ast.Import() | ast.ImportFrom():
                return WriterKind.IMPORT
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return WriterKind.FUNCTION
            case ast.Assign(value=ast.Lambda()):
                return WriterKind.FUNCTION
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._kind_of_value(name, value, writer, before)
        if type(writer.node).__name__ == "TypeAlias":  # of Python 3.12
            return WriterKind.FUNCTION
        defines = only_defines(writer.node) and name not in writer.flow.reads
        return WriterKind.FUNCTION if defines else WriterKind.INPUT

    def _kind_of_value(
        self, name: str, value: ast.expr, writer: CodeStatement, before: int
    ) -> WriterKind:
        changes = (s for s in self._changing.get(name, ()) if writer.order < s.order < before)
        if any(changes) or not is_constant(value, lambda part: self._is_code(part, writer)):
            return WriterKind.INPUT
        return WriterKind.CONSTANT

    def _is_code(self, name: str, reader: CodeStatement) -> bool:
        """Whether a name in the value of a constant is an import or a constant itself."""
        if name in ALWAYS_THERE:
            return True
        writer = self.last(name, reader.order)
        kinds = (WriterKind.IMPORT, WriterKind.CONSTANT)
        return writer is not None and self.kind(name, writer, reader.order) in kinds
