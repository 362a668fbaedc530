"""What a step takes and gives, and what stands against its promotion: all without running it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ratchet.notebooks import static_refusals
from ratchet.notebooks.cells import Cell, Notebook
from ratchet.notebooks.flow import Flow, flow
from ratchet.notebooks.left_out import LeftOut, left_out
from ratchet.notebooks.needed_cells import READING_BUILTINS, needed_cells
from ratchet.notebooks.needs import Needs, needs_of
from ratchet.notebooks.paths_in_code import FilePath, paths_in
from ratchet.notebooks.refusals import Refusal
from ratchet.notebooks.statements import Statement, statements_of, step_statements

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Plan:
    """What the script of a step is made of.

    Attributes:
        notebook, step: which step of which notebook.
        every: all statements of the notebook.
        marked: those of the step.
        left_out: what of them the script leaves out.
        own: those that stay, without what is left out of them.
        needs: what they need of the cells above.
        parameters: name → the value in the notebook's cell of parameters.
        inputs: names of data, in the order in which they are read.
        outputs: names that the step sets or changes and that are wanted.
        models: names that it sets and fits, beside the outputs.
        definitions: functions, classes and imports of the step that later cells use.
        later: what the cells outside the step, from its first one on, do with names.
        files: the paths in the code, each once for each place.
        nested: definitions that need the step's own names, and so stand inside its function.
        lifted: definitions of the step that later cells use and that stand outside of it.
        cells: the indexes of cells that the step can depend on, and its own.
        remarks: what a person should know and that stands against nothing.
    """

    notebook: Notebook
    step: str
    every: tuple[Statement, ...]
    marked: tuple[Statement, ...]
    left_out: LeftOut
    own: tuple[Statement, ...]
    needs: Needs
    parameters: Mapping[str, ast.expr]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    models: tuple[str, ...]
    definitions: tuple[str, ...]
    later: Flow
    files: tuple[FilePath, ...]
    nested: tuple[Statement, ...]
    lifted: tuple[Statement, ...]
    cells: frozenset[int]
    remarks: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = field(default=())

    @property
    def step_cells(self) -> tuple[Cell, ...]:
        return self.notebook.step_cells(self.step)

    @cached_property
    def whole(self) -> Flow:
        """What the step does with names."""
        return flow([statement.node for statement in self.own])

    @property
    def live(self) -> tuple[str, ...]:
        """Names that later cells read."""
        return tuple(dict.fromkeys([*self.later.reads, *sorted(self.later.later)]))

    @property
    def reads(self) -> tuple[str, ...]:
        """Paths of files that the step reads."""
        written = set(self.writes)
        return tuple(dict.fromkeys(f.path for f in self.files if f.path not in written))

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.path for file in self.files if file.writes))

    @property
    def carried(self) -> tuple[Statement, ...]:
        """Definitions of the cells above that stand at the top of the script, in order."""
        return tuple(s for s in self.needs.definitions if s not in self.nested)


def refusals(
    notebook: Notebook, step: str, beside: frozenset[str] = frozenset()
) -> tuple[Refusal, ...]:
    """What stands against the promotion of a step, as far as the code alone shows it.

    Args:
        beside: the names of modules and packages in the notebook's folder.
    """
    return plan_step(notebook, step, beside).refusals


def plan_step(notebook: Notebook, step: str, beside: frozenset[str] = frozenset()) -> Plan:
    """The plan for the script of a marked step; see `refusals` for what stands against it."""
    every = statements_of(notebook)
    marked = step_statements(every, step)
    out = left_out(every, marked)
    own = tuple(
        Statement(s.order, s.cell, node)
        for s in marked
        if (node := out.without(s.node)) is not None
    )
    whole = flow([statement.node for statement in own])
    parameters = _parameter_values(notebook, every)
    first = marked[0].order if marked else 0
    mine = {statement.order for statement in marked}
    later = _later(every, first, mine)
    definitions = _definitions(own)
    outputs = _outputs(notebook, step, whole, later, definitions)
    needs = _needs(every, own, whole, outputs, frozenset(parameters))
    taken = {
        name: value
        for name, value in parameters.items()
        if name in needs.inputs and name not in whole.changes
    }
    inputs = tuple(name for name in needs.inputs if name not in taken)
    later_names = {*later.reads, *later.later}
    changed = [n for n in inputs if n in whole.changes and n in later_names and n not in outputs]
    used = tuple(name for name in definitions if name in later_names)
    files, nested = _files_and_nested(own, needs, whole, taken)
    plan = Plan(
        notebook=notebook,
        step=step,
        every=every,
        marked=marked,
        left_out=out,
        own=own,
        needs=needs,
        parameters=taken,
        inputs=inputs,
        outputs=(*outputs, *changed) or _everything(own, whole, definitions),
        models=tuple(n for n in whole.writes if n in whole.changes and n not in definitions),
        definitions=used,
        later=later,
        files=files,
        nested=nested,
        lifted=_lifted(own, needs, whole, used, inputs, taken, nested),
        cells=needed_cells(notebook, every, marked),
    )
    return static_refusals.judged(plan, beside)


def _later(every: Sequence[Statement], first: int, mine: set[int]) -> Flow:
    """What the other cells do from the step on. Functions from above read their names when those
    cells call them."""
    above = [s.node for s in every if s.order < first and isinstance(s.node, DEFINITIONS)]
    return flow([*above, *(s.node for s in every if s.order > first and s.order not in mine)])


def _lifted(
    own: Sequence[Statement],
    needs: Needs,
    whole: Flow,
    used: Sequence[str],
    inputs: Sequence[str],
    parameters: Mapping[str, ast.expr],
    nested: Sequence[Statement],
) -> tuple[Statement, ...]:
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


def _parameter_values(notebook: Notebook, every: Sequence[Statement]) -> dict[str, ast.expr]:
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


def _set_once(name: str, every: Sequence[Statement]) -> bool:
    return sum(name in s.flow.writes or name in s.flow.changes for s in every) == 1


def _definitions(own: Sequence[Statement]) -> tuple[str, ...]:
    """Names that the step sets to code: imports, functions and classes."""
    names: dict[str, bool] = {}
    for statement in own:
        is_code = isinstance(statement.node, (*IMPORTS, *DEFINITIONS))
        for name in statement.flow.writes:
            names[name] = is_code
    return tuple(name for name, is_code in names.items() if is_code)


def _outputs(
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


def _everything(
    own: Sequence[Statement], whole: Flow, definitions: Sequence[str]
) -> tuple[str, ...]:
    """All that a step sets, when nobody reads it: the last step of a notebook."""
    loops = (ast.For, ast.AsyncFor, ast.With)
    by_others = {n for s in own if not isinstance(s.node, loops) for n in s.flow.writes}
    return tuple(n for n in whole.writes if n in by_others and n not in definitions)


def _needs(
    every: Sequence[Statement],
    own: Sequence[Statement],
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
    steps = [*own, Statement(last.order, last.cell, reading)]
    found = needs_of(every, steps, parameters)
    # A constant that the step changes is data: the notebook sees the change. One that it sets anew
    # would hide the other one in a function.
    nodes = [part for statement in own for part in ast.walk(statement.node)]
    deleted = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del)}
    touched = {*whole.changes, *whole.writes, *deleted, *_handed_over(own, found.constants)}
    data = touched & {*found.constants, *found.functions}
    return needs_of(every, steps, parameters | data) if data else found


def _handed_over(own: Sequence[Statement], constants: Mapping[str, Statement]) -> set[str]:
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


def _files_and_nested(
    own: Sequence[Statement],
    needs: Needs,
    whole: Flow,
    parameters: Mapping[str, ast.expr],
) -> tuple[tuple[FilePath, ...], tuple[Statement, ...]]:
    """The paths in the code, and the definitions that must stand inside the step's function: those
    that read its names, and those with a path in them."""
    constants = constant_values(needs, own)
    names = {*whole.writes, *needs.inputs, *parameters}
    files: list[FilePath] = []
    nested: list[Statement] = []
    waiting = list(needs.definitions)
    for statement in own:
        files += [p for p in paths_in(statement.node, constants) if isinstance(p, FilePath)]
    changed = True
    while changed:
        changed = False
        for statement in list(waiting):
            paths = [p for p in paths_in(statement.node, constants) if isinstance(p, FilePath)]
            reads = {*statement.flow.reads, *statement.flow.later}
            if not paths and not reads & names:
                continue
            waiting.remove(statement)
            nested.append(statement)
            names |= set(statement.flow.writes)
            files += paths
            changed = True
    return tuple(files), tuple(sorted(nested, key=lambda statement: statement.order))


def constant_values(needs: Needs, own: Sequence[Statement]) -> dict[str, ast.expr]:
    """What names stand for, where that is written down: constants from above, and names that the
    step itself sets once."""
    values: dict[str, ast.expr] = {}
    times: dict[str, int] = {}
    for statement in (*needs.constants.values(), *own):
        for name in statement.flow.writes:
            times[name] = times.get(name, 0) + 1
        match statement.node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = value
    return {name: value for name, value in values.items() if times[name] == 1}
