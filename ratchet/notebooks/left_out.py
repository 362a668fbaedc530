"""Statements that a script leaves out: plots, and expressions that are there only to be shown.

An expression counts only if it can have no effect on a value. A plot is left out with its imports,
unless what it sets is used.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ratchet.notebooks.bodies import root_name
from ratchet.notebooks.flow import bound_name
from ratchet.notebooks.statements import CodeStatement

PLOT_PACKAGES = frozenset(
    (
        *("matplotlib", "seaborn", "pylab", "plotly", "bokeh", "altair", "missingno"),
        *("graphviz", "plotnine", "yellowbrick"),
    )
)
_PLOT_METHODS = {"plot", "hist", "boxplot"}
# Methods of pandas objects that change nothing and draw no random numbers.
_LOOKING_METHODS = frozenset(
    (
        *("head", "tail", "describe", "info", "value_counts", "nunique", "unique", "corr"),
        *("isnull", "isna", "notnull", "notna", "sum", "mean", "median", "std", "min", "max"),
        *("count", "sort_values", "sort_index", "round", "any", "all", "groupby", "size", "agg"),
        *("first", "last", "quantile", "mode", "transpose", "memory_usage", "duplicated"),
    )
)
_LOOKING_FUNCTIONS = {"len", "type", "display"}


@dataclass(frozen=True)
class LeftOut:
    """What is left out of some statements.

    Attributes:
        nodes: the statements, outermost ones only, with the reason: `plot`, `look` or `text`.
    """

    nodes: dict[ast.stmt, str] = field(default_factory=dict)

    def without(self, node: ast.stmt) -> ast.stmt | None:
        """A copy of a statement without what is left out of it; None when nothing stays."""
        return None if node in self.nodes else _pruned(node, self.nodes)


def left_out(every: Sequence[CodeStatement], step: Sequence[CodeStatement]) -> LeftOut:
    """What a script of the step leaves out.

    Args:
        every: all statements of the notebook, which say what the names of plots are.
        step: those of the step.
    """
    names = plot_names(every)
    nodes: dict[ast.stmt, str] = {}
    for statement in step:
        nodes.update(_droppable(statement.node, names))
    while used := _used_all_the_same(nodes, [statement.node for statement in step]):
        for node in used:
            del nodes[node]
    return LeftOut(nodes)


def is_only_shown(node: ast.stmt, names: frozenset[str] | set[str]) -> bool:
    """Whether a statement does nothing but plot or show."""
    return reason_to_leave_out(node, names) != ""


def plot_names(every: Iterable[CodeStatement]) -> set[str]:
    """Names that stand for plotting modules, figures, and functions that only plot."""
    names: set[str] = set()
    statements = list(every)
    for statement in statements:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names.update(
                    bound_name(node, alias)
                    for alias in node.names
                    if alias.name != "*" and _is_of_plots(node, alias)
                )
    for statement in statements:
        match statement.node:
            case ast.FunctionDef(name=name) as function if _only_plots(function, names):
                names.add(name)
            case ast.Assign(targets=targets, value=value) if _draws(value, names):
                names |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return names


def _is_of_plots(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    module = alias.name if isinstance(node, ast.Import) else node.module or ""
    return module.split(".")[0] in PLOT_PACKAGES or (
        isinstance(node, ast.ImportFrom)
        and (alias.name.endswith("Display") or alias.name.startswith("plot_"))
    )


def _only_plots(function: ast.FunctionDef, names: set[str]) -> bool:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    stores = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute | ast.Subscript)
        and not isinstance(node.ctx, ast.Load)
        and root_name(node) not in names
    ]
    globals_ = [node for node in ast.walk(function) if isinstance(node, ast.Global)]
    draws = any(root_name(call) in names for call in calls)
    return draws and not returns and not stores and not globals_


def reason_to_leave_out(node: ast.stmt, names: frozenset[str] | set[str]) -> str:
    """`plot`, `look`, `text`, or "" when the statement stays."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return "text"
        case ast.Expr(value=value):
            return "plot" if _draws(value, names) else "look" if _looks(value) else ""
        case ast.Assign(targets=targets, value=value):
            inside = all(isinstance(t, ast.Attribute | ast.Subscript) for t in targets)
            of_plot = inside and all(root_name(target) in names for target in targets)
            return "plot" if of_plot or _draws(value, names) else ""
        case ast.FunctionDef(name=name):
            return "plot" if name in names else ""
        case ast.Import() | ast.ImportFrom():
            bound = {bound_name(node, alias) for alias in node.names}
            return "plot" if bound <= names else ""
    return ""


def _droppable(node: ast.stmt, names: set[str]) -> Iterator[tuple[ast.stmt, str]]:
    why = reason_to_leave_out(node, names)
    if why:
        yield node, why
    elif isinstance(node, ast.For | ast.If | ast.With | ast.While):
        blocks = [node.body, getattr(node, "orelse", [])]
        inner = [pair for block in blocks for part in block for pair in _droppable(part, names)]
        parts = [part for block in blocks for part in block if not isinstance(part, ast.Pass)]
        whole = {part for part, _ in inner}
        plots = "plot" in {why for _, why in inner} and whole.issuperset(parts)
        if plots and not _has_effects(node):
            yield node, "plot"
            return
        yield from ((part, why) for part, why in inner if why == "plot")


def _has_effects(node: ast.For | ast.If | ast.With | ast.While) -> bool:
    """Whether the head of a block may do more than the block is left out for."""
    heads: list[ast.expr] = []
    match node:
        case ast.For(iter=head) | ast.If(test=head) | ast.While(test=head):
            heads = [head]
        case ast.With(items=items):
            heads = [item.context_expr for item in items]
    calls = [part for head in heads for part in ast.walk(head) if isinstance(part, ast.Call)]
    allowed = {"range", "enumerate", "zip", "len", "list", "items", "keys", "values", "sorted"}
    return any(_called(call) not in allowed for call in calls) or isinstance(node, ast.With)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _draws(node: ast.expr, names: frozenset[str] | set[str]) -> bool:
    """Whether an expression is a call of something that plots: `plt.…(…)`, `df.plot(…)`."""
    part: ast.expr = node
    while isinstance(part, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            above = part.func.value
            if part.func.attr in _PLOT_METHODS and root_name(part) is not None:
                return not _is_numpy(part)
            if isinstance(above, ast.Attribute) and above.attr == "plot":
                return True
        part = part.func if isinstance(part, ast.Call) else part.value
    return isinstance(node, ast.Call) and isinstance(part, ast.Name) and part.id in names


def _is_numpy(call: ast.Call) -> bool:
    return root_name(call) in ("np", "numpy")


def _looks(node: ast.expr) -> bool:
    """Whether an expression only shows something: names, attributes, and calls that change nothing.

    `list(rows)` and `next(rows)` use an iterator up, `rows.pop("x")` changes it: those stay.
    """
    if isinstance(node, ast.Call):
        return _looking_call(node) and _looks_at_arguments(node)
    if not isinstance(node, _LOOKING_NODES):
        return False
    return all(_looks(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))


_LOOKING_NODES = (
    *(ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List),
    *(ast.UnaryOp, ast.Compare, ast.BinOp),
)


def _looking_call(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=value, attr=name):
            return name in _LOOKING_METHODS and _looks(value)
        case ast.Name(id=name):
            return name in _LOOKING_FUNCTIONS
    return False


def _looks_at_arguments(call: ast.Call) -> bool:
    if any(keyword.arg in ("inplace", None) for keyword in call.keywords):
        return False
    return all(map(_looks, [*call.args, *(keyword.value for keyword in call.keywords)]))


def _used_all_the_same(nodes: dict[ast.stmt, str], step: Sequence[ast.stmt]) -> list[ast.stmt]:
    """What would be left out though it sets a name that is used: `n, bins, _ = plt.hist(x)`."""
    read = {
        name.id
        for statement in step
        for name in _names_outside(statement, nodes)
        if isinstance(name.ctx, ast.Load)
    }
    return [node for node in nodes if _bound(node) & read]


def _names_outside(node: ast.AST, nodes: dict[ast.stmt, str]) -> Iterator[ast.Name]:
    if isinstance(node, ast.stmt) and node in nodes:
        return
    if isinstance(node, ast.Name):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _names_outside(child, nodes)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {bound_name(node, alias) for alias in node.names}
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _pruned(node: ast.stmt, nodes: dict[ast.stmt, str]) -> ast.stmt:
    if not isinstance(node, ast.For | ast.If | ast.With | ast.While | ast.Try):
        return node
    pruned = copy.copy(node)
    for part in ("body", "orelse", "finalbody"):
        block = getattr(node, part, None)
        if block:
            kept = [_pruned(inner, nodes) for inner in block if inner not in nodes]
            setattr(pruned, part, kept or ([ast.Pass()] if part == "body" else []))
    return pruned
