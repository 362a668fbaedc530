"""What may stand in a cached step's key, and what SageMaker would not notice there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ratchet.authoring import Pipeline, execution, immutable, join

Problems = Callable[[Pipeline], list[str]]

DIGEST = "0123456789abcdef" * 4


def prepared(p: Pipeline, raw: Any, **more: Any) -> Pipeline:
    p.processing("prepare", "steps/prepare.py", inputs={"raw": raw}, outputs=["train"], **more)
    return p


@pytest.mark.parametrize(
    "variable",
    [
        execution.id,
        execution.arn,
        execution.start_datetime,
        execution.current_datetime,
        execution.processing_job_name,
    ],
    ids=lambda variable: variable.name,
)
def test_what_differs_in_every_run_is_refused_in_a_cached_steps_key(
    pipeline: Pipeline, problems: Problems, variable: Any
) -> None:
    prepared(pipeline, join("s3://bucket", variable, on="/"), environment={"STAMP": variable})

    found = problems(pipeline)

    assert [problem.split(" = ")[0] for problem in found] == [
        "step 'prepare', Environment.STAMP",
        "step 'prepare', ProcessingInputs[1].S3Input.S3Uri",
    ]
    assert all("it differs in every run" in problem for problem in found)
    assert all('or set cache=""' in problem for problem in found)


def test_the_pipelines_own_name_may_stand_in_a_key(pipeline: Pipeline) -> None:
    raw = pipeline.string("Raw")
    prepared(pipeline, join(raw, execution.pipeline_name, on="/"))

    assert pipeline.definition()


def test_the_runs_id_may_stand_in_tags_and_outputs(pipeline: Pipeline) -> None:
    prepared(pipeline, pipeline.string("Raw"))

    text = pipeline.to_json()

    assert text.count("Execution.PipelineExecutionId") == 3  # trial, tag, output


def test_an_uncached_step_may_use_the_runs_id_and_any_uri(pipeline: Pipeline) -> None:
    prepared(pipeline, "s3://bucket/raw/", environment={"RUN": execution.id}, cache="")

    assert pipeline.definition()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/raw/",
        "s3://bucket/raw/2013-01/flights.csv",
        "s3://${Token[TOKEN.5]}/raw/",
        join("s3://bucket", "raw", on="/"),
        f"s3://bucket/{DIGEST[:31]}",
    ],
    ids=repr,
)
def test_a_literal_uri_without_a_digest_is_refused_in_a_cached_steps_key(
    pipeline: Pipeline, problems: Problems, uri: Any
) -> None:
    prepared(pipeline, uri)

    (problem,) = problems(pipeline)

    assert problem.startswith("step 'prepare', ProcessingInputs[1].S3Input.S3Uri = 's3://")
    assert "would keep its old result" in problem
    assert "immutable(…)" in problem


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://bucket/manifests/{DIGEST}/manifest.json",
        f"s3://bucket/{DIGEST[:40]}.gz",
        f"s3://${{Token[TOKEN.5]}}/{DIGEST}.gz",
        immutable("s3://bucket/raw/2013-01/"),
        "${Token[TOKEN.5]}",
    ],
)
def test_a_uri_whose_content_is_fixed_may_stand_in_a_key(pipeline: Pipeline, uri: Any) -> None:
    prepared(pipeline, uri)

    assert pipeline.definition()


def test_an_immutable_uri_is_written_as_plain_text(pipeline: Pipeline) -> None:
    prepared(pipeline, immutable("s3://bucket/raw/2013-01/"))

    assert '"S3Uri":"s3://bucket/raw/2013-01/"' in pipeline.to_json()


def test_a_uri_among_hyperparameters_counts_too(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.training(
        "train", "steps/train.py", channels={}, hyperparameters={"warm_start": "s3://b/model"}
    )

    (problem,) = problems(pipeline)

    assert "step 'train', HyperParameters.warm_start = 's3://b/model'" in problem


def test_parameters_and_properties_may_stand_in_a_key(pipeline: Pipeline) -> None:
    prepare = pipeline.processing(
        "prepare",
        "steps/prepare.py",
        inputs={"raw": pipeline.string("Raw", default="s3://bucket/raw/")},
        outputs=["train"],
    )
    pipeline.training("train", "steps/train.py", channels={"train": prepare.outputs["train"]})

    assert pipeline.definition()


def test_only_parts_of_a_tuning_jobs_definition_are_its_key(
    pipeline: Pipeline, problems: Problems
) -> None:
    trained = {
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image:1"},
        "RoleArn": pipeline.ctx.role_arn,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 9},
        "StaticHyperParameters": {"warm_start": "s3://bucket/model"},
    }
    config = {
        "Strategy": "Random",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
    }
    pipeline.step(
        "tune",
        "Tuning",
        {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": trained},
        cache="P1D",
    )

    (problem,) = problems(pipeline)

    assert "TrainingJobDefinition.StaticHyperParameters.warm_start" in problem


def test_a_step_that_is_never_cached_cannot_be(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.step("wait", "Callback", {}, cache="P1D", SqsQueueUrl="https://queue")

    (problem,) = problems(pipeline)

    assert "step 'wait', cache = 'P1D': a Callback step is never cached; remove it" in problem


@pytest.mark.parametrize("period", ["30d", "P", "PT", "P1W", "30", "P1DT"])
def test_a_period_that_is_none_is_refused(
    pipeline: Pipeline, problems: Problems, period: str
) -> None:
    prepared(pipeline, pipeline.string("Raw"), cache=period)

    (problem,) = problems(pipeline)

    assert f"cache = {period!r}: it is no ISO 8601 period; write it as" in problem


@pytest.mark.parametrize("period", ["P30D", "PT12H", "P1DT2H30M", "PT90M"])
def test_a_period_may_hold_days_and_hours(pipeline: Pipeline, period: str) -> None:
    prepared(pipeline, pipeline.string("Raw"), cache=period)

    assert pipeline.definition()
