"""Walks expressions in the order of evaluation, with the scopes that are inside them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ratchet.notebooks.bodies import changed_in_place, names_of_body
from ratchet.notebooks.order import NameOrder
from ratchet.notebooks.queries import names_in_query


def line_of(node: ast.AST) -> int:
    """The line of a node in its cell, from 1; the first for a node that has no place."""
    return int(getattr(node, "lineno", 1))


class ExpressionWalk(ast.NodeVisitor):
    """Enters into `order` what expressions do with names."""

    def __init__(self, order: NameOrder) -> None:
        self.order = order

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    @contextmanager
    def hiding(self, names: Iterable[str]) -> Iterator[None]:
        """An inner scope, which has these names for itself."""
        hidden = self.order.hidden
        self.order.hidden = hidden | set(names)
        yield
        self.order.hidden = hidden

    def generic_visit(self, node: ast.AST) -> None:
        if (name := changed_in_place(node)) is not None:
            self.order.change(name, line_of(node))
        super().generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        for name in names_in_query(node):
            self.order.read(name, node.lineno)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.order.read(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.order.write(node.id, node.lineno)
        else:
            self.order.read(node.id, node.lineno)
            self.order.delete(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """In a comprehension too, `:=` sets a name outside."""
        self.visit_all([node.value, node.target])

    def _comprehension(self, generators: Sequence[ast.comprehension], *parts: ast.expr) -> None:
        self.visit(generators[0].iter)
        targets = {name for generator in generators for name in _stored_names(generator.target)}
        with self.hiding(targets):
            for number, generator in enumerate(generators):
                self.visit_all([generator.iter] if number else [])
                self.visit_all([generator.target, *generator.ifs])
            self.visit_all(parts)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, node.elt)

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, node.key, node.value)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Taken to be called where it stands, unless a name is given to it."""
        self.visit_defaults(node.args)
        self.order.run(names_of_body(node), node.lineno)

    def visit_defaults(self, arguments: ast.arguments) -> None:
        self.visit_all([*arguments.defaults, *arguments.kw_defaults])


def _stored_names(node: ast.AST) -> frozenset[str]:
    names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name))
    return frozenset(name.id for name in names if isinstance(name.ctx, ast.Store))
