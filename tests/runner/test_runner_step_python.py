"""A step's Python sees its bundle and its image, for which site-packages stand in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.workbench import Workbench, definition, processing, python

_STEP_PYTHON = Path(__file__).parents[2] / "ratchet" / "runner" / "step_python"


@pytest.mark.parametrize("module", ["ratchet", "pipeline_defs", "ratchet_cdk"])
def test_a_step_sees_neither_the_project_nor_ratchet(workbench: Workbench, module: str) -> None:
    result = workbench.run(definition(processing("look", python(f"import {module}"))))
    assert result.status == "Failed"
    assert f"No module named '{module}'" in str(result.failure_reason)


def test_a_step_sees_the_packages_of_this_machine(workbench: Workbench) -> None:
    result = workbench.run(definition(processing("look", python("import numpy, pandas, json"))))
    assert result.status == "Succeeded", result.failure_reason


def path_of(folder: Path, *entries: Path) -> list[str]:
    """What is left of `sys.path` in a Python that starts with these entries, as a .pth file gives
    them."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "project.pth").write_text("".join(f"{entry}\n" for entry in entries))
    lines = [
        f"import site; site.addsitedir({str(site)!r})",
        f"exec(open({str(_STEP_PYTHON / 'sitecustomize.py')!r}).read())",
        "import sys; print(*sys.path, sep='\\n')",
    ]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_only_a_projects_folders_are_hidden(tmp_path: Path) -> None:
    project, library = tmp_path / "project", tmp_path / "library"
    inside = project / ".venv" / "lib" / "site-packages"
    for folder in (project / "constructs", library, inside):
        folder.mkdir(parents=True)
    (project / "cdk.json").write_text("{}")
    left = path_of(tmp_path, project, project / "constructs", library, inside)
    assert str(library) in left, "installed for editing too, and stands in for the image's"
    assert str(inside) in left
    assert not {str(project), str(project / "constructs")} & set(left)


@pytest.mark.parametrize(
    ("place", "sees"), [("machine", False), ("script", True), ("pip", True), ("nowhere", False)]
)
def test_ratchet_is_seen_where_a_container_has_it_and_hidden_among_this_machines_packages(
    tmp_path: Path, place: str, sees: bool
) -> None:
    """In the bundle, beside the script, or installed for the step by its requirements.txt."""
    for folder in ("machine", "script", "pip", "nowhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / place / "ratchet").mkdir()
    (tmp_path / place / "ratchet" / "__init__.py").write_text("")
    (tmp_path / place / "ratchet" / "loop.py").write_text("FROM = __file__")
    script = tmp_path / "script" / "train.py"
    script.write_text("from ratchet import loop; print(loop.FROM)")
    start = "; ".join(
        [
            "import runpy, sys",
            f"sys.path[:0] = [{str(tmp_path / 'pip')!r}]",
            f"sys.path.append({str(tmp_path / 'machine')!r})",
            f"exec(open({str(_STEP_PYTHON / 'sitecustomize.py')!r}).read())",
            f"sys.path.insert(0, {str(script.parent)!r})",
            f"runpy.run_path({str(script)!r})",
        ]
    )
    variables = {"PYTHONPATH": str(tmp_path / "pip")}
    ran = subprocess.run(
        [sys.executable, "-P", "-S", "-c", start], capture_output=True, text=True, env=variables
    )
    if sees:
        assert ran.stdout.strip() == str(tmp_path / place / "ratchet" / "loop.py"), ran.stderr
    else:
        assert "ModuleNotFoundError: No module named 'ratchet'" in ran.stderr
