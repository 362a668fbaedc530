"""Notebook jobs as steps, as the SageMaker SDK writes them, and notebooks for them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.loop.notebook_jobs import FOLDER
from tests.runner.workbench import Workbench
from tests.sdk.imports import golden

CODE = "s3://code/" + "0" * 64


def notebook(*cells: str | tuple[str, Sequence[str]]) -> dict[str, Any]:
    """A notebook in JSON of code cells: each its source, or its source and its tags."""
    pairs = [(cell, ()) if isinstance(cell, str) else cell for cell in cells]
    return {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"tags": list(tags)} if tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for source, tags in pairs
        ],
    }


def notebook_step(
    workbench: Workbench,
    *cells: str | tuple[str, Sequence[str]],
    parameters: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The step of the SDK's golden definition, with these cells in its folder in S3."""
    (step,) = copy.deepcopy(golden("notebook")["Steps"])
    arguments = step["Arguments"]
    del arguments["TrainingJobName"]
    arguments["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = CODE
    arguments["OutputDataConfig"]["S3OutputPath"] = "s3://artifacts/explore"
    arguments["HyperParameters"] = dict(parameters or {})
    arguments["Environment"] |= {
        "SM_OUTPUT_NOTEBOOK_NAME": "explore-executed.ipynb",
        **(environment or {}),
    }
    workbench.put(f"{CODE}/explore.ipynb", notebook(*cells))
    for name, text in (files or {}).items():
        workbench.put(f"{CODE}/{name}", text)
    return {**step, **more}


__all__ = ["CODE", "FOLDER", "notebook", "notebook_step"]
