"""A notebook job as SageMaker has it: a training job whose image runs a notebook.

Names: `NotebookJobStep` of the SageMaker Python SDK (`workflow/notebook_job_step.py`) and the
program that it starts, the package sagemaker-headless-execution-driver 0.0.13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

PROGRAM = "amazon_sagemaker_scheduler"
"""What the image's entry point is called."""
CHANNEL = "sagemaker_headless_execution_pipelinestep"
"""The channel with the notebook, and the files that it needs."""
FOLDER = f"/opt/ml/input/data/{CHANNEL}"

INPUT_PATH = "SM_EXECUTION_INPUT_PATH"
NOTEBOOK = "SM_INPUT_NOTEBOOK_NAME"
EXECUTED = "SM_OUTPUT_NOTEBOOK_NAME"
KERNEL = "SM_KERNEL_NAME"
VERSION = "SM_JOB_DEF_VERSION"
INIT_SCRIPT = "SM_INIT_SCRIPT"
"""Variables of the job. The init script is optional, and sourced before the notebook runs."""

PARAMETERS_TAG = "parameters"
"""Of the cell with the defaults of the notebook's parameters (papermill)."""


def is_notebook_job(job: Mapping[str, Any]) -> bool:
    """Whether a request of CreateTrainingJob, or its description, is a notebook job."""
    words = (job.get("AlgorithmSpecification") or {}).get("ContainerEntrypoint")
    return (
        isinstance(words, list)
        and len(words) > 0
        and isinstance(words[0], str)
        and PurePosixPath(words[0]).name == PROGRAM
    )


def code_uri(job: Mapping[str, Any]) -> str:
    """The folder in S3 that the notebook is in; "" when the job names none."""
    for channel in job.get("InputDataConfig") or ():
        if channel.get("ChannelName") == CHANNEL:
            return str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    return ""


def executed_name(name: str) -> str:
    """The file name of the executed notebook, as the driver makes it of `SM_OUTPUT_NOTEBOOK_NAME`:
    no point and no colon but before the suffix."""
    return re.sub(r"-*ipynb$", ".ipynb", re.sub(r"[.:]", "-", name))
