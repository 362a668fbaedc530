"""A function's archive: its folder and what it imports, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet_cdk.functions.function_code import function_code


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "greet/__init__.py": "",
        "greet/handler.py": "import shared\nfrom greet import words\n",
        "greet/words.py": "",
        "greet/words.txt": "hello",
        "greet/__pycache__/words.pyc": "x",
        "shared.py": 'FOLDER = "tables"\n',
        "unused.py": "",
        "tables/a/b.json": "{}",
        "letters/c.json": "{}",
        "other/handler.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_it_holds_what_it_imports_of_the_package_that_goes_with_functions(tmp_path: Path) -> None:
    files = {
        "lambdas/bill/handler.py": "from ratchet.costs import rows\nimport ratchet.other\n",
        "ratchet/__init__.py": "",
        "ratchet/other.py": "",
        "ratchet/costs/__init__.py": "",
        "ratchet/costs/rows.py": "from ratchet.costs.money import kept\n",
        "ratchet/costs/money.py": "",
        "ratchet/costs/unused.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert sorted(function_code(tmp_path / "lambdas", "bill").files) == [
        "bill/handler.py",
        "ratchet/__init__.py",
        "ratchet/costs/__init__.py",
        "ratchet/costs/money.py",
        "ratchet/costs/rows.py",
    ]


def test_it_holds_its_modules_its_data_and_the_data_its_modules_name(root: Path) -> None:
    assert sorted(function_code(root, "greet").files) == [
        "greet/__init__.py",
        "greet/handler.py",
        "greet/words.py",
        "greet/words.txt",
        "shared.py",
        "tables/a/b.json",
    ]


def test_an_edit_of_what_it_does_not_use_changes_nothing(root: Path) -> None:
    before = function_code(root, "greet").digest
    (root / "unused.py").write_text("x = 1")
    (root / "letters/c.json").write_text("[]")
    assert function_code(root, "greet").digest == before
    (root / "tables/a/b.json").write_text("[]")
    assert function_code(root, "greet").digest != before


def test_a_function_that_does_not_exist_is_named(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no function 'gret'"):
        function_code(root, "gret")
