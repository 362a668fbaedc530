"""The training pipeline of pipeline_defs/flights/training.py as the SageMaker SDK v3 has it.

    python tests/sdk/standard_v3.py FOLDER

writes FOLDER/definition.json. A bundle is called by its step here; elsewhere by its digest.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import offline

offline.go_offline()

import boto3  # noqa: E402
from sagemaker.core.drift_check_baselines import DriftCheckBaselines  # noqa: E402
from sagemaker.core.lambda_helper import Lambda  # noqa: E402
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics  # noqa: E402
from sagemaker.core.processing import Processor  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
    Tag,
)
from sagemaker.core.telemetry import telemetry_logging  # noqa: E402
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig  # noqa: E402
from sagemaker.core.workflow.conditions import (  # noqa: E402
    ConditionEquals,
    ConditionIn,
    ConditionLessThanOrEqualTo,
    ConditionNot,
    ConditionOr,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables  # noqa: E402
from sagemaker.core.workflow.functions import Join, JsonGet  # noqa: E402
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString  # noqa: E402
from sagemaker.core.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.core.workflow.properties import PropertyFile  # noqa: E402
from sagemaker.mlops.workflow.condition_step import ConditionStep  # noqa: E402
from sagemaker.mlops.workflow.fail_step import FailStep  # noqa: E402
from sagemaker.mlops.workflow.lambda_step import (  # noqa: E402
    LambdaOutput,
    LambdaOutputTypeEnum,
    LambdaStep,
)
from sagemaker.mlops.workflow.model_step import ModelStep  # noqa: E402
from sagemaker.mlops.workflow.pipeline import Pipeline  # noqa: E402
from sagemaker.mlops.workflow.pipeline_experiment_config import (  # noqa: E402
    PipelineExperimentConfig,
)
from sagemaker.mlops.workflow.retry import (  # noqa: E402
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep  # noqa: E402
from sagemaker.serve.model_builder import ModelBuilder  # noqa: E402
from sagemaker.train.model_trainer import ModelTrainer  # noqa: E402

telemetry_logging._send_telemetry_request = lambda *_, **__: None

NAME, ROLE = "flights-dev-training", "arn:aws:iam::111122223333:role/flights-dev-training"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
RESOLVE = "arn:aws:lambda:us-east-1:111122223333:function:resolve-champion"
ANALYZER = "ratchet/monitoring/analyze.py"
JUDGE = "ratchet/judging/evaluate.py"
UNPACK_AND_RUN = (
    'cd "$(mktemp -d)" && tar -xzf /opt/ml/processing/input/code/*.gz && exec python3 "$0" "$@"'
)
IN, OUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


class Session(PipelineSession):
    def default_bucket(self):
        return self._default_bucket_name_override


session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket="artifacts")
experiment = ParameterString("Experiment", default_value="default")
manifest = ParameterString("InputManifest")
tolerance = ParameterFloat("MaxRegression", default_value=0.005)
run = ExecutionVariables.PIPELINE_EXECUTION_ID
cache = CacheConfig(enable_caching=True, expire_after="P30D")
retries = [
    SageMakerJobStepRetryPolicy(
        exception_types=[
            SageMakerJobExceptionTypeEnum.INTERNAL_ERROR,
            SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
            SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
        ],
        interval_seconds=60,
        backoff_rate=2.0,
        max_attempts=5,
    )
]


def tags(step):
    return {
        "project": "flights",
        "model": "flights",
        "environment": "dev",
        "owner": "ml-platform",
        "cost-center": "ml-0001",
        "pipeline": NAME,
        "step": step,
        "experiment": experiment,
        "run": run,
    }


def output_uri(*path):
    return Join(on="/", values=[f"s3://artifacts/{NAME}/runs", run, "/".join(path)])


def given(name, uri, kind="S3Prefix"):
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{IN}/{name}", s3_data_type=kind, s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def written(step, name):
    target = ProcessingS3Output(
        s3_uri=output_uri(step, name), local_path=f"{OUT}/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=target)


def of(step, name):
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def processing(name, script, *, inputs, outputs, arguments, reports=(), bundle=None):
    processor = Processor(
        role=ROLE,
        image_uri=IMAGE,
        entrypoint=["/bin/bash", "-c", UNPACK_AND_RUN, script],
        instance_type="ml.m5.large",
        instance_count=1,
        volume_size_in_gb=30,
        max_runtime_in_seconds=3600,
        sagemaker_session=session,
        tags=[{"Key": key, "Value": value} for key, value in tags(name).items()],
    )
    step_args = processor.run(
        inputs=[given("code", f"s3://code/{bundle or name}.gz"), *inputs],
        outputs=[written(name, output) for output in outputs],
        arguments=arguments,
    )
    return ProcessingStep(
        name,
        step_args=step_args,
        cache_config=cache,
        retry_policies=retries,
        property_files=list(reports),
    )


def folders(inputs, outputs):
    named = [(name, IN) for name in inputs] + [(name, OUT) for name in outputs]
    return [part for name, base in named for part in (f"--{name}", f"{base}/{name}")]


prepare = processing(
    "prepare",
    "prepare.py",
    inputs=[given("raw", manifest, kind="ManifestFile")],
    outputs=["train", "eval"],
    arguments=folders(["raw"], ["train", "eval"]),
)
trainer = ModelTrainer(
    training_image=IMAGE,
    role=ROLE,
    sagemaker_session=session,
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
    output_data_config=OutputDataConfig(s3_output_path=output_uri("train")),
    hyperparameters={
        "max_depth": 6,
        "eta": 0.1,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://code/train.gz",
    },
    tags=[Tag(key=key, value=value) for key, value in tags("train").items()],
)
train = TrainingStep(
    "train",
    step_args=trainer.train(
        input_data_config=[InputData(channel_name="train", data_source=of(prepare, "train"))]
    ),
    cache_config=cache,
    retry_policies=retries,
)
champion = LambdaStep(
    name="champion",
    lambda_func=Lambda(function_arn=RESOLVE, session=session),
    outputs=[
        LambdaOutput(name, LambdaOutputTypeEnum.String)
        for name in (
            *("model_uri", "package_arn", "version", "threshold"),
            *("newest_version", "newest_digest", "newest_approval"),
        )
    ],
)
VERSIONS = {
    "--champion-version": "version",
    "--newest-version": "newest_version",
    "--newest-digest": "newest_digest",
    "--newest-approval": "newest_approval",
    "--champion-threshold": "threshold",
}
evaluation = PropertyFile(name="evaluation", output_name="report", path="evaluation.json")
artifact = train.properties.ModelArtifacts.S3ModelArtifacts
evaluate = processing(
    "evaluate",
    JUDGE,
    inputs=[
        given("candidate", artifact),
        given("champion", champion.properties.Outputs["model_uri"]),
        given("eval", of(prepare, "eval")),
    ],
    outputs=["report", "predictions"],
    arguments=[
        *folders(["candidate", "champion", "eval"], ["report", "predictions"]),
        *(
            part
            for option, key in VERSIONS.items()
            for part in (option, champion.properties.Outputs[key])
        ),
        *("--problem", "binary", "--label", "late", "--metric", "auc"),
    ],
    reports=[evaluation],
)
summary = PropertyFile(name="baseline", output_name="baseline", path="baseline.json")
analysis = ["--dataset-source", f"{IN}/dataset", "--output-path", f"{OUT}/baseline"]
baseline = processing(
    "baseline",
    ANALYZER,
    inputs=[given("dataset", of(prepare, "eval"))],
    outputs=["baseline"],
    arguments=[
        *analysis,
        *("--dataset-format", "csv", "--exclude-columns", "late"),
        *("--comparison-threshold", "0.1", "--domain-content-threshold", "0.9"),
    ],
    reports=[summary],
)
quality = processing(
    "quality-baseline",
    ANALYZER,
    inputs=[given("dataset", of(evaluate, "predictions"))],
    outputs=["baseline"],
    arguments=[
        *analysis,
        *("--analysis-type", "MODEL_QUALITY", "--problem-type", "BinaryClassification"),
        *("--dataset-format", "csv"),
        *("--ground-truth-attribute", "label", "--probability-attribute", "probability"),
        *("--probability-threshold-attribute", "0.5", "--minimum-rows", "100"),
    ],
    reports=[summary],
    bundle="baseline",
)


def metric(path, step="evaluate", file=evaluation):
    return JsonGet(step_name=step, property_file=file, json_path=path)


def as_text(value):
    return Join(on="", values=[value])


def document(step, name):
    uri = Join(on="/", values=[of(step, "baseline"), name])
    return MetricsSource(s3_uri=uri, content_type="application/json")


def documents():
    return {
        "model_data_statistics": document(baseline, "statistics.json"),
        "model_data_constraints": document(baseline, "constraints.json"),
        "model_statistics": document(quality, "statistics.json"),
        "model_constraints": document(quality, "constraints.json"),
    }


CONTENT = ["text/csv", "application/json", "application/jsonlines"]
builder = ModelBuilder(
    image_uri=IMAGE,
    s3_model_data_url=artifact,
    role_arn=ROLE,
    sagemaker_session=session,
    instance_type="ml.m5.large",
    env_vars={
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    },
)
register = ModelStep(
    "register",
    step_args=builder.register(
        model_package_group_name="flights-dev",
        content_types=CONTENT,
        response_types=CONTENT,
        approval_status="PendingManualApproval",
        description=as_text(metric("verdict")),
        model_metrics=ModelMetrics(**documents()),
        drift_check_baselines=DriftCheckBaselines(**documents()),
        customer_metadata_properties={
            "execution": run,
            "manifest": manifest,
            "champion": champion.properties.Outputs["package_arn"],
            "champion-version": champion.properties.Outputs["version"],
            "champion-status": as_text(metric("champion.status")),
            "metric": "auc",
            "better": as_text(metric("better")),
            "candidate-score": as_text(metric("candidate.score")),
            "regression": as_text(metric("regression")),
            "model-digest": as_text(metric("candidate.digest")),
            "threshold": "0.5",
            "evaluation": Join(on="/", values=[of(evaluate, "report"), "evaluation.json"]),
            "baseline-digest": as_text(metric("digest", "baseline", summary)),
            "quality-baseline-digest": as_text(metric("digest", "quality-baseline", summary)),
            **{f"code-{name}": name for name in ("prepare", "train", "evaluate", "baseline")},
            "code-quality-baseline": "baseline",
        },
    ),
)
halt = FailStep(
    "halt",
    error_message=Join(
        on=" ",
        values=[metric("verdict"), "The gate allows a regression of at most", tolerance],
    ),
)
new = ConditionEquals(left=metric("candidate.status"), right="new")
passing = [
    ConditionLessThanOrEqualTo(left=metric("regression"), right=tolerance),
    ConditionIn(value=metric("champion.status"), in_values=["scored", "none"]),
]
no_regression = ConditionStep(
    "no-regression",
    conditions=[ConditionOr([condition, ConditionNot(new)]) for condition in passing],
    if_steps=[],
    else_steps=[halt],
)
new_model = ConditionStep(
    "new-model",
    conditions=[new, *passing],
    if_steps=[baseline, quality, register],
    else_steps=[],
)
pipeline = Pipeline(
    NAME,
    parameters=[experiment, manifest, tolerance],
    steps=[prepare, train, champion, evaluate, no_regression, new_model],
    pipeline_experiment_config=PipelineExperimentConfig(experiment, run),
    sagemaker_session=session,
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    definition = json.loads(pipeline.definition())
    (folder / "definition.json").write_text(json.dumps(definition, indent=2) + "\n")
    packages = ("sagemaker", "sagemaker-core", "sagemaker-train", "sagemaker-serve")
    versions = {name: version(name) for name in (*packages, "sagemaker-mlops")}
    (folder / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
