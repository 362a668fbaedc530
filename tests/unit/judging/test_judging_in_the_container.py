"""The evaluate step's bundle runs in the container: Python 3.10 with NumPy and pandas."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.authoring import Bundle, bundle_script
from ratchet.authoring.judgement import SCRIPT
from ratchet.machinery import PACKAGES
from tests.unit.judging.conftest import Job

IN_THE_IMAGE = {"numpy", "pandas"}
NEWER_THAN_PYTHON_3_10 = {"tomllib"}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_script(Path(SCRIPT), root=PACKAGES, imports_from=Path(), only=("ratchet",))


def test_the_bundle_holds_judging_and_what_the_loop_agrees_on_and_no_more(bundle: Bundle) -> None:
    assert set(bundle.files) == {
        "ratchet/__init__.py",
        *(
            f"ratchet/judging/{name}.py"
            for name in (
                *("__init__", "answers", "ask", "comparison", "copies", "evaluate", "metrics"),
                *("models", "own_metrics", "responses", "slices"),
            )
        ),
        *(
            f"ratchet/loop/{name}.py"
            for name in (
                *("__init__", "chains", "environments", "folders", "model_script", "names"),
                *("numbers", "outcomes", "packages", "problems"),
            )
        ),
    }


def test_its_modules_are_written_in_python_3_10_with_what_the_image_has(bundle: Bundle) -> None:
    allowed = (sys.stdlib_module_names - NEWER_THAN_PYTHON_3_10) | IN_THE_IMAGE | {"ratchet"}
    for path, content in bundle.files.items():
        tree = ast.parse(content, feature_version=(3, 10))
        for node in ast.walk(tree):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [str(node.module)]
            assert {module.partition(".")[0] for module in modules} <= allowed, path


@pytest.mark.jobs
def test_the_bundle_alone_judges(bundle: Bundle, tmp_path: Path, job: Job) -> None:
    code = tmp_path / "code"
    for path, content in bundle.files.items():
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_bytes(content)
    job.model("candidate", "def answer(x): return x")
    # A module that stands in the bundle is no module of the model's.
    apart = f"import sys\nassert not [p for p in sys.path if p.startswith({str(code)!r})]\n"
    job.model("champion", f"{apart}def answer(x): return 1 - x")
    folders = [
        argument
        for name in ("candidate", "champion", "eval", "report", "predictions")
        for argument in (f"--{name}", str(job.root / name))
    ]
    done = subprocess.run(
        [sys.executable, "-S", SCRIPT, *folders, *job.about],
        cwd=code,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path.endswith("site-packages"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "against the champion's" in done.stdout
