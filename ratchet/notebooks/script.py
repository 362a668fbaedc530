"""The script of a step: the statements of its cells in a function, and a `main` that stores and
reads what goes in and out.

Text is taken over by position, with its comments. In the end the function must parse to the step's
statements, or nothing is written.
"""

from __future__ import annotations

import ast
import copy
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence

from ratchet.notebooks import syntax
from ratchet.notebooks.cell_text import edited, indented, statement_text, tidied
from ratchet.notebooks.layout import FileFolder, ScriptLayout
from ratchet.notebooks.plan import PromotionPlan
from ratchet.notebooks.refusals import NotPromotableError, Refusal
from ratchet.notebooks.script_main import Modules, main_text
from ratchet.notebooks.statements import CodeStatement
from ratchet.notebooks.step_names import IMPORTS


def script_text(plan: PromotionPlan, layout: ScriptLayout, source: str) -> str:
    """The whole script.

    Args:
        source: the notebook's path in the project, for the docstring.

    Raises:
        NotPromotableError: the step uses a name that the script needs for itself, or the text does
            not parse to the step's statements.
    """
    modules = Modules(plan, layout)
    replaced = _replaced_paths(plan, layout)
    hoisted = hoisted_imports(plan)
    top = [*(s for s in plan.carried if not _is_import(s)), *plan.lifted]
    body = [
        *(_definition_text(s, replaced) for s in plan.nested),
        *_cell_texts(plan, replaced, hoisted),
    ]
    main = main_text(plan, layout, modules)
    imports = import_block([*_import_lines(plan, hoisted), *modules.lines])
    returned = ", ".join(value.name for value in layout.outputs)
    definitions = [_definition_text(statement, replaced) for statement in top]
    function = [
        f"def {layout.function}({signature(layout)}):",
        *(f"{indented(text)}\n" for text in body if text),
        f"    return {returned}" if returned else "    return None",
    ]
    blocks = [f'"""{docstring(plan, layout, source)}"""\n\n{imports}', *definitions]
    blocks += ["\n".join(function), main, 'if __name__ == "__main__":\n    main()']
    text = joined_blocks(blocks)
    _check(plan, layout, text, replaced, hoisted)
    return text


def module_text(plan: PromotionPlan) -> str:
    """What the script carries along from the cells above, as Python of its own: its imports, and
    the definitions that stand outside of its function."""
    imports = _import_lines(plan, hoisted_imports(plan))
    definitions = [ast.unparse(statement.node) for statement in plan.carried]
    return "\n".join([*sorted(set(imports)), *definitions])


def hoisted_imports(plan: PromotionPlan) -> tuple[CodeStatement, ...]:
    """Imports of the step's own that go to the top of the script: those whose names nothing else
    in the step sets."""
    times: dict[str, int] = {}
    for statement in plan.own:
        for name in statement.flow.writes:
            times[name] = times.get(name, 0) + (0 if _is_import(statement) else 1)
    above = {*plan.needs.inputs, *plan.needs.constants, *plan.needs.functions, *plan.parameters}
    return tuple(
        s
        for s in plan.own
        if _is_import(s) and not any(times[n] or n in above for n in s.flow.writes)
    )


def signature(layout: ScriptLayout) -> str:
    """`raw, rows, *, ratio=0.25`"""
    folders = [folder.argument for folder in (layout.reads, layout.writes) if folder]
    names = [*folders, *(value.name for value in layout.inputs)]
    keywords = [f"{name}={ast.unparse(value)}" for name, value in layout.parameters.items()]
    return ", ".join([*names, *(["*"] if keywords else []), *keywords])


def docstring(plan: PromotionPlan, layout: ScriptLayout, source: str) -> str:
    """Which step of which notebook it is, and what goes in and out."""
    first = f"Step `{plan.step}` of {source}."
    lines = [*_folder_lines("In: ", layout.reads, layout.inputs)]
    lines += _folder_lines("Out:", layout.writes, layout.outputs)
    return "\n".join([first, "", *lines, ""]).replace("\\", "\\\\").replace('"""', "'''")


def _folder_lines(label: str, files: FileFolder | None, values: Sequence[object]) -> Iterator[str]:
    paths = [f"<{files.argument}>/{name}" for name in files.names] if files else []
    paths += [f"<{v.argument}>/{v.file}" for v in values]  # type: ignore[attr-defined]
    for number, path in enumerate(paths):
        yield f"{label if number == 0 else '    '} {path}"


def import_block(lines: Iterable[str]) -> str:
    """Import lines, each once, those of the standard library first."""
    distinct = sorted(set(lines), key=lambda line: (line.startswith("from "), line.lower()))
    library = [line for line in distinct if _top(line) in sys.stdlib_module_names]
    others = [line for line in distinct if line not in library]
    return "\n\n".join("\n".join(part) for part in (library, others) if part)


def joined_blocks(blocks: Sequence[str]) -> str:
    """Blocks of code with two empty lines around functions, and one between constants."""
    text = blocks[0]
    for before, block in itertools.pairwise(blocks):
        far = _is_long(before) or _is_long(block)
        text += ("\n\n\n" if far else "\n\n") + block
    return text + "\n"


def _top(line: str) -> str:
    return line.split()[1].split(".")[0]


def _is_import(statement: CodeStatement) -> bool:
    return isinstance(statement.node, IMPORTS)


def _is_long(text: str) -> bool:
    starts = ("def ", "class ", "@", "async ", "if __name__")
    return any(line.startswith(starts) for line in text.split("\n"))


def _import_lines(plan: PromotionPlan, hoisted: Sequence[CodeStatement]) -> list[str]:
    lines = [line for imported in plan.needs.imports.values() for line in imported.lines]
    lines += [ast.unparse(statement.node) for statement in plan.carried if _is_import(statement)]
    return [*lines, *(ast.unparse(statement.node) for statement in hoisted)]


def _replaced_paths(plan: PromotionPlan, layout: ScriptLayout) -> dict[ast.expr, str]:
    """The text that takes the place of each path in the code."""
    replaced: dict[ast.expr, str] = {}
    for file in plan.files:
        writes = file.writes or file.path in plan.writes
        folder = layout.writes if writes else layout.reads
        if folder is None:  # pragma: no cover - the layout has a folder for each path
            continue
        path = f'os.path.join({folder.argument}, "{folder.below(file.path)}")'
        replaced[file.node] = f"{file.maker}({path})" if file.maker else path
    return replaced


def _definition_text(statement: CodeStatement, replaced: dict[ast.expr, str]) -> str:
    inside = set(ast.walk(statement.node))
    mine = {node: text for node, text in replaced.items() if node in inside}
    text = statement_text(statement.cell.code, statement.node, mine)
    if text is None:
        text = ast.unparse(_with_paths(statement.node, replaced))
    return tidied(text)


def _cell_texts(
    plan: PromotionPlan, replaced: dict[ast.expr, str], hoisted: Sequence[CodeStatement]
) -> Iterator[str]:
    """What stays of each cell of the step, in order."""
    nodes = {id(statement.node) for statement in (*hoisted, *plan.lifted)}
    for cell in plan.step_cells:
        top = [node for node in cell.tree.body if id(node) in nodes]
        top += [node for node in cell.tree.body if isinstance(node, ast.Pass)]
        inside = {part for node in cell.tree.body for part in ast.walk(node)}
        out = [node for node in plan.left_out.nodes if node in inside]
        mine = {node: text for node, text in replaced.items() if node in inside}
        yield tidied(edited(cell.code, removed=[*out, *top], replaced=mine))


class _WithPaths(ast.NodeTransformer):
    def __init__(self, replaced: dict[ast.expr, str]) -> None:
        self.replaced = replaced

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and node in self.replaced:
            return ast.parse(self.replaced[node], mode="eval").body
        return super().generic_visit(node)


def _with_paths(node: ast.stmt, replaced: dict[ast.expr, str]) -> ast.stmt:
    """A copy of a statement with other paths."""
    inside = set(ast.walk(node))
    spans = {(p.lineno, p.col_offset, type(p)): text for p, text in replaced.items() if p in inside}
    again = _copied(node)
    matching = {
        part: spans[key]
        for part in ast.walk(again)
        if isinstance(part, ast.expr)
        and (key := (part.lineno, part.col_offset, type(part))) in spans
    }
    _WithPaths(matching).visit(again)
    return ast.fix_missing_locations(again)


def _copied(node: ast.stmt) -> ast.stmt:
    return copy.deepcopy(node)


class _WithoutPass(ast.NodeTransformer):
    def visit_Pass(self, node: ast.Pass) -> None:
        del node


def _check(
    plan: PromotionPlan,
    layout: ScriptLayout,
    text: str,
    replaced: dict[ast.expr, str],
    hoisted: Sequence[CodeStatement],
) -> None:
    """The function's body is the step's statements, and the definitions are those of the cells."""
    outside = (*hoisted, *plan.lifted)
    meant = [s.node for s in plan.nested] + [s.node for s in plan.own if s not in outside]
    try:
        tree = ast.parse(text)
    except SyntaxError as problem:
        raise _nonsense(plan, f"{problem.msg} on line {problem.lineno}") from None
    functions = [s for s in tree.body if isinstance(s, ast.FunctionDef)]
    made = [s for s in functions if s.name == layout.function]
    top = [syntax.canonical(node) for node in tree.body]
    missing = [s for s in (*plan.carried, *plan.lifted) if not _is_import(s)]
    missing = [s for s in missing if _canonical(_with_paths(s.node, replaced)) not in top]
    if len(made) != 1 or missing:
        raise _nonsense(plan, "a definition is not the one of its cell")
    body = [_canonical(node) for node in made[0].body[:-1]]
    expected = [_canonical(_with_paths(node, replaced)) for node in meant]
    if [text for text in body if text] != [text for text in expected if text]:
        raise _nonsense(plan, "the function does not parse to the statements of the cells")


def _canonical(node: ast.stmt) -> str:
    stripped = _WithoutPass().visit(_copied(node))
    return syntax.canonical(stripped) if stripped is not None else ""


def _nonsense(plan: PromotionPlan, detail: str) -> NotPromotableError:
    reason = f"the text of the script would not be the code of the cells ({detail})"
    edit = "lay the cells out more simply, one statement on a line"
    return NotPromotableError(plan.step, [Refusal("", reason, edit)])


_OF_THE_SCRIPT = {"argparse", "os", "main", "Path"}
_OF_MAIN = {"args", "parser"}


def clashes(plan: PromotionPlan, layout: ScriptLayout) -> list[Refusal]:
    """Names of the step that the script needs for something else."""
    same = {"Path": "pathlib", "os": "os", "argparse": "argparse"}
    imported = {n for n, i in plan.needs.imports.items() if same.get(n) == i.module}
    used = {
        *plan.whole.writes,
        *plan.needs.inputs,
        *plan.needs.imports,
        *(name for s in plan.needs.definitions for name in s.flow.writes),
    }
    own = {n for s in plan.own if _is_import(s) for n in s.flow.writes}
    names = (used & _OF_THE_SCRIPT) - imported - own
    names |= {value.name for value in layout.outputs} & _OF_MAIN
    edit = "give it another name"
    return [Refusal("", f"the script needs the name `{n}` for itself", edit) for n in sorted(names)]
