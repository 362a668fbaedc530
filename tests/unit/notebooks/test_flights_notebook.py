"""The notebook of the flights runs on the sample that lies in tests/flights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.projects import ROOT, copy_of_project

NOTEBOOK = Path("notebooks", "flights", "explore.ipynb")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with its notebook and its sample of drops."""
    folder = copy_of_project(tmp_path)
    (folder / NOTEBOOK).parent.mkdir(parents=True)
    shutil.copy(ROOT / NOTEBOOK, folder / NOTEBOOK)
    shutil.copytree(ROOT / "tests" / "flights" / "data", folder / "tests" / "flights" / "data")
    return folder


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.jobs
def test_the_notebook_runs_from_top_to_bottom_on_the_sample(project: Path) -> None:
    path = project / NOTEBOOK
    notebook = read(path)
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    texts = {
        cell.id: output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    }
    assert "3     151  0.218543" in texts["calm-look"]
    assert texts["hours-look"].startswith("departures\nquiet")


def test_the_notebook_is_committed_without_what_a_run_adds() -> None:
    for cell in read(ROOT / NOTEBOOK).cells:
        assert cell.cell_type != "code" or (cell.outputs, cell.execution_count) == ([], None)
