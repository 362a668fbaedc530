"""Names in the code say the thing: few vague words, and no class name for two things."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("constructs", "demo", "lambdas", "pipeline_defs", "ratchet", "stacks", "steps")
# fmt: off
VAGUE = frozenset((
    "found", "told", "said", "one", "known", "given", "made", "kept", "taken", "asked", "wanted",
    "own", "rest", "some", "more",
))
# fmt: on
SHARE = 0.005
"""Of all bound names: arguments and targets of assignments, outside of tests."""


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Arguments, variables and attributes that the code binds, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


@cache
def modules() -> dict[str, ast.Module]:
    paths = [
        ROOT / "app.py",
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")),
    ]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def test_hardly_any_name_is_a_word_that_fits_anything() -> None:
    total, places = 0, []
    for path, tree in modules().items():
        for name, line in bound_names(tree):
            total += 1
            if name.strip("_") in VAGUE:
                places.append(f"{path}:{line} {name}")
    assert total > 10_000, "the count sees the code"
    assert len(places) <= SHARE * total, "\n".join(
        [f"{len(places)} of {total} bound names say nothing:", *places]
    )


def test_no_public_class_name_stands_for_two_things() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path)
    assert len(homes) > 500, "the count sees the code"
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_the_count_sees_every_way_to_bind_a_name() -> None:
    tree = ast.parse(
        "def f(found, *, given): ...\n"
        "for told in x: ...\n"
        "with y as kept: self.wanted = [one for one in z]\n"
        "lambda more: (rest := more)\n"
        "made: int = 1\n"
    )
    names = [name for name, _ in bound_names(tree)]
    assert sorted(names) == sorted(VAGUE - {"known", "said", "taken", "asked", "own", "some"})
