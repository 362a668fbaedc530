"""Which names statements read before they write them, write, and change in place.

The order of evaluation is walked here. What the body of a function reads of the notebook is the
compiler's answer (`symtable`), and it counts when the name of the function is read: until then the
body has not run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ratchet.notebooks.bodies import DeferredNames, names_of_body
from ratchet.notebooks.expressions import ExpressionWalk, line_of
from ratchet.notebooks.order import ALWAYS_THERE, NameOrder, Occurrence


@dataclass(frozen=True)
class Flow:
    """What a run of statements does with names.

    Attributes:
        reads: read before they are written here, or perhaps so; where first.
        uncertain: those of `reads` that the statements themselves set, but not on every path.
        writes: set here and still there at the end; where last.
        changes: changed in place, by the form of the statement (`x[0] = …`, `x.append(…)`,
            `inplace=True`); where first. What a called function does to its arguments shows only
            when it runs.
        later: read when a function or class that is defined here is used after these statements.
        star_import: where `from … import *` stands, or None. It may write any name.
    """

    reads: Mapping[str, Occurrence]
    uncertain: frozenset[str]
    writes: Mapping[str, Occurrence]
    changes: Mapping[str, Occurrence]
    later: frozenset[str]
    star_import: Occurrence | None


def flow(statements: Sequence[ast.stmt]) -> Flow:
    """The flow of statements that run one after the other.

    A loop is taken to run at least once, and the body of `try` to its end.
    """
    order = NameOrder()
    walk = _Walk(order)
    for number, statement in enumerate(statements):
        order.statement = number
        walk.visit(statement)
    later = {name for deferred in order.deferred.values() for name in deferred.reads}
    return Flow(
        reads=MappingProxyType(order.reads),
        uncertain=frozenset(order.uncertain),
        writes=MappingProxyType(order.writes),
        changes=MappingProxyType(order.changes),
        later=frozenset(later - order.bound - ALWAYS_THERE),
        star_import=order.star_import,
    )


class _Walk(ExpressionWalk):
    """Walks statements in the order in which they run."""

    # Definitions

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.visit_all(node.decorator_list)
        self.visit_defaults(node.args)
        with self.hiding(_type_parameters(node)):
            arguments = (part for part in ast.walk(node.args) if isinstance(part, ast.arg))
            self.visit_all([*(argument.annotation for argument in arguments), node.returns])
        self.order.define(node.name, node.lineno, names_of_body(node))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The body runs at once, in a scope of its own; its methods run when the class is used."""
        self.visit_all(node.decorator_list)
        with self.hiding(_type_parameters(node)):
            self.visit_all([*node.bases, *(keyword.value for keyword in node.keywords)])
        body = NameOrder(hidden=_type_parameters(node))
        _Walk(body).visit_all(node.body)
        for name, place in body.reads.items():
            self.order.read(name, place.line)
        for name in body.changes.keys() - body.writes.keys():
            self.order.change(name, body.changes[name].line)
        declarations = (child for child in node.body if isinstance(child, ast.Global))
        for name in sorted({name for declaration in declarations for name in declaration.names}):
            self.order.write(name, node.lineno)
        self.order.define(node.name, node.lineno, names_of_body(node))

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """`type X = …` of Python 3.12: the value is worked out when somebody asks for it."""
        fields = dict(ast.iter_fields(node))
        value = ast.Lambda(args=_NO_ARGUMENTS, body=fields["value"])
        reads = names_of_body(value).reads - _type_parameters(node)
        self.order.define(fields["name"].id, line_of(node), DeferredNames(reads=reads))

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.order.star_import = self.order.star_import or self.order.at(node.lineno)
            else:
                self.order.write(bound_name(node, alias), node.lineno)

    visit_ImportFrom = visit_Import

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Lambda):
            self._name_lambda(node, node.value)
        else:
            self.visit_all([node.value, *node.targets])

    def _name_lambda(self, node: ast.Assign, value: ast.Lambda) -> None:
        """A lambda with a name is a function: its body runs when the name is read."""
        self.visit_defaults(value.args)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.order.define(target.id, node.lineno, names_of_body(value))
            else:
                self.visit_all([value, target])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.order.read(node.target.id, node.lineno)
        self.visit_all([node.value, node.target])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit_all([node.value, node.target])

    # Control flow

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit_all([node.iter, node.target, *node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches(node.body, node.orelse)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        before = set(self.order.bound)
        self.visit_all(node.body)
        after = set(self.order.bound)
        for handler in node.handlers:
            self.order.bound = set(before)
            self._handler(handler)
        self.order.bound = after
        self.visit_all([*node.orelse, *node.finalbody])

    visit_TryStar = visit_Try

    def _handler(self, handler: ast.ExceptHandler) -> None:
        """The name of the exception is gone after its handler."""
        self.visit_all([handler.type])
        if handler.name:
            self.order.write(handler.name, handler.lineno)
        self.visit_all(handler.body)
        if handler.name:
            self.order.delete(handler.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        branches = [[case.pattern, case.guard, *case.body] for case in node.cases]
        last = node.cases[-1]
        takes_all = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        self._branches(*branches, *([] if takes_all and last.guard is None else [[]]))

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.generic_visit(node)
        if node.name:
            self.order.write(node.name, node.lineno)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.order.write(node.rest, node.lineno)

    def _branches(self, *branches: Sequence[ast.AST | None]) -> None:
        """Of several runs of nodes one happens: what all of them set is set."""
        order = self.order
        bound, perhaps = set(order.bound), set(order.perhaps)
        bound_after: list[set[str]] = []
        perhaps_after: set[str] = set()
        for branch in branches:
            order.bound, order.perhaps = set(bound), set(perhaps)
            self.visit_all(branch)
            bound_after.append(order.bound)
            perhaps_after |= order.perhaps
        order.bound, order.perhaps = set.intersection(*bound_after), perhaps_after


_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def _type_parameters(node: ast.AST) -> frozenset[str]:
    """The names in brackets of `def f[T]` and `class C[T]`, of Python 3.12."""
    return frozenset(parameter.name for parameter in getattr(node, "type_params", ()))


def bound_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The name that one part of an import sets: `import a.b` sets `a`."""
    if isinstance(node, ast.Import) and not alias.asname:
        return alias.name.split(".")[0]
    return alias.asname or alias.name
