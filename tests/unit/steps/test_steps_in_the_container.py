"""The container runs Python 3.10 with a short list of packages.

Source: aws/sagemaker-xgboost-container, docker/3.0-5 and requirements.txt.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STEPS = Path(__file__).resolve().parents[3] / "steps" / "flights"
SCRIPTS = sorted(STEPS.glob("*.py"))
PACKAGES = {"numpy", "pandas", "scipy", "sklearn", "pyarrow", "xgboost"}
NEWER_THAN_PYTHON_3_10 = {"tomllib"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a script is no package: relative imports fail"
            yield node.module or ""


def python_3_10() -> str:
    """An interpreter like the container's: RATCHET_PYTHON310, or the python3.10 on the path."""
    python = os.environ.get("RATCHET_PYTHON310") or shutil.which("python3.10")
    if python is None:
        pytest.skip("no python3.10 here; RATCHET_PYTHON310 can name one")
    probe = [python, "-c", "import numpy, pandas, pyarrow, xgboost"]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip(f"{python} lacks numpy, pandas, pyarrow or xgboost")
    return python


def test_there_are_scripts_to_check() -> None:
    names = {path.name for path in SCRIPTS}
    assert {"prepare.py", "train.py", "inference.py"} <= names


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_step_is_written_in_python_3_10(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 10))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_step_imports_only_what_the_container_has(path: Path) -> None:
    local = {script.stem for script in SCRIPTS}
    allowed = (sys.stdlib_module_names - NEWER_THAN_PYTHON_3_10) | PACKAGES | local
    top_level = {name.split(".")[0] for name in imported(ast.parse(path.read_text()))}
    assert top_level <= allowed


def test_all_steps_import_under_python_3_10() -> None:
    modules = ", ".join(path.stem for path in SCRIPTS)
    command = [python_3_10(), "-c", f"import {modules}"]
    done = subprocess.run(command, cwd=STEPS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
