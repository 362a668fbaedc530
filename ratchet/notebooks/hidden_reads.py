"""Names that cells read without the form of their code saying so: in texts, in lines of IPython's
own, and in functions without a name that a cell above keeps.

What is listed here in vain costs an output of a step; what is missing here would leave the notebook
with an old value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from ratchet.notebooks.bodies import names_of_body
from ratchet.notebooks.cells import Cell
from ratchet.notebooks.queries import AT, texts
from ratchet.notebooks.statements import CodeStatement

_WORD = re.compile(r"[A-Za-z_]\w*")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WHOLE_SCOPE = {"globals", "locals", "exec", "eval"}
_SCOPE_WITHOUT_ARGUMENTS = {"vars", "dir"}
_EXPRESSIONS = {"eval", "evaluate"}


def hidden_reads(
    statements: Sequence[CodeStatement], cells: Iterable[Cell], first: int, writes: Iterable[str]
) -> frozenset[str]:
    """Names out of `writes` that the notebook may read after a step set them.

    Args:
        statements: those outside of the step.
        cells: those outside of the step.
        first: the order of the step's first statement.
        writes: names that the step sets.
    """
    names: set[str] = set()
    for statement in statements:
        for node in ast.walk(statement.node):
            if statement.order > first or isinstance(statement.node, _DEFINITIONS):
                if _reads_all(node):
                    return frozenset(writes)
                names |= set(_in_texts(node))
            elif statement.order < first:
                names |= set(_deferred(node))
    for cell in cells:
        names |= {word for magic in cell.magics for word in _WORD.findall(magic.text)}
    return frozenset(names & set(writes))


def _reads_all(node: ast.AST) -> bool:
    """`globals()`, or `eval(…)`, which can reach every name."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=args):
            return name in _WHOLE_SCOPE or (name in _SCOPE_WITHOUT_ARGUMENTS and not args)
    return False


def _in_texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield from AT.findall(text)
            if "~" in text:  # a formula of statsmodels
                yield from _WORD.findall(text)
        case ast.Call(func=ast.Attribute(attr=method), args=args) if method in _EXPRESSIONS:
            for text in texts(args):
                yield from _WORD.findall(text)


def _deferred(node: ast.AST) -> Iterator[str]:
    """What runs later, when somebody uses what a cell above made: a lambda, a generator."""
    if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
        yield from names_of_body(node).reads
    elif isinstance(node, ast.GeneratorExp):
        yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def used_names(statements: Sequence[CodeStatement], first: int) -> frozenset[str]:
    """Every name that cells use from a step on, with those of the definitions above that they use.

    Args:
        statements: those outside of the step.
        first: the order of the step's first statement.
    """
    names = {n for s in statements if s.order > first for n in _loaded(s.node)}
    above = [s for s in statements if s.order < first and isinstance(s.node, _DEFINITIONS)]
    while used := [s for s in above if names & set(s.flow.writes)]:
        names |= {name for statement in used for name in _loaded(statement.node)}
        above = [statement for statement in above if statement not in used]
    return frozenset(names)


def _loaded(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
