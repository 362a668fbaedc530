"""The guide's pipeline with a notebook is a pipeline."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context
from tests.definitions.conftest import WriteSource

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "notebooks.md"
NOTEBOOK = "notebooks/flights/report.ipynb"
CELLS = [("data = '.'", ["parameters"]), ("print(data)", [])]


@pytest.fixture
def source(write_source: WriteSource) -> Path:
    """A notebook that takes the folder with the data."""
    cells = [
        {"cell_type": "code", "source": code, "metadata": {"tags": tags}, "outputs": []}
        for code, tags in CELLS
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return write_source({NOTEBOOK: json.dumps(notebook)})


def test_the_pipeline_with_a_notebook_is_sound_and_gives_it_the_folder_of_the_data(
    ctx: Context, source: Path
) -> None:
    names: dict[str, Any] = {}
    (block,) = re.findall(r"```python\n(from .*?)```", GUIDE.read_text(), re.DOTALL)
    exec(block, names)
    assert NOTEBOOK in block
    (step,) = names["reported"](replace(ctx, source=source)).definition()["Steps"]
    assert step["Arguments"]["HyperParameters"]["data"] == "/opt/ml/input/data/data"
