"""What stands against a promotion as far as the code alone shows it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ratchet.notebooks.bodies import root_name
from ratchet.notebooks.changed_definitions import changed_for
from ratchet.notebooks.left_out import is_only_shown, plot_names
from ratchet.notebooks.order import ALWAYS_THERE
from ratchet.notebooks.paths_in_code import ComputedPath, Remote, paths_in
from ratchet.notebooks.refusals import Refusal, refusal
from ratchet.notebooks.statements import CodeStatement
from ratchet.notebooks.tricks import tricks

if TYPE_CHECKING:
    from ratchet.notebooks.plan import PromotionPlan

_IMPORTS = (ast.Import, ast.ImportFrom)
_PYTHON_2 = re.compile(r"^\s*print\s+[^(\s=]", re.MULTILINE)
_DISPLAY_ONLY = re.compile(r"(\.options\.display|\.options\.mode\.chained_assignment|rcParams)")
_DOWNLOAD = "download it, put the file beside the notebook, and read that file"


def judged(plan: PromotionPlan, beside: frozenset[str]) -> PromotionPlan:
    """The plan with its refusals, in the order of their places, and its remarks."""
    refusals = dict.fromkeys(_refusals(plan, beside))
    ordered = sorted(refusals, key=lambda r: (r.cell is None, r.cell or 0, r.line))
    return replace(plan, refusals=tuple(ordered), remarks=tuple(dict.fromkeys(_remarks(plan))))


def _refusals(plan: PromotionPlan, beside: frozenset[str]) -> Iterator[Refusal]:
    yield from _cells(plan)
    if not plan.own:
        yield _nothing_left(plan)
        return
    code = (*plan.own, *plan.needs.definitions)
    yield from _names(plan)
    yield from _magics_above(plan)
    yield from tricks(code, plan.needs.imports, frozenset(plan.whole.writes))
    yield from _modules_beside(plan, beside)
    yield from _paths(plan)
    yield from _hidden_builtins(plan)
    yield from _between(plan)
    yield from _settings_above(plan)
    yield from _definitions_in_use(plan)
    if not (plan.outputs or plan.models or plan.writes or plan.inputs):
        yield _nothing_left(plan)


def _definitions_in_use(plan: PromotionPlan) -> Iterator[Refusal]:
    """What the step defines and later cells use must stand outside of the script's function."""
    importable = {name for s in plan.lifted for name in s.flow.writes}
    for name in plan.definitions:
        setters = [s for s in plan.own if name in s.flow.writes]
        if name in importable:
            yield from changed_for(plan, name, setters[-1])
            continue
        if all(isinstance(s.node, _IMPORTS) for s in setters):
            continue
        text = f"`{name}` is defined here, later cells use it, and it reads names of the step"
        edit = "give it those as arguments, or define it in a cell above the step"
        yield refusal(setters[-1].cell, setters[-1].node.lineno, text, edit)


def _nothing_left(plan: PromotionPlan) -> Refusal:
    reason = "nothing is left of the step: it sets no name that could be its result"
    cells = plan.step_cells
    edit = "give the result a name"
    return refusal(cells[-1], 1, reason, edit) if cells else Refusal("", reason, edit)


def _cells(plan: PromotionPlan) -> Iterator[Refusal]:
    for problem in plan.notebook.mark_problems:
        yield refusal(problem.cell, problem.line, problem.message)
    for cell in plan.step_cells:
        if cell.syntax_fault and _PYTHON_2.search(cell.source):
            yield refusal(cell, cell.syntax_fault.line, "this is Python 2", "run `2to3` on it")
        elif cell.syntax_fault:
            yield refusal(cell, cell.syntax_fault.line, f"not Python: {cell.syntax_fault.message}")
        for magic in cell.magics:
            if not magic.harmless:
                text = f"`{magic.text[:60]}` has no place in a script"
                yield refusal(cell, magic.line, text, "write it in Python, or in another cell")


def _magics_above(plan: PromotionPlan) -> Iterator[Refusal]:
    """Lines of IPython's own above the step that may set or change what it reads: they are not
    run."""
    for cell in plan.notebook.code_cells:
        if cell.index > plan.own[-1].cell.index or cell.step == plan.step:
            continue
        for magic in cell.magics:
            if not magic.harmless and not magic.text.lstrip().startswith(("!", "%%")):
                text = f"`{magic.text[:60]}` may set or change what the step reads"
                yield refusal(cell, magic.line, text, "write it in Python")


def _names(plan: PromotionPlan) -> Iterator[Refusal]:
    stars = [s for s in plan.every if s.flow.star_import and s.order < plan.own[-1].order]
    for missing in plan.needs.missing.values():
        cell = missing.statement.cell
        if stars:
            text = f"`{missing.name}` comes from `{ast.unparse(stars[-1].node)}`, or from nowhere"
            yield refusal(cell, missing.line, text, "import what is used by name")
        elif missing.below:
            text = f"`{missing.name}` is set only further down, at {missing.below.where}"
            yield refusal(
                cell, missing.line, text, "put the cells into the order in which they run"
            )
        else:
            text = f"no cell sets `{missing.name}`"
            yield refusal(cell, missing.line, text, "set or import it in a cell above")
    for name, statement in plan.needs.between.items():
        text = f"sets or changes `{name}` amid the step, outside of it"
        yield refusal(statement.cell, statement.node.lineno, text, "mark this cell too, or move it")
    for name in plan.notebook.step_outputs(plan.step):
        if name not in plan.whole.writes and name not in plan.needs.inputs:
            yield refusal(
                plan.step_cells[0], 1, f"the step does not set `{name}`, named after `->`"
            )
    for name in _all_names(plan):
        if not name.isascii():
            yield refusal(plan.step_cells[0], 1, f"`{name}` is no name of an argument", "use ASCII")


def _all_names(plan: PromotionPlan) -> list[str]:
    return [*plan.inputs, *plan.outputs, *plan.models, *plan.parameters]


def _modules_beside(plan: PromotionPlan, beside: frozenset[str]) -> Iterator[Refusal]:
    for name, imported in plan.needs.imports.items():
        top = imported.module.lstrip(".").split(".")[0]
        if top in beside or imported.module.startswith("."):
            yield _beside(imported.statement, top or name)
    for statement in (*plan.own, *plan.needs.definitions):
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names]
                if isinstance(node, ast.ImportFrom):
                    modules = [node.module or ""]
                for module in modules:
                    if module.split(".")[0] in beside:
                        yield _beside(statement, module.split(".")[0])


def _beside(statement: CodeStatement, module: str) -> Refusal:
    text = f"the module `{module}` lies beside the notebook, not beside the script"
    edit = "move it to the model's folder in steps/, or into the notebook's cells"
    return refusal(statement.cell, statement.node.lineno, text, edit)


def _paths(plan: PromotionPlan) -> Iterator[Refusal]:
    from ratchet.notebooks.plan import constant_values

    constants = constant_values(plan.needs, plan.own)
    computed = frozenset((*plan.inputs, *plan.parameters))
    for statement in (*plan.own, *plan.needs.definitions):
        for path in paths_in(statement.node, constants, computed):
            line = getattr(getattr(path, "node", None), "lineno", statement.node.lineno)
            if isinstance(path, Remote):
                text = f"`{path.url[:60]}` is on another machine"
                yield refusal(statement.cell, line, text, _DOWNLOAD)
            elif isinstance(path, ComputedPath):
                text = f"the path that `{path.call}` gets is put together"
                yield refusal(statement.cell, line, text, "write the path as one text")


def _hidden_builtins(plan: PromotionPlan) -> Iterator[Refusal]:
    """A name of Python's own that some cell sets: who means which is not to be told."""
    hidden = {
        name: statement
        for statement in plan.every
        for name in statement.flow.writes
        if name in ALWAYS_THERE and hasattr(builtins, name)
    }
    code = (*plan.own, *plan.needs.definitions)
    used = {n.id: s for s in code for n in ast.walk(s.node) if isinstance(n, ast.Name)}
    own = {statement.order for statement in plan.own}
    for name, setter in hidden.items():
        elsewhere = any(
            isinstance(node, ast.Name) and node.id == name
            for statement in plan.every
            if statement.order not in own
            for node in ast.walk(statement.node)
        )
        if name in used and elsewhere:
            text = f"`{name}` is set here and is a name of Python's own"
            yield refusal(setter.cell, setter.node.lineno, text, "give it another name")


def _between(plan: PromotionPlan) -> Iterator[Refusal]:
    """Cells amid the step that do something with what it changes further down: they will come
    behind all of it."""
    for statement, name in readers_amid(plan):
        if statement.flow.writes:
            continue  # the run compares what they set
        text = f"reads `{name}` amid the step, which the step changes further down"
        edit = "move this cell in front of the step or behind it, or mark it too"
        yield refusal(statement.cell, statement.node.lineno, text, edit)


def readers_amid(
    plan: PromotionPlan, *, shown: bool = False
) -> Iterator[tuple[CodeStatement, str]]:
    """Statements amid the step that read a name which it changes further down, with that name:
    those that only show it, or all others."""
    if not plan.own:
        return
    first, last = plan.own[0].order, plan.own[-1].order
    plots = plot_names(plan.every)
    mine = {statement.order for statement in plan.marked}
    for statement in plan.every:
        outside = statement.order in mine or not first < statement.order < last
        shows = is_only_shown(statement.node, plots) or _prints(statement.node)
        if outside or shows != shown:
            continue
        for name in statement.flow.reads:
            changing = (s for s in plan.own if name in s.flow.writes or name in s.flow.changes)
            if any(s.order > statement.order for s in changing):
                yield statement, name
                break


def _prints(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in ("print", "display")
    return False


def _settings_above(plan: PromotionPlan) -> Iterator[Refusal]:
    """Settings of a module that a cell outside the step changes: a script starts without them."""
    mine = {statement.order for statement in plan.marked}
    used = {imported.module.split(".")[0] for imported in plan.needs.imports.values()}
    imported = _imported_names(plan)
    plots = plot_names(plan.every)
    for statement in plan.every:
        node = statement.node
        if statement.order in mine or statement.order > plan.own[-1].order:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            name = root_name(target)
            if not isinstance(target, ast.Attribute | ast.Subscript) or name in plots:
                continue
            text = ast.unparse(target)
            if imported.get(name or "") in used and not _DISPLAY_ONLY.search(text):
                reason = f"sets `{text}` outside of the step, and the script does not have that"
                yield refusal(statement.cell, node.lineno, reason, "mark this cell too")


def _imported_names(plan: PromotionPlan) -> dict[str, str]:
    """Names of imported modules and classes → the package that they come from."""
    names: dict[str, str] = {}
    for statement in plan.every:
        match statement.node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    top = alias.name.split(".")[0]
                    names[alias.asname or top] = top
            case ast.ImportFrom(names=aliases, module=module):
                for alias in aliases:
                    names[alias.asname or alias.name] = (module or "").split(".")[0]
    return names


def _remarks(plan: PromotionPlan) -> Iterator[str]:
    for cell in plan.step_cells:
        for magic in (magic for magic in cell.magics if magic.harmless):
            yield f"{cell.where(magic.line)}: `{magic.text[:40]}` is left out"
    yield from _plots_left_out(plan)
    yield from _magics_not_run(plan)
    for statement, name in readers_amid(plan, shown=True):
        yield f"{statement.where}: shows `{name}` as the whole step leaves it, from now on"
    named = plan.notebook.step_outputs(plan.step)
    for name in plan.outputs:
        if named and name not in named and name in plan.live:
            yield f"`{name}` goes out too, as a later cell reads it"
    if plan.stale:
        listed = ", ".join(f"`{name}`" for name in plan.stale)
        yield f"{listed}: the notebook goes on with the value from above, not with the step's"
    for cell in plan.notebook.code_cells:
        if cell.syntax_fault and not cell.step:
            yield f"{cell.where(cell.syntax_fault.line)}: not Python; the cell is not run"


def _plots_left_out(plan: PromotionPlan) -> Iterator[str]:
    nodes = {node for node, why in plan.left_out.nodes.items() if why == "plot"}
    for statement in plan.marked:
        for node in ast.walk(statement.node):
            is_import = isinstance(node, _IMPORTS)
            if isinstance(node, ast.stmt) and node in nodes and not is_import:
                yield f"{statement.cell.where(node.lineno)}: a plot is left out"


def _magics_not_run(plan: PromotionPlan) -> Iterator[str]:
    if not plan.step_cells:  # the mark is only nearly right, which is refused
        return
    for cell in plan.notebook.code_cells:
        if cell.index < plan.step_cells[-1].index and cell.step != plan.step:
            for magic in (magic for magic in cell.magics if not magic.harmless):
                yield f"{cell.where(magic.line)}: `{magic.text[:40]}` was not run"
