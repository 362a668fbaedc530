"""What each helper beyond the loop's own becomes in the definition, as the SageMaker SDK writes it.

Forms: `sagemaker-mlops/src/sagemaker/mlops/workflow/` and `sagemaker-core/…/spark/processing.py` of
aws/sagemaker-python-sdk.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ratchet.authoring import (
    Input,
    Pipeline,
    categorical,
    continuous,
    integer,
    maximize,
)
from ratchet.runner import validate
from ratchet.settings import tags
from ratchet.settings.schema import ComputeSettings

StepOf = Callable[[Pipeline, str], dict[str, Any]]
Problems = Callable[[Pipeline], list[str]]
SMALL = ComputeSettings(instance_type="ml.m5.large")
QUEUE = "https://sqs.us-east-1.amazonaws.com/111122223333/people"


def run_uri(step: str) -> dict[str, Any]:
    values = [
        "s3://artifacts/flights-dev-trial/runs",
        {"Get": "Execution.PipelineExecutionId"},
        step,
    ]
    return {"Std:Join": {"On": "/", "Values": values}}


def test_a_spark_script_is_submitted_with_the_modules_that_it_imports(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    pipeline.spark(
        "count",
        "steps/prepare.py",
        inputs={"raw": pipeline.string("Data")},
        outputs=["counts"],
        options=["--conf", "spark.sql.shuffle.partitions=8"],
        compute=replace(SMALL, instance_count=2),
    )
    arguments = step_of(pipeline, "count")["Arguments"]
    application = arguments["AppSpecification"]
    assert application["ImageUri"] == (
        "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1"
    )
    assert application["ContainerEntrypoint"][-2:] == [
        'cd "$(mktemp -d)" && tar -xzf /opt/ml/processing/input/code/*.gz'
        ' && exec smspark-submit "$@"',
        "smspark-submit",
    ]
    words = application["ContainerArguments"]
    assert words[0] == "--py-files"
    assert "shared.py" in words[1].split(",")
    assert words[2:] == [
        *("--conf", "spark.sql.shuffle.partitions=8", "prepare.py"),
        *("--raw", "/opt/ml/processing/input/raw", "--counts", "/opt/ml/processing/output/counts"),
    ]
    assert arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 2


def test_any_container_runs_with_its_own_entry_point_or_another(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/scan:1"
    scan = pipeline.container(
        "scan",
        image,
        entry=["scan"],
        arguments=["--deep", 3],
        inputs={"data": Input(pipeline.string("Data"), sharded=True)},
        outputs=["found"],
        reports={"found": "found/summary.json"},
        compute=SMALL,
    )
    pipeline.halt("found", scan.metric("count"))
    step = step_of(pipeline, "scan")
    assert step["Arguments"]["AppSpecification"] == {
        "ImageUri": image,
        "ContainerEntrypoint": ["scan"],
        "ContainerArguments": ["--deep", "3"],
    }
    (data,) = step["Arguments"]["ProcessingInputs"]
    assert data["S3Input"]["S3DataDistributionType"] == "ShardedByS3Key"
    assert step["PropertyFiles"] == [
        {"PropertyFileName": "found", "OutputName": "found", "FilePath": "summary.json"}
    ]
    pipeline.container("own", image, compute=SMALL, cache="")
    assert step_of(pipeline, "own")["Arguments"]["AppSpecification"] == {"ImageUri": image}


def test_a_built_in_algorithm_gets_its_channels_and_metrics(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
    channel = Input(pipeline.string("Data"), content_type="text/csv", mode="FastFile")
    pipeline.algorithm(
        "cluster",
        image,
        channels={"train": channel},
        hyperparameters={"k": 8},
        metrics={"loss": "loss=([0-9.]+)"},
        compute=SMALL,
    )
    arguments = step_of(pipeline, "cluster")["Arguments"]
    assert arguments["AlgorithmSpecification"] == {
        "TrainingImage": image,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    }
    assert arguments["HyperParameters"] == {"k": "8"}
    (train,) = arguments["InputDataConfig"]
    assert (train["ContentType"], train["InputMode"]) == ("text/csv", "FastFile")


def test_one_setting_trains_on_spot_instances_from_checkpoints(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    compute = replace(SMALL, spot=True, max_runtime_seconds=600)
    pipeline.training("train", "steps/train.py", channels={}, compute=compute)
    arguments = step_of(pipeline, "train")["Arguments"]
    assert arguments["EnableManagedSpotTraining"] is True
    assert arguments["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 600,
        "MaxWaitTimeInSeconds": 1200,
    }
    uri = arguments["CheckpointConfig"]["S3Uri"]
    (bundle,) = pipeline.bundles
    assert uri == f"s3://artifacts/flights-dev-trial/checkpoints/train/{bundle.digest}"


def test_instances_are_kept_warm_for_the_next_job(pipeline: Pipeline, step_of: StepOf) -> None:
    compute = replace(SMALL, keep_alive_seconds=900)
    pipeline.training("train", "steps/train.py", channels={}, compute=compute)
    resources = step_of(pipeline, "train")["Arguments"]["ResourceConfig"]
    assert resources["KeepAlivePeriodInSeconds"] == 900


def test_a_search_is_a_tuning_job_around_the_training_job(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    tuned = pipeline.tune(
        "tune",
        "steps/train.py",
        ranges={
            "max_depth": integer(3, 9),
            "eta": continuous(0.01, 0.5, scale="log"),
            "booster": categorical(["gbtree", "dart"]),
        },
        objective=maximize("auc", "auc=([0-9.]+)"),
        channels={"train": pipeline.string("Data")},
        hyperparameters={"num_round": 50},
        jobs_in_all=6,
        seed=7,
        strategy="Random",
        compute=SMALL,
    )
    pipeline.register("register", tuned.best_model)
    step = step_of(pipeline, "tune")
    config = step["Arguments"]["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "auc"}
    assert config["ParameterRanges"] == {
        "IntegerParameterRanges": [
            {"Name": "max_depth", "MinValue": "3", "MaxValue": "9", "ScalingType": "Auto"}
        ],
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
    }
    assert config["RandomSeed"] == 7
    definition = step["Arguments"]["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"]["num_round"] == "50"
    assert definition["StaticHyperParameters"]["sagemaker_program"] == "train.py"
    assert {tag["Key"] for tag in step["Arguments"]["Tags"]} >= set(tags.ON_STEPS)
    containers = step_of(pipeline, "register")["Arguments"]["InferenceSpecification"]["Containers"]
    assert containers[0]["ModelDataUrl"] == {
        "Std:Join": {
            "On": "/",
            "Values": [
                run_uri("tune"),
                {"Get": "Steps.tune.TrainingJobSummaries[0].TrainingJobName"},
                "output/model.tar.gz",
            ],
        }
    }


def test_a_model_is_made_and_predicts_in_batches(pipeline: Pipeline, step_of: StepOf) -> None:
    train = pipeline.training("train", "steps/train.py", channels={}, compute=SMALL)
    model = pipeline.model("model", artifact=train.model, environment={"MODE": "fast"})
    scored = pipeline.transform(
        "score",
        model=model,
        data=pipeline.string("Data"),
        join_input=True,
        output_filter="$[0,-1]",
        payload_mb=6,
        compute=SMALL,
    )
    pipeline.halt(scored.output_uri)
    assert step_of(pipeline, "model")["Arguments"]["PrimaryContainer"]["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "MODE": "fast",
    }
    arguments = step_of(pipeline, "score")["Arguments"]
    assert arguments["ModelName"] == {"Get": "Steps.model.ModelName"}
    assert arguments["DataProcessing"] == {"OutputFilter": "$[0,-1]", "JoinSource": "Input"}
    assert arguments["TransformInput"]["SplitType"] == "Line"
    assert arguments["TransformOutput"]["AssembleWith"] == "Line"
    assert "CacheConfig" not in step_of(pipeline, "score")


def test_a_model_is_of_an_artifact_or_of_a_package(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.model("model")
    assert any("give either artifact or package" in problem for problem in problems(pipeline))


def test_a_callback_asks_a_queue_and_its_answer_can_be_used(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    asked = pipeline.callback(
        "ask", QUEUE, returns={"verdict": "String", "rows": "Integer"}, arguments={"what": "data"}
    )
    pipeline.gate("enough", asked["rows"] > 10, otherwise=pipeline.halt(asked["verdict"]))
    assert step_of(pipeline, "ask") == {
        "Name": "ask",
        "Type": "Callback",
        "Arguments": {"what": "data"},
        "SqsQueueUrl": QUEUE,
        "OutputParameters": [
            {"OutputName": "verdict", "OutputType": "String"},
            {"OutputName": "rows", "OutputType": "Integer"},
        ],
    }
    validate(pipeline.definition())  # the runner takes it


def test_data_and_model_quality_are_checked_as_the_sdk_writes_it(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    data = pipeline.string("Data")
    check = pipeline.quality_check(
        "check", data=data, group="flights", skip=True, register_new_baseline=True
    )
    pipeline.quality_check(
        "quality",
        data=data,
        problem="BinaryClassification",
        label="late",
        probability="p",
        threshold=0.5,
        statistics=check.statistics,
        constraints=check.constraints,
    )
    step = step_of(pipeline, "check")
    assert step["CheckType"] == "DATA_QUALITY"
    assert (step["SkipCheck"], step["RegisterNewBaseline"]) == (True, True)
    assert step["ModelPackageGroupName"] == "flights"
    assert "SuppliedBaselineStatistics" not in step
    environment = step["Arguments"]["Environment"]
    assert environment["dataset_source"] == "/opt/ml/processing/input/baseline_dataset_input"
    assert environment["publish_cloudwatch_metrics"] == "Disabled"
    assert step["Arguments"]["AppSpecification"]["ImageUri"].endswith("analyzer:latest")
    quality = step_of(pipeline, "quality")
    assert quality["CheckType"] == "MODEL_QUALITY"
    assert quality["Arguments"]["Environment"]["probability_threshold_attribute"] == "0.5"
    assert quality["SuppliedBaselineConstraints"] == {
        "Get": "Steps.check.CalculatedBaselineConstraints"
    }
    validate(pipeline.definition())


BINARY, MULTICLASS, REGRESSION = "BinaryClassification", "MulticlassClassification", "Regression"


@pytest.mark.parametrize(
    ("columns", "environment"),
    [
        (
            {"problem": BINARY, "probability": "p"},
            {"probability_attribute": "p", "probability_threshold_attribute": "0.5"},
        ),
        (
            {"problem": BINARY, "inference": "c", "probability": "p"},
            {"inference_attribute": "c", "probability_attribute": "p"},
        ),
        ({"problem": MULTICLASS, "inference": "c"}, {"inference_attribute": "c"}),
        ({"problem": REGRESSION, "inference": "y"}, {"inference_attribute": "y"}),
    ],
)
def test_each_problem_says_where_its_answers_are(
    pipeline: Pipeline, step_of: StepOf, columns: dict[str, Any], environment: dict[str, str]
) -> None:
    pipeline.quality_check("q", data=pipeline.string("Data"), label="y", skip=True, **columns)
    written = step_of(pipeline, "q")["Arguments"]["Environment"]
    assert {name: text for name, text in written.items() if "attribute" in name} == {
        "ground_truth_attribute": "y",
        **environment,
    }
    assert written["problem_type"] == columns["problem"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"problem": "Binary", "label": "y"}, "expected one of BinaryClassification, Multi"),
        ({"label": "y"}, "a check of data takes none; expected a problem"),
        ({"problem": REGRESSION, "inference": "p"}, "expected the column of the label"),
        ({"problem": REGRESSION, "label": "y"}, "the column of the model's answer"),
        ({"problem": MULTICLASS, "label": "y", "probability": "p"}, "the model's answer"),
        ({"problem": BINARY, "label": "y"}, "the model's answer, or a probability"),
        (
            {"problem": REGRESSION, "label": "y", "inference": "a", "probability": "p"},
            "a regression has none",
        ),
        (
            {"problem": MULTICLASS, "label": "y", "inference": "a", "threshold": 0.5},
            "only BinaryClassification has one",
        ),
        (
            {"problem": BINARY, "label": "y", "inference": "a", "threshold": 0.5},
            "the classes in `inference` decide",
        ),
        (
            {"problem": BINARY, "label": "y", "probability": "p", "threshold": 50},
            "a probability, from 0 to 1",
        ),
    ],
)
def test_columns_that_do_not_go_with_the_problem_are_refused(
    pipeline: Pipeline, problems: Problems, columns: dict[str, Any], message: str
) -> None:
    pipeline.quality_check("q", data=pipeline.string("Data"), skip=True, **columns)
    assert any(message in problem for problem in problems(pipeline))


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        ("DATA_BIAS", "m", "DATA_BIAS takes no model_name"),
        ("MODEL_BIAS", None, "MODEL_BIAS takes a model_name"),
        ("FAIRNESS", None, "expected one of DATA_BIAS, MODEL_BIAS, MODEL_EXPLAINABILITY"),
    ],
)
def test_a_clarify_check_knows_what_it_needs(
    pipeline: Pipeline, problems: Problems, kind: str, model: str | None, expected: str
) -> None:
    data = pipeline.string("Data")
    pipeline.clarify_check("bias", kind, data=data, analysis_config=data, model_name=model)
    assert any(expected in problem for problem in problems(pipeline))


def test_a_clarify_check_is_written_as_the_sdk_writes_it(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    data = pipeline.string("Data")
    pipeline.clarify_check("bias", "DATA_BIAS", data=data, analysis_config=data)
    step = step_of(pipeline, "bias")
    assert step["CheckType"] == "DATA_BIAS"
    names = [item["InputName"] for item in step["Arguments"]["ProcessingInputs"]]
    assert names == ["analysis_config", "dataset"]
    (output,) = step["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert output["OutputName"] == "analysis_result"


def test_autopilot_runs_in_the_mode_that_pipelines_have(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    pipeline.automl(
        "auto",
        data=pipeline.string("Data"),
        target="late",
        problem="BinaryClassification",
        metric="AUC",
    )
    arguments = step_of(pipeline, "auto")["Arguments"]
    assert arguments["AutoMLJobConfig"]["Mode"] == "ENSEMBLING"
    assert arguments["InputDataConfig"][0]["TargetAttributeName"] == "late"
    assert {tag["Key"] for tag in arguments["Tags"]} >= set(tags.ON_STEPS)


def test_a_cluster_step_is_written_as_the_sdk_writes_it(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    pipeline.emr(
        "count",
        jar="command-runner.jar",
        arguments=["spark-submit", pipeline.string("Script")],
        cluster_id="j-1",
        properties={"mapred.reduce.tasks": "4"},
    )
    assert step_of(pipeline, "count")["Arguments"] == {
        "StepConfig": {
            "HadoopJarStep": {
                "Jar": "command-runner.jar",
                "Args": ["spark-submit", {"Get": "Parameters.Script"}],
                "Properties": [{"Key": "mapred.reduce.tasks", "Value": "4"}],
            }
        },
        "ClusterId": "j-1",
    }
    pipeline.emr_serverless(
        "serverless", driver={"sparkSubmit": {"entryPoint": "s3://code/x.py"}}, application_id="a1"
    )
    assert step_of(pipeline, "serverless")["Arguments"] == {
        "ExecutionRoleArn": pipeline.ctx.role_arn,
        "JobConfig": {
            "executionRoleArn": pipeline.ctx.role_arn,
            "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/x.py"}},
            "applicationId": "a1",
        },
        "ApplicationId": "a1",
    }


def test_a_cluster_is_there_or_is_made(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.emr("count", jar="x.jar", execution_role_arn="arn:aws:iam::1:role/x")
    pipeline.emr_serverless("serverless", driver={})
    found = problems(pipeline)
    assert any("give either cluster_id or cluster" in problem for problem in found)
    assert any("a role is for a cluster that is there" in problem for problem in found)
    assert any("give either application_id or application" in problem for problem in found)


def test_an_endpoint_is_made_of_its_configuration(pipeline: Pipeline, step_of: StepOf) -> None:
    model = pipeline.model(
        "model", package="arn:aws:sagemaker:us-east-1:111122223333:model-package/f/1"
    )
    config = pipeline.endpoint_config("config", model=model, config_name="trial-1", compute=SMALL)
    pipeline.endpoint("serve", config=config, endpoint_name="trial")
    (variant,) = step_of(pipeline, "config")["Arguments"]["ProductionVariants"]
    assert variant["ModelName"] == {"Get": "Steps.model.ModelName"}
    endpoint = step_of(pipeline, "serve")["Arguments"]
    assert endpoint["EndpointConfigName"] == {"Get": "Steps.config.EndpointConfigName"}
    assert {tag["Key"] for tag in endpoint["Tags"]} >= set(tags.ON_STEPS)


def test_a_job_of_a_category_carries_its_document_as_text(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    document = {"model": {"arn": "arn:aws:sagemaker:us-east-1:aws:hub-content/x"}}
    tuned = pipeline.sagemaker_job(
        "tune", category="AgentRFT", document=document, schema_version="1.0.0"
    )
    pipeline.halt("tuned", tuned.properties.JobArn)
    arguments = step_of(pipeline, "tune")["Arguments"]
    assert json.loads(arguments["JobConfigDocument"]) == document
    assert arguments["JobCategory"] == "AgentRFT"
    assert {tag["Key"] for tag in arguments["Tags"]} >= set(tags.ON_STEPS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"category": "AgentRTF"}, "did you mean 'AgentRFT'"),
        ({"document": ""}, "JobConfigDocument = '': it has 0 characters"),
        ({"job": {"JobName": ["x"]}}, "expected a string"),
    ],
)
def test_a_job_of_a_category_is_checked_like_any_call(
    pipeline: Pipeline, problems: Problems, given: dict[str, Any], expected: str
) -> None:
    arguments = {"category": "AgentRFT", "document": "{}", "schema_version": "1.0.0", **given}
    pipeline.sagemaker_job("tune", **arguments)
    assert any(expected in problem for problem in problems(pipeline))


def test_what_follows_a_job_of_a_category_may_be_told_what_its_description_has(
    pipeline: Pipeline, problems: Problems
) -> None:
    tuned = pipeline.sagemaker_job("tune", category="AgentRFT", document="{}", schema_version="1")
    pipeline.halt("tuned", tuned.properties.JobArm)
    assert any("'tune' has no property JobArm" in problem for problem in problems(pipeline))


def test_a_job_of_a_category_has_its_result_given_on_a_laptop(pipeline: Pipeline) -> None:
    pipeline.sagemaker_job("tune", category="AgentRFT", document="{}", schema_version="1.0.0")
    assert validate(pipeline.definition(), stand_ins={"tune": {"JobStatus": "Completed"}})
