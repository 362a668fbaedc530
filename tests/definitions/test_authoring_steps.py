"""What each kind of step becomes in the definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ratchet.authoring import (
    Context,
    DefinitionError,
    Pipeline,
    RetryPolicy,
    execution,
    manifest,
)
from ratchet.settings import tags
from ratchet.settings.schema import ComputeSettings, StepSettings

StepOf = Callable[[Pipeline, str], dict[str, Any]]


def test_a_parameter_is_declared_with_its_type_default_and_choices(pipeline: Pipeline) -> None:
    given = [
        pipeline.string("Mode", default="fast", choices=["fast", "thorough"]),
        pipeline.number("Tolerance", default=0.5),
        pipeline.integer("Rounds", default=3),
        pipeline.boolean("Strict", default=False),
        pipeline.string("Needed"),
    ]
    pipeline.halt(*given)

    declared = pipeline.definition()["Parameters"]

    assert declared[1:] == [
        {
            "Name": "Mode",
            "Type": "String",
            "DefaultValue": "fast",
            "EnumValues": ["fast", "thorough"],
        },
        {"Name": "Tolerance", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Rounds", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Strict", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Needed", "Type": "String"},
    ]


def test_every_pipeline_has_its_experiment_as_a_parameter(pipeline: Pipeline) -> None:
    pipeline.halt("stop")

    definition = pipeline.definition()

    assert definition["Parameters"] == [
        {"Name": "Experiment", "Type": "String", "DefaultValue": "default"}
    ]
    assert definition["PipelineExperimentConfig"] == {
        "ExperimentName": {"Get": "Parameters.Experiment"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }


def test_a_processing_step_unpacks_its_bundle_and_runs_the_script(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    rounds = pipeline.integer("Rounds", default=3)
    pipeline.processing(
        "prepare", "steps/prepare.py", inputs={}, outputs=[], arguments=["--rounds", rounds, 4]
    )

    job = step_of(pipeline, "prepare")["Arguments"]

    container = job["AppSpecification"]
    assert container["ContainerEntrypoint"] == [
        "/bin/bash",
        "-c",
        'cd "$(mktemp -d)" && tar -xzf /opt/ml/processing/input/code/*.gz '
        '&& exec python3 "$0" "$@"',
        "prepare.py",
    ]
    assert container["ContainerArguments"] == [
        "--rounds",
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rounds"}]}},
        "4",
    ]
    (bundle,) = pipeline.bundles
    (code,) = job["ProcessingInputs"]
    assert code["S3Input"]["S3Uri"] == f"s3://code/{bundle.digest}.gz"
    assert code["S3Input"]["LocalPath"] == "/opt/ml/processing/input/code"


def test_inputs_and_outputs_lie_in_folders_of_their_names(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    raw = pipeline.string("Raw")
    pipeline.processing(
        "prepare", "steps/prepare.py", inputs={"raw": manifest(raw), "more": raw}, outputs=["train"]
    )

    job = step_of(pipeline, "prepare")["Arguments"]

    inputs = {given["InputName"]: given["S3Input"] for given in job["ProcessingInputs"]}
    assert inputs["raw"] == {
        "S3Uri": {"Get": "Parameters.Raw"},
        "LocalPath": "/opt/ml/processing/input/raw",
        "S3DataType": "ManifestFile",
        "S3InputMode": "File",
    }
    assert inputs["more"]["S3DataType"] == "S3Prefix"
    (output,) = job["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["LocalPath"] == "/opt/ml/processing/output/train"


def test_runs_write_to_folders_of_their_own(pipeline: Pipeline, step_of: StepOf) -> None:
    pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=["train"])
    pipeline.training("train", "steps/train.py", channels={})

    (output,) = step_of(pipeline, "prepare")["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    trained = step_of(pipeline, "train")["Arguments"]["OutputDataConfig"]["S3OutputPath"]

    run = ["s3://artifacts/flights-dev-trial/runs", {"Get": "Execution.PipelineExecutionId"}]
    assert output["S3Output"]["S3Uri"] == {
        "Std:Join": {"On": "/", "Values": [*run, "prepare/train"]}
    }
    assert trained == {"Std:Join": {"On": "/", "Values": [*run, "train"]}}


def test_hyperparameters_become_texts(pipeline: Pipeline, step_of: StepOf) -> None:
    pipeline.training(
        "train",
        "steps/train.py",
        channels={},
        hyperparameters={
            "depth": 6,
            "eta": 0.1,
            "strict": True,
            "name": "flights",
            "rounds": pipeline.integer("Rounds", default=3),
            "mode": pipeline.string("Mode", default="fast"),
        },
    )

    given = step_of(pipeline, "train")["Arguments"]["HyperParameters"]

    assert given == {
        "depth": "6",
        "eta": "0.1",
        "strict": "true",
        "name": "flights",
        "rounds": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rounds"}]}},
        "mode": {"Get": "Parameters.Mode"},
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://code/{pipeline.bundles[0].digest}.gz",
    }


def test_compute_comes_from_the_settings_of_the_steps_name(ctx: Context, step_of: StepOf) -> None:
    big = StepSettings(instance_type="ml.m5.4xlarge", instance_count=2, volume_gb=100)
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, steps={"train": big})))
    p.training("train", "steps/train.py", channels={})
    p.training("other", "steps/train.py", channels={}, compute=ComputeSettings(volume_gb=7))

    assert step_of(p, "train")["Arguments"]["ResourceConfig"] == {
        "InstanceType": "ml.m5.4xlarge",
        "InstanceCount": 2,
        "VolumeSizeInGB": 100,
    }
    assert step_of(p, "other")["Arguments"]["ResourceConfig"]["VolumeSizeInGB"] == 7


def test_what_jobs_write_is_encrypted_with_the_given_key(ctx: Context, step_of: StepOf) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1"
    pipeline = Pipeline("trial", replace(ctx, output_key_arn=key))
    pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=["train"])
    pipeline.training("train", "steps/train.py", channels={"train": pipeline.string("Data")})
    written = step_of(pipeline, "prepare")["Arguments"]["ProcessingOutputConfig"]
    assert written["KmsKeyId"] == key
    assert step_of(pipeline, "train")["Arguments"]["OutputDataConfig"]["KmsKeyId"] == key


def test_further_job_arguments_are_laid_over(pipeline: Pipeline, step_of: StepOf) -> None:
    pipeline.training(
        "train",
        "steps/train.py",
        channels={},
        job={
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxWaitTimeInSeconds": 7200},
        },
    )

    job = step_of(pipeline, "train")["Arguments"]

    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }


def test_a_function_is_invoked_and_its_answer_typed(pipeline: Pipeline, step_of: StepOf) -> None:
    found = pipeline.invoke(
        "find", "arn:aws:lambda:…", returns={"uri": "String", "count": "Integer"}
    )
    pipeline.halt(found["uri"], found["count"])

    step = step_of(pipeline, "find")

    assert step["FunctionArn"] == "arn:aws:lambda:…"
    assert step["OutputParameters"] == [
        {"OutputName": "uri", "OutputType": "String"},
        {"OutputName": "count", "OutputType": "Integer"},
    ]
    assert step_of(pipeline, "halt")["Arguments"]["ErrorMessage"]["Std:Join"]["Values"] == [
        {"Get": "Steps.find.OutputParameters['uri']"},
        {"Get": "Steps.find.OutputParameters['count']"},
    ]


@pytest.mark.parametrize(
    ("approval", "status"), [("manual", "PendingManualApproval"), ("automatic", "Approved")]
)
def test_the_settings_decide_whether_a_version_waits_for_approval(
    ctx: Context, step_of: StepOf, approval: Any, status: str
) -> None:
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, approval=approval)))
    train = p.training("train", "steps/train.py", channels={})
    p.register("register", train.model)

    assert step_of(p, "register")["Arguments"]["ModelApprovalStatus"] == status


def test_a_version_says_which_code_made_it(pipeline: Pipeline, step_of: StepOf) -> None:
    prepare = pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=["train"])
    train = pipeline.training(
        "train", "steps/train.py", channels={"train": prepare.outputs["train"]}
    )
    pipeline.register("register", train.model, metadata={"run": execution.id, "rows": 12})

    digests = {bundle.name: bundle.digest for bundle in pipeline.bundles}
    assert step_of(pipeline, "register")["Arguments"]["CustomerMetadataProperties"] == {
        "run": {"Get": "Execution.PipelineExecutionId"},
        "rows": "12",
        "code-prepare": digests["prepare"],
        "code-train": digests["train"],
    }


def test_a_chain_is_registered_judged_and_made_a_model_by_all_of_its_containers(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    first = pipeline.training("preprocess", "steps/train.py", channels={}, image="first:1")
    second = pipeline.training("train", "steps/train.py", channels={}, image="second:1")
    chain = [first.model, second.model]
    pipeline.register("register", chain)
    pipeline.model("model", artifact=chain, environment={"X": 1})
    rows, champion = pipeline.string("Rows"), pipeline.string("Champion")
    pipeline.judgement("evaluate", rows=rows, champion=champion, candidate=chain)

    specification = step_of(pipeline, "register")["Arguments"]["InferenceSpecification"]
    containers = specification["Containers"]
    assert [container["Image"] for container in containers] == ["first:1", "second:1"]
    uris = [container["ModelDataUrl"] for container in containers]
    assert uris == [
        {"Get": f"Steps.{name}.ModelArtifacts.S3ModelArtifacts"} for name in ("preprocess", "train")
    ]
    accepts = [
        container["Environment"].get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT")
        for container in containers
    ]
    assert accepts == ["text/csv", None], "as judging asks them; the last one's caller says"

    model = step_of(pipeline, "model")["Arguments"]
    assert "PrimaryContainer" not in model
    assert [each.pop("X") for each in (c["Environment"] for c in model["Containers"])] == ["1", "1"]
    assert model["Containers"] == containers

    job = step_of(pipeline, "evaluate")["Arguments"]
    inputs = {each["InputName"]: each["S3Input"] for each in job["ProcessingInputs"]}
    assert [inputs[name]["S3Uri"] for name in ("candidate", "candidate-2")] == uris
    arguments = job["AppSpecification"]["ContainerArguments"]
    folders = [after for word, after in pairwise(arguments) if word == "--candidate"]
    assert folders == [inputs[name]["LocalPath"] for name in ("candidate", "candidate-2")]


@pytest.mark.parametrize("containers", [0, 16])
def test_a_model_of_no_or_too_many_containers_is_refused(
    pipeline: Pipeline, containers: int
) -> None:
    chain = ["s3://b/model.tar.gz"] * containers
    pipeline.register("register", chain)
    pipeline.judgement("evaluate", rows="s3://rows/", champion="s3://champion/", candidate=chain)
    with pytest.raises(DefinitionError) as caught:
        pipeline.definition()
    assert f"{containers} artifacts" in str(caught.value)
    assert "a model has 1 to 15 containers" in str(caught.value)
    assert "1 to 7 containers can be judged: a processing job has 10 inputs" in str(caught.value)


def test_branch_steps_stand_in_the_gate_and_nowhere_else(pipeline: Pipeline) -> None:
    score = pipeline.number("Score", default=1)
    train = pipeline.training("train", "steps/train.py", channels={})
    register = pipeline.register("register", train.model)
    pipeline.gate("good", score >= 0.5, then=register, otherwise=[pipeline.halt("bad")])

    top = pipeline.definition()["Steps"]

    assert [step["Name"] for step in top] == ["train", "good"]
    branches = top[1]["Arguments"]
    assert [step["Name"] for step in branches["IfSteps"]] == ["register"]
    assert [step["Name"] for step in branches["ElseSteps"]] == ["halt"]


def test_a_halt_joins_its_message_by_spaces(pipeline: Pipeline, step_of: StepOf) -> None:
    score = pipeline.number("Score", default=1)
    pipeline.halt("score", score, "is too low")

    assert step_of(pipeline, "halt") == {
        "Name": "halt",
        "Type": "Fail",
        "Arguments": {
            "ErrorMessage": {
                "Std:Join": {
                    "On": " ",
                    "Values": ["score", {"Get": "Parameters.Score"}, "is too low"],
                }
            }
        },
    }


def test_a_raw_step_stands_in_sagemakers_own_words(pipeline: Pipeline, step_of: StepOf) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    pipeline.step(
        "wait",
        "Callback",
        {"model": train.model},
        SqsQueueUrl="https://sqs.us-east-1.amazonaws.com/111122223333/people",
        OutputParameters=[{"OutputName": "verdict", "OutputType": "String"}],
        depends_on=[train],
    )

    assert step_of(pipeline, "wait") == {
        "Name": "wait",
        "Type": "Callback",
        "Arguments": {"model": {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}},
        "DependsOn": ["train"],
        "SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/people",
        "OutputParameters": [{"OutputName": "verdict", "OutputType": "String"}],
    }


def test_a_pasted_reference_is_as_good_as_one_of_ours(pipeline: Pipeline, step_of: StepOf) -> None:
    pipeline.training("train", "steps/train.py", channels={})
    model = {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    image = pipeline.ctx.image
    pipeline.step(
        "model",
        "Model",
        {
            "ExecutionRoleArn": pipeline.ctx.role_arn,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": model},
        },
    )

    assert step_of(pipeline, "model")["Arguments"]["PrimaryContainer"]["ModelDataUrl"] == model


def test_every_job_carries_the_tags_its_cost_is_told_apart_by(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=[])
    pipeline.training("train", "steps/train.py", channels={})
    transform = {
        "ModelName": "m",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://b/o"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    pipeline.step("score", "Transform", transform)

    for name in ("prepare", "train", "score"):
        given = {tag["Key"]: tag["Value"] for tag in step_of(pipeline, name)["Arguments"]["Tags"]}
        assert given == {
            "project": "flights",
            "model": "flights",
            "environment": "dev",
            "owner": "ml-platform",
            "cost-center": "ml-0001",
            "pipeline": "flights-dev-trial",
            "step": name,
            "experiment": {"Get": "Parameters.Experiment"},
            "run": {"Get": "Execution.PipelineExecutionId"},
        }
        assert tuple(given) == tags.ON_STEPS


def test_a_steps_own_tag_wins_over_the_common_one(pipeline: Pipeline, step_of: StepOf) -> None:
    own = [{"Key": "owner", "Value": "another team"}]
    pipeline.training("train", "steps/train.py", channels={}, job={"Tags": own})

    given = step_of(pipeline, "train")["Arguments"]["Tags"]

    assert [tag["Value"] for tag in given if tag["Key"] == "owner"] == ["another team"]
    assert len(given) == len(tags.ON_STEPS)


def test_caching_follows_the_settings_unless_a_step_says_otherwise(
    ctx: Context, step_of: StepOf
) -> None:
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, cache_expire_after="P9D")))
    p.training("train", "steps/train.py", channels={})
    p.training("week", "steps/train.py", channels={}, cache="P7D", compute=ComputeSettings())
    p.training("never", "steps/train.py", channels={}, cache="", compute=ComputeSettings())

    assert step_of(p, "train")["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P9D"}
    assert step_of(p, "week")["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P7D"}
    assert "CacheConfig" not in step_of(p, "never")


def test_caching_is_off_everywhere_when_the_settings_turn_it_off(
    ctx: Context, step_of: StepOf
) -> None:
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, cache_expire_after="")))
    p.training("train", "steps/train.py", channels={})

    assert "CacheConfig" not in step_of(p, "train")


def test_jobs_are_retried_for_the_platforms_faults_only(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    pipeline.training("train", "steps/train.py", channels={})

    assert step_of(pipeline, "train")["RetryPolicies"] == [
        {
            "ExceptionType": [
                "SageMaker.JOB_INTERNAL_ERROR",
                "SageMaker.CAPACITY_ERROR",
                "SageMaker.RESOURCE_LIMIT",
            ],
            "IntervalSeconds": 60,
            "BackoffRate": 2.0,
            "MaxAttempts": 5,
        }
    ]


def test_a_retry_policy_may_end_after_a_time(pipeline: Pipeline, step_of: StepOf) -> None:
    policy = RetryPolicy(on=["Step.THROTTLING"], interval_seconds=5, expire_after_minutes=30)
    pipeline.training("train", "steps/train.py", channels={}, retries=[policy])

    (written,) = step_of(pipeline, "train")["RetryPolicies"]

    assert written["ExpireAfterMin"] == 30
    assert "MaxAttempts" not in written


@pytest.mark.parametrize(
    "write",
    [
        lambda p: p.training("train", "steps/train.py", channels={}, cach=""),
        lambda p: p.container("own", "image:1", timeout=3),
        lambda p: p.automl("auto", data="s3://b/d", target="y", compute=ComputeSettings()),
        lambda p: p.quality_check("check", data="s3://b/d", retries=[]),
        lambda p: p.endpoint("serve", config="c", endpoint_name="e", cache=""),
        lambda p: p.baseline("base", of="s3://b/d", compute=ComputeSettings()),
    ],
)
def test_a_keyword_argument_that_a_helper_does_not_have_is_refused_at_once(
    pipeline: Pipeline, write: Callable[[Any], Any]
) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument '"):
        write(pipeline)


def test_a_job_is_tried_again_for_faults_of_the_platform_and_nothing_else_is(
    pipeline: Pipeline,
) -> None:
    train = pipeline.training("train", "steps/train.py", channels={}, compute=ComputeSettings())
    model = pipeline.model("model", artifact=train.model)
    never = pipeline.training(
        "never", "steps/train.py", channels={}, compute=ComputeSettings(), retries=()
    )
    check = pipeline.quality_check("check", data=pipeline.string("Data"), skip=True)
    assert [len(step.retries) for step in (train, model, never, check)] == [1, 0, 0, 0]
