"""CreateTrainingJob of a notebook job, as `NotebookJobStep` of the SageMaker SDK writes it.

Two things are not as there, because the SDK's step is never a cache hit: the folder with the
notebook is named by its content, not by the time, and so is nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ratchet.authoring import jobs
from ratchet.authoring.jobs import Input, JobSettings
from ratchet.authoring.variables import Operand
from ratchet.loop import notebook_jobs as form

INIT_FILE = "install-requirements.sh"
"""In the folder of a notebook with requirements: what its job sources first."""
INIT_SCRIPT = b"python -m pip install --quiet -r requirements.txt\n"


def input_folder(channel: str) -> str:
    return f"/opt/ml/input/data/{channel}"


def notebook_job(
    settings: JobSettings,
    *,
    name: str,
    notebook: str,
    code_uri: str,
    has_init_script: bool,
    kernel: str,
    image: str,
    region: str,
    inputs: Mapping[str, Operand | Input],
    output_uri: Operand,
    parameters: Mapping[str, Operand],
) -> dict[str, Any]:
    """The request.

    Args:
        name: of the step.
        notebook: its file name.
        code_uri: of the folder that holds it.
        parameters: texts.
    """
    variables = {
        "AWS_DEFAULT_REGION": region,
        form.VERSION: "1.0",
        "SM_ENV_NAME": "sagemaker-default-env",
        "SM_SKIP_EFS_SIMULATION": "true",
        form.INPUT_PATH: form.FOLDER,
        form.KERNEL: kernel,
        form.NOTEBOOK: notebook,
        form.EXECUTED: executed_name(notebook),
        **({form.INIT_SCRIPT: INIT_FILE} if has_init_script else {}),
    }
    job = jobs.algorithm_job(
        replace(settings, environment={**settings.environment, **variables}),
        image=image,
        channels={form.CHANNEL: code_uri, **inputs},
        output_uri=output_uri,
        checkpoints_uri="",
        hyperparameters=parameters,
        metrics={},
    )
    if not parameters:
        del job["HyperParameters"]
    entry = {"AlgorithmSpecification": {"ContainerEntrypoint": [form.PROGRAM]}}
    return {
        **jobs.overlaid(job, entry),
        "RetryStrategy": {"MaximumRetryAttempts": 1},
        "EnableInterContainerTrafficEncryption": True,
        "Tags": [
            {"Key": "sagemaker:name", "Value": name},
            {"Key": "sagemaker:notebook-name", "Value": notebook},
            {"Key": "sagemaker:notebook-job-origin", "Value": "PIPELINE_STEP"},
            {"Key": "sagemaker:is-studio-archived", "Value": "false"},
        ],
    }


def executed_name(notebook: str) -> str:
    """The file name of the executed notebook. The notebook's own is that of its copy beside it."""
    stem = re.sub(r"[^A-Za-z0-9-]+", "-", Path(notebook).stem)
    return f"{stem}-executed.ipynb"
