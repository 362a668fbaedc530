"""A function's archive: its folder and what it imports, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet_cdk.functions.function_code import function_code, functions_folder


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


def test_it_holds_what_it_imports_of_the_package_that_goes_with_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet_cdk.functions.function_code.PACKAGES", tmp_path)
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


def test_a_function_of_the_project_stands_before_the_one_of_its_name_that_comes_with_ratchet(
    tmp_path: Path,
) -> None:
    own = tmp_path / "lambdas" / "notify"
    own.mkdir(parents=True)
    (own / "handler.py").write_text("def handler(event, context): ...\n")
    assert functions_folder(tmp_path, "notify") == tmp_path / "lambdas"
    ours = functions_folder(tmp_path, "start_pipeline")
    assert ours != tmp_path / "lambdas"
    assert (ours / "start_pipeline" / "handler.py").is_file()
