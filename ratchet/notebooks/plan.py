"""What a step takes and gives, and what stands against its promotion: all without running it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ratchet.notebooks import static_refusals
from ratchet.notebooks.cells import Cell, Notebook
from ratchet.notebooks.flow import Flow, flow
from ratchet.notebooks.hidden_reads import hidden_reads
from ratchet.notebooks.left_out import LeftOut, left_out
from ratchet.notebooks.needed_cells import needed_cells
from ratchet.notebooks.needs import Needs
from ratchet.notebooks.paths_in_code import FilePath, paths_in
from ratchet.notebooks.refusals import Refusal
from ratchet.notebooks.statements import CodeStatement, statements_of, step_statements
from ratchet.notebooks.step_names import (
    definitions_of,
    everything_set,
    handed_on,
    later_flow,
    lifted_definitions,
    needs_with_outputs,
    parameter_values,
    set_above_too,
    wanted_outputs,
)


@dataclass(frozen=True)
class PromotionPlan:
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
        anew: those of the outputs that no later cell reads, and that a cell above has set, too:
            beside outputs that are read, those go out only if a file holds them.
        stale: such names that are no outputs: the notebook goes on with the value from above.
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
    every: tuple[CodeStatement, ...]
    marked: tuple[CodeStatement, ...]
    left_out: LeftOut
    own: tuple[CodeStatement, ...]
    needs: Needs
    parameters: Mapping[str, ast.expr]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    anew: tuple[str, ...]
    stale: tuple[str, ...]
    models: tuple[str, ...]
    definitions: tuple[str, ...]
    later: Flow
    files: tuple[FilePath, ...]
    nested: tuple[CodeStatement, ...]
    lifted: tuple[CodeStatement, ...]
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
    def carried(self) -> tuple[CodeStatement, ...]:
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


def plan_step(notebook: Notebook, step: str, beside: frozenset[str] = frozenset()) -> PromotionPlan:
    """The plan for the script of a marked step; see `refusals` for what stands against it."""
    every = statements_of(notebook)
    marked = step_statements(every, step)
    out = left_out(every, marked)
    own = tuple(
        CodeStatement(s.order, s.cell, node)
        for s in marked
        if (node := out.without(s.node)) is not None
    )
    whole = flow([statement.node for statement in own])
    parameters = parameter_values(notebook, every)
    first = marked[0].order if marked else 0
    mine = {statement.order for statement in marked}
    later = later_flow(every, first, mine)
    hidden = hidden_reads(
        [statement for statement in every if statement.order not in mine],
        [cell for cell in notebook.code_cells if cell.step != step],
        first,
        whole.writes,
    )
    later = replace(later, later=later.later | hidden)
    definitions = definitions_of(own)
    outputs = wanted_outputs(notebook, step, whole, later, definitions)
    above_too = set_above_too(every, first, whole, definitions)
    anew: tuple[str, ...] = ()
    if not notebook.step_outputs(step):
        anew = handed_on(every, own, whole, above_too, outputs, frozenset(parameters))
    needs = needs_with_outputs(every, own, whole, (*outputs, *anew), frozenset(parameters))
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
    results = (*outputs, *changed) or everything_set(own, whole, definitions)
    results = tuple(dict.fromkeys([*results, *anew]))
    plan = PromotionPlan(
        notebook=notebook,
        step=step,
        every=every,
        marked=marked,
        left_out=out,
        own=own,
        needs=needs,
        parameters=taken,
        inputs=inputs,
        outputs=results,
        anew=anew if outputs or changed else (),
        stale=tuple(name for name in above_too if name not in results),
        models=tuple(n for n in whole.writes if n in whole.changes and n not in definitions),
        definitions=used,
        later=later,
        files=files,
        nested=nested,
        lifted=lifted_definitions(own, needs, whole, used, inputs, taken, nested),
        cells=needed_cells(notebook, every, marked),
    )
    return static_refusals.judged(plan, beside)


def _files_and_nested(
    own: Sequence[CodeStatement],
    needs: Needs,
    whole: Flow,
    parameters: Mapping[str, ast.expr],
) -> tuple[tuple[FilePath, ...], tuple[CodeStatement, ...]]:
    """The paths in the code, and the definitions that must stand inside the step's function: those
    that read its names, and those with a path in them."""
    constants = constant_values(needs, own)
    names = {*whole.writes, *needs.inputs, *parameters}
    files: list[FilePath] = []
    nested: list[CodeStatement] = []
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


def constant_values(needs: Needs, own: Sequence[CodeStatement]) -> dict[str, ast.expr]:
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
