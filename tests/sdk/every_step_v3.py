"""A pipeline written with the SageMaker SDK v3, as its users write them; prints what it made.

Its scripts read and write /opt/ml by absolute paths. Run it where `sagemaker` 3 is installed:

    python tests/sdk/every_step_v3.py FOLDER [drivers]

writes FOLDER/definition.json, FOLDER/versions.json and what the SDK uploaded, by its URI, in
FOLDER/uploads/. Training runs in script mode; with `drivers` as the SDK's own SourceCode has it,
whose uploads hold the SDK's driver scripts.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import offline

offline.go_offline()

import boto3  # noqa: E402
from sagemaker.core import image_uris  # noqa: E402
from sagemaker.core.drift_check_baselines import DriftCheckBaselines  # noqa: E402
from sagemaker.core.lambda_helper import Lambda  # noqa: E402
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics  # noqa: E402
from sagemaker.core.model_monitor import DatasetFormat  # noqa: E402
from sagemaker.core.processing import ScriptProcessor  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.telemetry import telemetry_logging  # noqa: E402
from sagemaker.core.training.configs import (  # noqa: E402
    Compute,
    InputData,
    OutputDataConfig,
    SourceCode,
)
from sagemaker.core.transformer import Transformer  # noqa: E402
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo  # noqa: E402
from sagemaker.core.workflow.functions import Join, JsonGet  # noqa: E402
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString  # noqa: E402
from sagemaker.core.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.core.workflow.properties import PropertyFile  # noqa: E402
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig  # noqa: E402
from sagemaker.mlops.workflow.condition_step import ConditionStep  # noqa: E402
from sagemaker.mlops.workflow.fail_step import FailStep  # noqa: E402
from sagemaker.mlops.workflow.lambda_step import (  # noqa: E402
    LambdaOutput,
    LambdaOutputTypeEnum,
    LambdaStep,
)
from sagemaker.mlops.workflow.model_step import ModelStep  # noqa: E402
from sagemaker.mlops.workflow.pipeline import Pipeline  # noqa: E402
from sagemaker.mlops.workflow.quality_check_step import (  # noqa: E402
    DataQualityCheckConfig,
    QualityCheckStep,
)
from sagemaker.mlops.workflow.steps import (  # noqa: E402
    CacheConfig,
    ProcessingStep,
    TrainingStep,
    TransformStep,
)
from sagemaker.serve.model_builder import ModelBuilder  # noqa: E402
from sagemaker.train.model_trainer import ModelTrainer  # noqa: E402

telemetry_logging._send_telemetry_request = lambda *_, **__: None

SCRIPTS = Path(__file__).with_name("scripts")
BUCKET, ROLE, REGION = offline.BUCKET, offline.ROLE, offline.REGION
ML = "/opt/ml/processing"
DRIVERS = sys.argv[2:] == ["drivers"]


class Session(PipelineSession):
    def default_bucket(self):
        return self._default_bucket_name_override


session = Session(boto_session=boto3.Session(region_name=REGION), default_bucket=BUCKET)
raw = ParameterString("InputData", default_value="s3://acme-landing/house-prices/")
limit = ParameterFloat("MaxRmse", default_value=6.0)
cache = CacheConfig(enable_caching=True, expire_after="30d")
image = image_uris.retrieve("xgboost", region=REGION, version="1.7-1")


def given(name, uri):
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{ML}/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def written(step, name):
    uri = f"s3://{BUCKET}/{step}-2026-11-26-06-12-33-123/output/{name}"
    target = ProcessingS3Output(s3_uri=uri, local_path=f"{ML}/{name}", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)


def of(step, name):
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def processor():
    return ScriptProcessor(
        role=ROLE,
        image_uri=image,
        command=["python3"],
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )


prepare = ProcessingStep(
    "Prepare",
    cache_config=cache,
    step_args=processor().run(
        code=str(SCRIPTS / "prepare.py"),
        inputs=[given("raw", raw)],
        outputs=[written("prepare", "train"), written("prepare", "test")],
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
if DRIVERS:
    how = {"source_code": SourceCode(source_dir=str(SCRIPTS), entry_script="train.py")}
    script_mode = {}
else:
    how = {}
    script_mode = {"sagemaker_program": "train.py", "sagemaker_submit_directory": offline.SOURCE}
    offline.upload_folder(SCRIPTS, offline.SOURCE)
trainer = ModelTrainer(
    training_image=image,
    role=ROLE,
    sagemaker_session=session,
    base_job_name="train",
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    hyperparameters={"ridge": 0.5, **script_mode},
    **how,
)
train = TrainingStep(
    "Train",
    step_args=trainer.train(
        input_data_config=[
            InputData(
                channel_name="train", data_source=of(prepare, "train"), content_type="text/csv"
            )
        ]
    ),
)
artifact = train.properties.ModelArtifacts.S3ModelArtifacts
report = PropertyFile(name="Report", output_name="evaluation", path="evaluation.json")
evaluate = ProcessingStep(
    "Evaluate",
    property_files=[report],
    step_args=processor().run(
        code=str(SCRIPTS / "evaluate.py"),
        inputs=[given("model", artifact), given("test", of(prepare, "test"))],
        outputs=[written("evaluate", "evaluation"), written("evaluate", "requests")],
    ),
)


def builder():
    return ModelBuilder(
        image_uri=image,
        s3_model_data_url=artifact,
        role_arn=ROLE,
        sagemaker_session=session,
        instance_type="ml.m5.large",
        env_vars={
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    )


def source(uri):
    return MetricsSource(s3_uri=uri, content_type="application/json")


register = ModelStep(
    "Register",
    step_args=builder().register(
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
            model_data_constraints=source(quality.properties.CalculatedBaselineConstraints),
        ),
        drift_check_baselines=DriftCheckBaselines(
            model_data_statistics=source(quality.properties.BaselineUsedForDriftCheckStatistics),
            model_data_constraints=source(quality.properties.BaselineUsedForDriftCheckConstraints),
        ),
    ),
)
model = ModelStep("Model", step_args=builder().build(model_name="house-prices"))
transformer = Transformer(
    model_name=model.properties.ModelName,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{BUCKET}/batch",
    sagemaker_session=session,
)
batch = TransformStep(
    "Batch",
    step_args=transformer.transform(
        data=of(evaluate, "requests"), content_type="text/csv", split_type="Line"
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
    if_steps=[register, model, batch, tell],
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
    packages = ("sagemaker", "sagemaker-core", "sagemaker-train", "sagemaker-serve")
    versions = {name: version(name) for name in (*packages, "sagemaker-mlops")}
    (folder / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
    offline.write_uploads(folder / "uploads")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
