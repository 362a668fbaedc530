"""The digest of a step over every change of its syntax tree, and over changes of its layout."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.notebooks.step_code import step_digest
from ratchet.notebooks.syntax import canonical
from tests.unit.notebooks.cells_of import notebook

SOURCE = (Path(__file__).parent / "every_syntax.txt").read_text()
"""Statements with every kind of node that Python 3.11 has."""

STATEMENTS = ast.parse(SOURCE).body
_OTHER_OPERATORS = {
    ast.operator: (ast.Add, ast.Sub, ast.Mult),
    ast.unaryop: (ast.USub, ast.UAdd, ast.Not),
    ast.boolop: (ast.And, ast.Or),
    ast.cmpop: (ast.Lt, ast.GtE, ast.NotIn),
}


def mutants(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Every tree that differs in one field of one node, with the name of the change."""
    for place, node in enumerate(ast.walk(tree)):
        for name, value in ast.iter_fields(node):
            for change, other in _other_values(name, value):
                mutant = copy.deepcopy(tree)
                changed = next(n for at, n in enumerate(ast.walk(mutant)) if at == place)
                setattr(changed, name, other)
                yield f"{type(node).__name__}.{name}: {change}", mutant


def _other_values(name: str, value: object) -> Iterator[tuple[str, object]]:
    if name in ("ctx", "kind", "type_comment", "type_ignores", "lineno"):
        return
    if isinstance(value, bool):
        yield "negated", not value
        yield "as a number", int(value)
    elif isinstance(value, int | float | complex):
        yield "one more", value + 1
        yield "another type", complex(value) if isinstance(value, float) else float(value.real)
    elif isinstance(value, str):
        yield "longer", f"{value}_"
        yield "bytes", value.encode()
    elif isinstance(value, bytes):
        yield "longer", value + b"_"
    elif isinstance(value, list):
        yield from _other_lists(value)
    for kind, operators in _OTHER_OPERATORS.items():
        if isinstance(value, kind):
            yield from ((op.__name__, op()) for op in operators if not isinstance(value, op))


def _other_lists(values: list[object]) -> Iterator[tuple[str, list[object]]]:
    for at in range(len(values)):
        yield f"without {at}", values[:at] + values[at + 1 :]
    for at in range(len(values) - 1):
        first, second = values[at], values[at + 1]
        if ast.dump(_as_node(first)) != ast.dump(_as_node(second)):
            yield f"{at} and the next swapped", [*values[:at], second, first, *values[at + 2 :]]


def _as_node(value: object) -> ast.AST:
    return value if isinstance(value, ast.AST) else ast.Constant(str(value))


def test_every_mutation_of_every_node_changes_the_text() -> None:
    unnoticed: list[str] = []
    count = 0
    for statement in STATEMENTS:
        tree = ast.Module(body=[statement], type_ignores=[])
        before = canonical(tree)
        for change, mutant in mutants(tree):
            count += 1
            if canonical(mutant) == before:
                unnoticed.append(f"line {statement.lineno}: {change}")
    assert unnoticed == []
    assert count > 800


def test_every_kind_of_node_is_in_the_source() -> None:
    kinds = {type(node) for statement in STATEMENTS for node in ast.walk(statement)}
    abstract = (ast.mod, ast.expr_context, ast.type_ignore)
    deprecated = {"Num", "Str", "Bytes", "NameConstant", "Ellipsis", "Index", "ExtSlice", "AugLoad"}
    every = {
        kind
        for kind in vars(ast).values()
        if isinstance(kind, type)
        and issubclass(kind, ast.AST)
        and not issubclass(kind, abstract)
        and not kind.__subclasses__()
        and kind.__name__ not in deprecated | {"AugStore", "Param", "Suite", "slice"}
        and kind.__name__ not in {"TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"}  # 3.12
        and kind.__name__ not in {"TemplateStr", "Interpolation"}  # 3.14
    }
    assert {kind.__name__ for kind in every - kinds} == set()


def step_of(*cells: str) -> str:
    return step_digest(notebook(*(("#| step: x\n" + cell) for cell in cells)), "x")


WHOLE = step_of(SOURCE)


def test_the_source_is_python() -> None:
    assert notebook(SOURCE).cells[0].syntax_fault is None


def test_reformatting_does_not_change_the_digest() -> None:
    assert step_of(ast.unparse(ast.parse(SOURCE))) == WHOLE


def _spellings(statement: ast.stmt) -> tuple[str, ...]:
    """A statement as it is written, and as `ast` writes it."""
    written = ast.get_source_segment(SOURCE, statement)
    decorated = bool(getattr(statement, "decorator_list", []))  # the segment lacks its decorators
    return (ast.unparse(statement), *([] if decorated or written is None else [written]))


SPELLINGS = [_spellings(statement) for statement in STATEMENTS]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_comments_blank_lines_and_splits_do_not_change_the_digest(seed: int) -> None:
    chance = random.Random(seed)
    cells: list[list[str]] = [[]]
    for spellings in SPELLINGS:
        if chance.random() < 0.3:
            cells.append([])
        if chance.random() < 0.3:
            cells[-1].append(chance.choice(["", "\n\n", "# a remark", "    # indented remark"]))
        text = chance.choice(spellings)
        cells[-1].append(text + ("" if "\n" in text else chance.choice(["", "  # why"])))
    sources = ["\n".join(cell) for cell in cells]
    assert step_of(*(source for source in sources if source.strip())) == WHOLE


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("f'{a}' 'b'", "f'{a}b'"),
        ("'a' 'b'", "'ab'"),
        ("u'a'", "'a'"),
        ("0x10", "16"),
        ("1_000", "1000"),
        ("(a)", "a"),
        ("a; b", "a\nb"),
        ("f(a, b,)", "f(a, b)"),
        ("'\\u00e9'", "'é'"),
        ('"""a"""', "'a'"),
        ("if a:\n  b\nelse:\n  if c:\n    d", "if a:\n b\nelif c:\n d"),
    ],
)
def test_two_spellings_of_one_code_have_one_text(first: str, second: str) -> None:
    assert canonical(ast.parse(first)) == canonical(ast.parse(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1", "1.0"),
        ("1", "True"),
        ("0.0", "-0.0"),
        ("'1'", "1"),
        ("'a'", "a"),
        ("b'a'", "'a'"),
        ("None", "..."),
        ("f(a)", "f(*a)"),
        ("f(**a)", "f(a=a)"),
        ("{**a}", "{a: None}"),
        ("(a,)", "a"),
        ("(a, b)", "[a, b]"),
        ("a.b", "a['b']"),
        ("f'{a}'", "f'{a!r}'"),
        ("f'{a}b'", "f'a{b}'"),
        ("def f(a, /, b): 1", "def f(a, b): 1"),
        ("def f(a, *, b): 1", "def f(a, b): 1"),
        ("from . import a", "from .. import a"),
        ("[a for b in c if d if e]", "[a for b in c if (d, e)]"),
        ("lambda: (yield)", "lambda: None"),
        ("x: int", "x: int = None"),
        ("try:\n a\nexcept:\n b", "try:\n a\nfinally:\n b"),
        ("for a in b:\n c\nelse:\n d", "for a in b:\n c\nd"),
        ("async def f(): 1", "def f(): 1"),
        ("match a:\n case None: 1", "match a:\n case b: 1"),
        ("match a:\n case True: 1", "match a:\n case False: 1"),
    ],
)
def test_different_code_has_different_texts(first: str, second: str) -> None:
    assert canonical(ast.parse(first)) != canonical(ast.parse(second))


def test_the_text_is_the_same_on_every_python() -> None:
    """Written down, because another Python has other empty fields and shows other letters."""
    tree = ast.parse("@d\ndef f(a=1, *, b: int) -> x:\n    return f'{a!r:>{b}}é🪿' + str(0x10)")
    assert canonical(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a')],"
        "kwonlyargs=[arg(arg='b',annotation=Name(id='int'))],kw_defaults=[None],"
        "defaults=[Constant(value=0x1)]),body=[Return(value=BinOp(left=JoinedStr(values=["
        "FormattedValue(value=Name(id='a'),conversion=0x72,format_spec=JoinedStr(values=["
        "Constant(value='>'),FormattedValue(value=Name(id='b'),conversion=-0x1)])),"
        "Constant(value='\\xe9\\U0001fabf')]),op=Add(),right=Call(func=Name(id='str'),"
        "args=[Constant(value=0x10)])))],decorator_list=[Name(id='d')],returns=Name(id='x'))])"
    )
