"""A notebook job as a step, written with the SageMaker SDK v3, as its users write it.

    python tests/sdk/notebook_v3.py FOLDER

writes what `every_step_v3.py` does, in its form.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import offline

offline.go_offline()

import boto3  # noqa: E402
from sagemaker.core.telemetry import telemetry_logging  # noqa: E402
from sagemaker.core.workflow.parameters import ParameterString  # noqa: E402
from sagemaker.core.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.mlops.workflow.notebook_job_step import NotebookJobStep  # noqa: E402
from sagemaker.mlops.workflow.pipeline import Pipeline  # noqa: E402

telemetry_logging._send_telemetry_request = lambda *_, **__: None

SCRIPTS = Path(__file__).with_name("scripts")


class Session(PipelineSession):
    def default_bucket(self):
        return self._default_bucket_name_override


session = Session(
    boto_session=boto3.Session(region_name=offline.REGION), default_bucket=offline.BUCKET
)
month = ParameterString("Month", default_value="2013-01")
explore = NotebookJobStep(
    name="explore",
    notebook_job_name="explore",
    input_notebook=str(SCRIPTS / "explore.ipynb"),
    image_uri="885854791233.dkr.ecr.us-east-1.amazonaws.com/sagemaker-distribution-prod:3-cpu",
    kernel_name="python3",
    role=offline.ROLE,
    s3_root_uri=f"s3://{offline.BUCKET}",
    parameters={"month": month, "rows": "100"},
    environment_variables={"TEAM": "ml"},
    instance_type="ml.m5.large",
    max_runtime_in_seconds=3600,
)
pipeline = Pipeline("explored", parameters=[month], steps=[explore], sagemaker_session=session)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    definition = json.loads(pipeline.definition())
    (folder / "definition.json").write_text(json.dumps(definition, indent=2) + "\n")
    versions = {name: version(name) for name in ("sagemaker", "sagemaker-core", "sagemaker-mlops")}
    (folder / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
    offline.write_uploads(folder / "uploads")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
