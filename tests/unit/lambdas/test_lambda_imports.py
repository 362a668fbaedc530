"""What a function may import: what Lambda's runtime has, and what goes into its archive."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet_cdk.functions.function_code import SHARED

LAMBDAS = Path(__file__).resolve().parents[3] / "lambdas"
RUNTIME = ("boto3", "botocore")
MODULES = sorted(file for file in LAMBDAS.rglob("*.py") if file.name != "trim_models.py")


def _imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of modules, those for type checkers alone left out."""
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_allowed(name: str) -> bool:
    top = name.partition(".")[0]
    if top == "ratchet":
        return f"{name}.".startswith(tuple(f"{package}." for package in SHARED))
    beside = LAMBDAS / top
    return (
        top in sys.stdlib_module_names
        or top in RUNTIME
        or beside.is_dir()
        or beside.with_suffix(".py").is_file()
    )


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.relative_to(LAMBDAS).as_posix())
def test_a_function_imports_only_what_its_archive_and_the_runtime_hold(file: Path) -> None:
    imports = _imports(ast.parse(file.read_text(encoding="utf-8")))
    assert not [name for name in imports if not _is_allowed(name)]


@pytest.mark.parametrize("name", ["ratchet.cli.main", "pyarrow.csv", "ratchet.settings.schema"])
def test_what_a_function_may_not_import_is_noticed(name: str) -> None:
    assert not _is_allowed(name)
