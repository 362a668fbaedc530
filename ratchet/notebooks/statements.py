"""The statements at the top of a notebook."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ratchet.notebooks import syntax
from ratchet.notebooks.cells import Cell, Notebook
from ratchet.notebooks.flow import Flow, flow


@dataclass(frozen=True, eq=False)
class CodeStatement:
    """A statement at the top of a notebook and where it stands.

    Attributes:
        order: the place among all statements of the notebook, from 0.
        cell: the cell in which it stands.
        node: its syntax tree.
    """

    order: int
    cell: Cell
    node: ast.stmt

    @cached_property
    def flow(self) -> Flow:
        """What this one statement does with names."""
        return flow([self.node])

    @cached_property
    def text(self) -> str:
        """The code as text, whatever the layout, with the shell lines and magics that matter."""
        last = self.node.end_lineno or self.node.lineno
        commands = [
            magic.text
            for magic in self.cell.magics
            if not magic.harmless and self.node.lineno <= magic.line <= last
        ]
        return "\n".join([syntax.canonical(self.node), *commands])

    @property
    def where(self) -> str:
        """The place for people, such as `cell 3, line 2`."""
        return self.cell.where(self.node.lineno)


def statements_of(notebook: Notebook) -> tuple[CodeStatement, ...]:
    """All statements at the top of the code cells, in order; a harmless magic is none."""
    nodes = [
        (cell, node)
        for cell in notebook.code_cells
        for node in cell.tree.body
        if not (isinstance(node, ast.Pass) and _does_nothing(cell, node))
    ]
    return tuple(CodeStatement(order, cell, node) for order, (cell, node) in enumerate(nodes))


def _does_nothing(cell: Cell, node: ast.Pass) -> bool:
    return all(magic.harmless for magic in cell.magics if magic.line == node.lineno)


def step_statements(every: Sequence[CodeStatement], step: str) -> tuple[CodeStatement, ...]:
    """Those of all statements that are marked for a step, in order."""
    return tuple(statement for statement in every if statement.cell.step == step)


def places_of(
    every: Sequence[CodeStatement], texts: Sequence[str]
) -> Iterator[list[CodeStatement]]:
    """Where statements with these texts stand, in this order, whatever stands between.

    A notebook may say the same thing twice, so there is one answer for each place where the first
    of them stands.
    """
    for start, statement in enumerate(every):
        if not texts or statement.text != texts[0]:
            continue
        places = [statement]
        after = start + 1
        for text in texts[1:]:
            at = next((n for n in range(after, len(every)) if every[n].text == text), None)
            if at is None:
                return
            places.append(every[at])
            after = at + 1
        yield places
