"""The pipeline of every_step_v3.py as the SageMaker SDK v2 has it.

Run it where `sagemaker` 2.257 is installed: python tests/sdk/every_step_v2.py FOLDER
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import offline

offline.go_offline()

import boto3  # noqa: E402
import sagemaker  # noqa: E402
from sagemaker import image_uris  # noqa: E402
from sagemaker.inputs import TrainingInput, TransformInput  # noqa: E402
from sagemaker.lambda_helper import Lambda  # noqa: E402
from sagemaker.model import Model  # noqa: E402
from sagemaker.model_metrics import MetricsSource, ModelMetrics  # noqa: E402
from sagemaker.model_monitor import DatasetFormat  # noqa: E402
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor  # noqa: E402
from sagemaker.transformer import Transformer  # noqa: E402
from sagemaker.workflow.check_job_config import CheckJobConfig  # noqa: E402
from sagemaker.workflow.condition_step import ConditionStep  # noqa: E402
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo  # noqa: E402
from sagemaker.workflow.fail_step import FailStep  # noqa: E402
from sagemaker.workflow.functions import Join, JsonGet  # noqa: E402
from sagemaker.workflow.lambda_step import (  # noqa: E402
    LambdaOutput,
    LambdaOutputTypeEnum,
    LambdaStep,
)
from sagemaker.workflow.model_step import ModelStep  # noqa: E402
from sagemaker.workflow.parameters import ParameterFloat, ParameterString  # noqa: E402
from sagemaker.workflow.pipeline import Pipeline  # noqa: E402
from sagemaker.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.workflow.properties import PropertyFile  # noqa: E402
from sagemaker.workflow.quality_check_step import (  # noqa: E402
    DataQualityCheckConfig,
    QualityCheckStep,
)
from sagemaker.workflow.steps import (  # noqa: E402
    CacheConfig,
    ProcessingStep,
    TrainingStep,
    TransformStep,
)

SCRIPTS = Path(__file__).with_name("scripts")
BUCKET, ROLE, REGION = offline.BUCKET, offline.ROLE, offline.REGION
ML = "/opt/ml/processing"


class Session(PipelineSession):
    def default_bucket(self):
        return self._default_bucket_name_override


session = Session(boto_session=boto3.Session(region_name=REGION), default_bucket=BUCKET)
raw = ParameterString("InputData", default_value="s3://acme-landing/house-prices/")
limit = ParameterFloat("MaxRmse", default_value=6.0)
image = image_uris.retrieve("xgboost", region=REGION, version="1.7-1")


def processor():
    return ScriptProcessor(
        role=ROLE,
        image_uri=image,
        command=["python3"],
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )


def of(step, name):
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


prepare = ProcessingStep(
    "Prepare",
    cache_config=CacheConfig(enable_caching=True, expire_after="T30m"),
    step_args=processor().run(
        code=str(SCRIPTS / "prepare.py"),
        inputs=[ProcessingInput(input_name="raw", source=raw, destination=f"{ML}/raw")],
        outputs=[
            ProcessingOutput(output_name=name, source=f"{ML}/{name}") for name in ("train", "test")
        ],
    ),
)
quality = QualityCheckStep(
    name="DataQuality",
    skip_check=True,
    register_new_baseline=True,
    quality_check_config=DataQualityCheckConfig(
        baseline_dataset=of(prepare, "train"),
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"s3://{BUCKET}/data-quality",
    ),
    check_job_config=CheckJobConfig(
        role=ROLE, instance_type="ml.m5.large", instance_count=1, sagemaker_session=session
    ),
    model_package_group_name="house-prices",
)
offline.upload_folder(SCRIPTS, offline.SOURCE)
estimator = sagemaker.estimator.Estimator(
    image_uri=image,
    role=ROLE,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{BUCKET}/models",
    hyperparameters={
        "ridge": 0.5,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": offline.SOURCE,
    },
    sagemaker_session=session,
)
train = TrainingStep(
    "Train",
    step_args=estimator.fit({"train": TrainingInput(of(prepare, "train"), "FullyReplicated")}),
)
artifact = train.properties.ModelArtifacts.S3ModelArtifacts
report = PropertyFile(name="Report", output_name="evaluation", path="evaluation.json")
evaluate = ProcessingStep(
    "Evaluate",
    property_files=[report],
    step_args=processor().run(
        code=str(SCRIPTS / "evaluate.py"),
        inputs=[
            ProcessingInput(input_name="model", source=artifact, destination=f"{ML}/model"),
            ProcessingInput(
                input_name="test", source=of(prepare, "test"), destination=f"{ML}/test"
            ),
        ],
        outputs=[
            ProcessingOutput(output_name=name, source=f"{ML}/{name}")
            for name in ("evaluation", "requests")
        ],
    ),
)


def model():
    return Model(
        image_uri=image,
        model_data=artifact,
        role=ROLE,
        sagemaker_session=session,
        env={
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    )


def source(uri):
    return MetricsSource(s3_uri=uri, content_type="application/json")


register = ModelStep(
    "Register",
    step_args=model().register(
        model_package_group_name="house-prices",
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
        model_metrics=ModelMetrics(
            model_statistics=source(
                Join(on="/", values=[of(evaluate, "evaluation"), "evaluation.json"])
            ),
            model_data_statistics=source(quality.properties.CalculatedBaselineStatistics),
        ),
    ),
)
created = ModelStep("Model", step_args=model().create(instance_type="ml.m5.large"))
transformer = Transformer(
    model_name=created.properties.ModelName,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{BUCKET}/batch",
    sagemaker_session=session,
)
data = TransformInput(of(evaluate, "requests"), content_type="text/csv", split_type="Line")
batch = TransformStep(
    "Batch",
    step_args=transformer.transform(
        data=data.data, content_type=data.content_type, split_type=data.split_type
    ),
)
tell = LambdaStep(
    name="Tell",
    lambda_func=Lambda(
        function_arn=f"arn:aws:lambda:{REGION}:{offline.ACCOUNT}:function:tell-the-team",
        session=session,
    ),
    inputs={"package": register.properties.ModelPackageArn},
    outputs=[LambdaOutput("told", LambdaOutputTypeEnum.String)],
)
gate = ConditionStep(
    "Gate",
    conditions=[
        ConditionLessThanOrEqualTo(
            left=JsonGet(
                step_name="Evaluate",
                property_file=report,
                json_path="regression_metrics.rmse.value",
            ),
            right=limit,
        )
    ],
    if_steps=[register, created, batch, tell],
    else_steps=[FailStep("TooBad", error_message=Join(on=" ", values=["rmse above", limit]))],
)
pipeline = Pipeline(
    "house-prices",
    parameters=[raw, limit],
    steps=[prepare, quality, train, evaluate, gate],
    sagemaker_session=session,
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    definition = json.loads(pipeline.definition())
    (folder / "definition.json").write_text(json.dumps(definition, indent=2) + "\n")
    versions = json.dumps({"sagemaker": version("sagemaker")}, indent=2)
    (folder / "versions.json").write_text(versions + "\n")
    offline.write_uploads(folder / "uploads")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
