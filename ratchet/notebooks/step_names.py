"""The names of a step: parameters, outputs, definitions, and what later cells do with them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.flow import Flow, flow
from ratchet.notebooks.needed_cells import READING_BUILTINS
from ratchet.notebooks.needs import Needs, needs_of
from ratchet.notebooks.statements import CodeStatement

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def later_flow(every: Sequence[CodeStatement], first: int, mine: set[int]) -> Flow:
    """What the other cells do from the step on. Functions from above read their names when those
    cells call them."""
    above = [s.node for s in every if s.order < first and isinstance(s.node, DEFINITIONS)]
    return flow([*above, *(s.node for s in every if s.order > first and s.order not in mine)])


def lifted_definitions(
    own: Sequence[CodeStatement],
    needs: Needs,
    whole: Flow,
    used: Sequence[str],
    inputs: Sequence[str],
    parameters: Mapping[str, ast.expr],
    nested: Sequence[CodeStatement],
) -> tuple[CodeStatement, ...]:
    """Functions and classes of the step that later cells use, set once, that read none of its
    names but each other and imports."""
    by_imports = {n for s in own if isinstance(s.node, IMPORTS) for n in s.flow.writes}
    wanted = [
        s
        for s in own
        if isinstance(s.node, DEFINITIONS)
        and not (set(s.flow.writes) - set(used))
        and sum(name in other.flow.writes for other in own for name in s.flow.writes) == 1
        and not set(s.flow.writes) & {*needs.functions, *needs.constants, *inputs}
    ]
    inner = {*whole.writes, *inputs, *parameters, *(n for s in nested for n in s.flow.writes)}
    while True:
        outside = {name for s in wanted for name in s.flow.writes} | by_imports
        fitting = [s for s in wanted if not {*s.flow.reads, *s.flow.later} & (inner - outside)]
        if len(fitting) == len(wanted):
            return tuple(wanted)
        wanted = fitting


def parameter_values(notebook: Notebook, every: Sequence[CodeStatement]) -> dict[str, ast.expr]:
    """The literals of the cell that is tagged `parameters`, which a run may set to others."""
    values: dict[str, ast.expr] = {}
    for statement in every:
        if "parameters" not in statement.cell.tags:
            continue
        match statement.node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                if _is_literal(value) and _set_once(name, every):
                    values[name] = value
    return values


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def _set_once(name: str, every: Sequence[CodeStatement]) -> bool:
    return sum(name in s.flow.writes or name in s.flow.changes for s in every) == 1


def definitions_of(own: Sequence[CodeStatement]) -> tuple[str, ...]:
    """Names that the step sets to code: imports, functions and classes."""
    names: dict[str, bool] = {}
    for statement in own:
        is_code = isinstance(statement.node, (*IMPORTS, *DEFINITIONS))
        for name in statement.flow.writes:
            names[name] = is_code
    return tuple(name for name, is_code in names.items() if is_code)


def wanted_outputs(
    notebook: Notebook,
    step: str,
    whole: Flow,
    later: Flow,
    definitions: Sequence[str],
) -> tuple[str, ...]:
    """The names after `->`, then those that the step sets and later cells read."""
    named = notebook.step_outputs(step)
    read = [n for n in (*later.reads, *sorted(later.later)) if n in whole.writes]
    return tuple(dict.fromkeys([*named, *(n for n in read if n not in definitions)]))


def everything_set(
    own: Sequence[CodeStatement], whole: Flow, definitions: Sequence[str]
) -> tuple[str, ...]:
    """All that a step sets, when nobody reads it: the last step of a notebook."""
    loops = (ast.For, ast.AsyncFor, ast.With)
    by_others = {n for s in own if not isinstance(s.node, loops) for n in s.flow.writes}
    return tuple(n for n in whole.writes if n in by_others and n not in definitions)


def set_above_too(
    every: Sequence[CodeStatement], first: int, whole: Flow, definitions: Sequence[str]
) -> tuple[str, ...]:
    """Data that the step sets and a cell above has set, too: without the step's value, the notebook
    would go on with the older one.

    Args:
        first: the order of the step's first statement.
    """
    above = {name for s in every if s.order < first for name in s.flow.writes}
    return tuple(name for name in whole.writes if name in above and name not in definitions)


def handed_on(
    every: Sequence[CodeStatement],
    own: Sequence[CodeStatement],
    whole: Flow,
    names: Sequence[str],
    outputs: Sequence[str],
    parameters: frozenset[str],
) -> tuple[str, ...]:
    """Those of `names` that the step can hand on beside its outputs at no cost: it sets them on
    every path, in no head of a loop, and no cell amid the step sets them."""
    if not own:
        return ()
    first, last = own[0].order, own[-1].order
    mine = {statement.order for statement in own}
    amid = {
        n for s in every if first < s.order < last for n in s.flow.writes if s.order not in mine
    }
    candidates = [
        name
        for name in everything_set(own, whole, ())
        if name in names and name not in outputs and name not in amid
    ]
    before = needs_with_outputs(every, own, whole, outputs, parameters)
    after = needs_with_outputs(every, own, whole, [*outputs, *candidates], parameters)
    new = {*after.inputs, *after.missing, *after.between} - {*before.inputs}
    return tuple(name for name in candidates if name not in new)


def needs_with_outputs(
    every: Sequence[CodeStatement],
    own: Sequence[CodeStatement],
    whole: Flow,
    outputs: Sequence[str],
    parameters: frozenset[str],
) -> Needs:
    """What the step reads, with those outputs that it does not set on every path."""
    if not own:
        return needs_of(every, own, parameters)
    last = own[-1]
    reading = ast.Expr(ast.Tuple([ast.Name(name, ast.Load()) for name in outputs], ast.Load()))
    ast.copy_location(reading, last.node)
    ast.fix_missing_locations(reading)
    steps = [*own, CodeStatement(last.order, last.cell, reading)]
    found = needs_of(every, steps, parameters)
    # A constant that the step changes is data: the notebook sees the change. One that it sets anew
    # would hide the other one in a function.
    nodes = [part for statement in own for part in ast.walk(statement.node)]
    deleted = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del)}
    touched = {*whole.changes, *whole.writes, *deleted, *_handed_over(own, found.constants)}
    data = touched & {*found.constants, *found.functions}
    return needs_of(every, steps, parameters | data) if data else found


def _handed_over(own: Sequence[CodeStatement], constants: Mapping[str, CodeStatement]) -> set[str]:
    """Lists and the like that go to a function whose result nobody keeps: it may change them."""
    calls = [
        s.node.value
        for s in own
        if isinstance(s.node, ast.Expr) and isinstance(s.node.value, ast.Call)
    ]
    return {
        argument.id
        for call in calls
        if not (isinstance(call.func, ast.Name) and call.func.id in READING_BUILTINS)
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(argument, ast.Name) and argument.id in constants
        if not isinstance(getattr(constants[argument.id].node, "value", None), ast.Constant)
    }
