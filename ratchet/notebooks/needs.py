"""What a step needs of the notebook above it: imports, definitions, and data.

Definitions (functions, classes, constants) are code and go where the step goes. Data is what the
step is given: any other value.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.notebooks.flow import bound_name, flow
from ratchet.notebooks.statements import CodeStatement
from ratchet.notebooks.writers import WriterKind, Writers


@dataclass(frozen=True)
class ImportedName:
    """A name that an import sets and a step uses.

    Attributes:
        name: as the step uses it.
        module: the module that it comes from, or is.
        lines: the import statements that bring it, with nothing that the step does not use; several
            for `import a.b` and `import a.c`, which both set `a`.
        statement: where it is imported last.
    """

    name: str
    module: str
    lines: tuple[str, ...]
    statement: CodeStatement


@dataclass(frozen=True)
class MissingName:
    """A name that nothing above the step sets.

    Attributes:
        statement: the statement of the step that reads it.
        line: the line of its cell on which it is read, from 1.
        below: the first statement further down that sets it, or None.
    """

    name: str
    statement: CodeStatement
    line: int
    below: CodeStatement | None

    @property
    def where(self) -> str:
        return self.statement.cell.where(self.line)


@dataclass(frozen=True)
class Needs:
    """What a step needs.

    Attributes:
        imports: by the name that the step uses.
        functions: functions and classes by name, with the statement that defines them.
        constants: names with a value that is written down, with the statement that sets them.
        inputs: data by name, with the statement above that sets it last.
        between: names that a cell outside the step sets or changes amid the step, before the step
            reads them, with that statement.
        missing: names that nothing above sets.
    """

    imports: Mapping[str, ImportedName]
    functions: Mapping[str, CodeStatement]
    constants: Mapping[str, CodeStatement]
    inputs: Mapping[str, CodeStatement]
    between: Mapping[str, CodeStatement]
    missing: Mapping[str, MissingName]

    @property
    def definitions(self) -> tuple[CodeStatement, ...]:
        """The statements of functions and constants, each once, in order."""
        distinct = {s.order: s for s in (*self.functions.values(), *self.constants.values())}
        return tuple(distinct[order] for order in sorted(distinct))


def needs_of(
    every: Sequence[CodeStatement],
    step: Sequence[CodeStatement],
    parameters: frozenset[str] = frozenset(),
) -> Needs:
    """What some statements need of the others.

    Args:
        every: all statements of the notebook.
        step: the statements whose needs are asked for, in order.
        parameters: names of the notebook's parameters: always data, however they are set.
    """
    own = {statement.order for statement in step}
    others = [statement for statement in every if statement.order not in own]
    search = _Search(step, Writers(others, parameters))
    search.run()
    return Needs(
        imports=search.imports,
        functions=search.functions,
        constants=search.constants,
        inputs=search.inputs,
        between=_set_between(search, step, others),
        missing=search.missing,
    )


@dataclass
class _Search:
    """Goes from the names that the step reads to their definitions, and to what those need."""

    step: Sequence[CodeStatement]
    writers: Writers
    imports: dict[str, ImportedName] = field(default_factory=dict)
    functions: dict[str, CodeStatement] = field(default_factory=dict)
    constants: dict[str, CodeStatement] = field(default_factory=dict)
    inputs: dict[str, CodeStatement] = field(default_factory=dict)
    missing: dict[str, MissingName] = field(default_factory=dict)
    of_definitions: set[str] = field(default_factory=set)  # names that definitions read

    def run(self) -> None:
        whole = flow([statement.node for statement in self.step])
        for name, place in whole.reads.items():
            reader = self.step[place.statement]
            self._need(name, reader, place.line, certain=name not in whole.uncertain)
        for name in sorted(whole.later):
            self._need(name, self.step[-1], self.step[-1].node.lineno, certain=False)

    def _need(self, name: str, reader: CodeStatement, line: int, *, certain: bool) -> None:
        """Enters a name that a statement of the step reads, itself or in a function it calls."""
        writer = self.writers.last(name, reader.order)
        if writer is None:
            if certain:
                below = self.writers.below(name, reader.order)
                self.missing.setdefault(name, MissingName(name, reader, line, below))
            return
        match self.writers.kind(name, writer, reader.order):
            case WriterKind.IMPORT:
                self.imports.setdefault(name, _imported(name, writer, self.writers))
            case WriterKind.INPUT:
                self.inputs.setdefault(name, writer)
            case WriterKind.FUNCTION if name not in self.functions:
                self.functions[name] = writer
                self._need_definition(name, writer, reader, line)
            case WriterKind.CONSTANT if name not in self.constants:
                self.constants[name] = writer
                self._need_definition(name, writer, reader, line)

    def _need_definition(
        self, name: str, writer: CodeStatement, reader: CodeStatement, line: int
    ) -> None:
        """Enters what a definition reads; what the step has set by then, it has from the step."""
        names = (writer.flow.reads.keys() | writer.flow.later) - {name}
        self.of_definitions |= names
        for other in sorted(names):
            if not any(other in s.flow.writes for s in self.step if s.order < reader.order):
                certain = other not in writer.flow.uncertain
                self._need(other, reader, line, certain=certain)


def _imported(name: str, writer: CodeStatement, writers: Writers) -> ImportedName:
    node = writer.node
    if isinstance(node, ast.ImportFrom):
        alias = next(alias for alias in node.names if bound_name(node, alias) == name)
        module = "." * node.level + (node.module or "")
        shown = alias.name if alias.name == name else f"{alias.name} as {name}"
        return ImportedName(name, module, (f"from {module} import {shown}",), writer)
    renamed = [alias.name for alias in getattr(node, "names", ()) if alias.asname == name]
    if renamed:
        return ImportedName(name, renamed[0], (f"import {renamed[0]} as {name}",), writer)
    lines = {
        f"import {alias.name}"
        for statement in writers.above(name, writer.order + 1)
        if isinstance(statement.node, ast.Import)
        for alias in statement.node.names
        if not alias.asname and alias.name.split(".")[0] == name
    }
    return ImportedName(name, name, tuple(sorted(lines)), writer)


def _set_between(
    search: _Search, step: Sequence[CodeStatement], others: Sequence[CodeStatement]
) -> dict[str, CodeStatement]:
    """What cells outside the step set or change amid the step, before the step reads it."""
    between: dict[str, CodeStatement] = {}
    first, last = (step[0].order, step[-1].order) if step else (0, 0)
    for other in (statement for statement in others if first < statement.order < last):
        for name in (*other.flow.writes, *other.flow.changes):
            if name not in between and _disturbs(name, other, search, step):
                between[name] = other
    return between


def _disturbs(
    name: str, other: CodeStatement, search: _Search, step: Sequence[CodeStatement]
) -> bool:
    """Whether the step reads after `other` what `other` did to a name."""
    if name in search.imports and name in other.flow.changes:
        return False  # `re.compile(…)`: a function of a module does not change the module
    imported = search.imports.get(name)
    defined = (search.functions.get(name), search.constants.get(name))
    if other in defined or (imported and imported.statement is other):
        return False  # the step reads it after this definition, and not before
    before = search.writers.last(name, other.order)
    if name in other.flow.writes and before is not None and before.text == other.text:
        return False  # the same once more
    for statement in (s for s in step if s.order > other.order):
        if name in statement.flow.reads or name in search.of_definitions:
            return True
        if name in statement.flow.writes:
            return False
    return False
