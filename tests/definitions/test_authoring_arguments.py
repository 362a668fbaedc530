"""Arguments are held against the service model: what is wrong is named with its place and fix."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import botocore.loaders
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from ratchet.authoring import Context, DefinitionError, Pipeline, join
from ratchet.authoring.checks import check
from ratchet.definition import service_model
from ratchet.definition.step_types import STEP_TYPES
from ratchet.settings.schema import ComputeSettings

Problems = Callable[[Pipeline], list[str]]

TRAINING: Mapping[str, Any] = {
    "RoleArn": "arn:aws:iam::111122223333:role/r",
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image:1"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def laid_over(path: str, value: Any) -> dict[str, Any]:
    """The training arguments with one changed, or taken away when the value is ..."""
    whole: dict[str, Any] = {
        key: dict(item) if isinstance(item, Mapping) else item for key, item in TRAINING.items()
    }
    *parents, last = path.split(".")
    here = whole
    for parent in parents:
        here = here[parent]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "RoleArn",
            ...,
            "step 'fit', RoleArn: it is required; add it",
        ),
        (
            "ResourceConfig.InstanceType",
            "ml.m5.lagre",
            "step 'fit', ResourceConfig.InstanceType = 'ml.m5.lagre': SageMaker knows no such "
            "value; did you mean 'ml.m5.large'?",
        ),
        (
            "ResourceConfig.InstanceCount",
            "2",
            "step 'fit', ResourceConfig.InstanceCount = '2': expected an integer, got a str; "
            "change it",
        ),
        (
            "ResourceConfig.InstanceCount",
            True,
            "step 'fit', ResourceConfig.InstanceCount = True: expected an integer, got a bool; "
            "change it",
        ),
        (
            "ResourceConfig.VolumeSizeInGB",
            -1,
            "step 'fit', ResourceConfig.VolumeSizeInGB = -1: it must be at least 0; change it",
        ),
        (
            "StoppingCondition.MaxRuntimeInSecond",
            60,
            "step 'fit', StoppingCondition.MaxRuntimeInSecond = 60: there is no such argument; "
            "did you mean 'MaxRuntimeInSeconds'?",
        ),
        (
            "OutputDataConfig.S3OutputPath",
            "bucket/out",
            "step 'fit', OutputDataConfig.S3OutputPath = 'bucket/out': it must match "
            "(https|s3)://([^/]+)/?(.*); write it as s3://<bucket>/<key>",
        ),
        (
            "HyperParameters",
            {"depth": 6},
            "step 'fit', HyperParameters['depth'] = 6: expected a string, got an int; "
            "write it as text",
        ),
        (
            "Environment",
            {"9LIVES": "yes"},
            "step 'fit', the key in Environment = '9LIVES': it must match "
            "[a-zA-Z_][a-zA-Z0-9_]*; rewrite it",
        ),
        (
            "InputDataConfig",
            [],
            "step 'fit', InputDataConfig = []: it has 0 items and needs at least 1; add to it",
        ),
        (
            "OutputDataConfig.S3OutputPath",
            None,
            "step 'fit', OutputDataConfig.S3OutputPath: SageMaker ignores null; "
            "leave the argument out",
        ),
        (
            "OutputDataConfig.S3OutputPath",
            {"a", "b"},
            "a set cannot be written as JSON",
        ),
        (
            "HyperParameters",
            {"eta": float("nan")},
            "step 'fit', HyperParameters.eta = nan: JSON has no such number",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_its_step_value_and_fix(
    pipeline: Pipeline, problems: Problems, path: str, value: Any, expected: str
) -> None:
    pipeline.step("fit", "Training", laid_over(path, value))

    assert any(expected in problem for problem in problems(pipeline)), problems(pipeline)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("HyperParameters", {f"h{n}": "1" for n in range(101)}, "101 entries, and SageMaker"),
        ("HyperParameters", {"long": "x" * 2501}, "2501 characters, and SageMaker takes at most"),
        ("Tags", [{"Key": f"k{n}", "Value": "v"} for n in range(42)], "51 items, and SageMaker"),
        ("Tags", [{"Key": "k", "Value": "v" * 257}], "257 characters, and SageMaker"),
        ("Tags", [{"Key": "k", "Value": "a;b"}], "it must match ([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)"),
    ],
)
def test_the_services_lengths_hold(
    pipeline: Pipeline, problems: Problems, path: str, value: Any, expected: str
) -> None:
    pipeline.step("fit", "Training", laid_over(path, value))

    (problem,) = problems(pipeline)

    assert expected in problem


def test_processing_arguments_and_environment_hold_at_most_256_characters(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.processing(
        "prepare",
        "steps/prepare.py",
        inputs={},
        outputs=[],
        arguments=["x" * 257],
        environment={"LONG": "x" * 257},
    )

    found = problems(pipeline)

    assert [problem.split(" = ")[0] for problem in found] == [
        "step 'prepare', AppSpecification.ContainerArguments[0]",
        "step 'prepare', Environment['LONG']",
    ]
    assert all("257 characters, and SageMaker takes at most 256" in problem for problem in found)
    assert all("…" in problem for problem in found), "a long value is shown shortened"


def test_letters_of_every_language_pass_where_the_service_takes_letters(
    pipeline: Pipeline,
) -> None:
    tag = [{"Key": "büro", "Value": "Zürich 東京"}]
    pipeline.step("fit", "Training", laid_over("Tags", tag))

    assert pipeline.definition()


def test_all_problems_are_reported_together_in_the_order_of_the_steps(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.string("Unused")
    pipeline.training("first", "steps/train.py", channels={})
    pipeline.training("second", "steps/missing.py", channels={"a b": "s3://bucket/data"})

    found = problems(pipeline)

    assert [problem.split(":")[0] for problem in found] == [
        "parameter 'Unused'",
        "step 'second', script = 'steps/missing.py'",
        "step 'second', InputDataConfig[0].ChannelName = 'a b'",
        "step 'second', InputDataConfig[0].DataSource.S3DataSource.S3Uri = 's3",
    ]


def test_the_message_counts_and_lists_the_problems(pipeline: Pipeline) -> None:
    pipeline.step("fit", "Training", laid_over("RoleArn", ...))
    pipeline.string("Unused")

    with pytest.raises(DefinitionError) as refused:
        pipeline.definition()

    lines = str(refused.value).splitlines()
    assert lines[0] == "pipeline 'flights-dev-trial' has 2 problems:"
    assert all(line.startswith("  - ") for line in lines[1:])
    assert refused.value.problems[1].step == "fit"


def test_a_number_parameter_where_text_is_wanted_says_to_join_it(
    pipeline: Pipeline, problems: Problems
) -> None:
    rounds = pipeline.integer("Rounds", default=3)
    pipeline.step("fit", "Training", laid_over("HyperParameters", {"rounds": rounds}))

    (problem,) = problems(pipeline)

    assert "expected a String, and this is an Integer; wrap it in join(…)" in problem
    again = Pipeline("trial", pipeline.ctx)
    rounds = again.integer("Rounds", default=3)
    again.step("fit", "Training", laid_over("HyperParameters", {"rounds": join(rounds)}))
    assert again.definition()


def test_a_text_parameter_where_a_number_is_wanted_is_refused(
    pipeline: Pipeline, problems: Problems
) -> None:
    count = pipeline.string("Count", default="2")
    pipeline.step("fit", "Training", laid_over("ResourceConfig.InstanceCount", count))

    (problem,) = problems(pipeline)

    assert "expected an Integer, and this is a String" in problem


def test_a_join_is_text_whatever_it_joins(pipeline: Pipeline, problems: Problems) -> None:
    count = join(pipeline.integer("Count", default=2))
    pipeline.step("fit", "Training", laid_over("ResourceConfig.InstanceCount", count))

    (problem,) = problems(pipeline)

    assert "expected an Integer, and this is a String" in problem


def test_an_integer_parameter_may_set_an_integer_argument(pipeline: Pipeline) -> None:
    count = pipeline.integer("Count", default=2)
    pipeline.step("fit", "Training", laid_over("ResourceConfig.InstanceCount", count))

    assert pipeline.definition()


def test_a_property_that_is_a_structure_is_refused_as_a_value(
    pipeline: Pipeline, problems: Problems
) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    pipeline.training(
        "again",
        "steps/train.py",
        channels={"model": train.properties.ModelArtifacts},
        compute=ComputeSettings(),
    )

    (problem,) = problems(pipeline)

    assert "this is a structure; go on to one of its members" in problem


def test_a_step_passed_instead_of_its_output_is_named(
    pipeline: Pipeline, problems: Problems
) -> None:
    prepare = pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=["train"])
    pipeline.training("train", "steps/train.py", channels={"train": prepare})  # type: ignore[dict-item]

    (problem,) = problems(pipeline)

    assert "a ProcessingStep cannot be written as JSON" in problem
    assert "step.outputs[…]" in problem


TOKEN = "${Token[TOKEN.123]}"


def test_cdk_tokens_pass_through_unchanged(ctx: Context) -> None:
    p = Pipeline(
        "trial",
        replace(
            ctx,
            role_arn=TOKEN,
            artifacts_uri=f"s3://{TOKEN}",
            code_uri=f"s3://{TOKEN}",
            functions=replace(ctx.functions, resolve_champion=TOKEN),
        ),
    )
    data = p.string("Data", default=f"s3://{TOKEN}/raw/")
    p.processing("prepare", "steps/prepare.py", inputs={"raw": data}, outputs=["train"])
    p.invoke("champion", p.ctx.functions.resolve_champion, returns=["model_uri"])

    written = p.to_json()

    assert f'"RoleArn":"{TOKEN}"' in written
    assert f'"s3://{TOKEN}/{p.bundles[0].digest}.gz"' in written
    assert f'"FunctionArn":"{TOKEN}"' in written


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ResourceConfig.InstanceType", TOKEN),
        ("ResourceConfig.InstanceCount", -1.8881545897087626e289),
        ("OutputDataConfig.S3OutputPath", TOKEN),
        ("OutputDataConfig.KmsKeyId", TOKEN),
        ("VpcConfig", {"SecurityGroupIds": ["#{Token[TOKEN.7]}"], "Subnets": ["subnet-1"]}),
        ("HyperParameters", {"x": f"{TOKEN}" + "x" * 3000}),
    ],
)
def test_nothing_is_said_of_what_cdk_fills_in_later(
    pipeline: Pipeline, path: str, value: Any
) -> None:
    pipeline.step("fit", "Training", laid_over(path, value))

    assert pipeline.definition()


def test_every_step_type_is_one_that_botocore_knows() -> None:
    operations = service_model.operations()

    for name, row in STEP_TYPES.items():
        for operation in filter(None, (row.create, *row.describes)):
            assert operation in operations, name


def test_every_pattern_of_the_model_is_understood_or_left_alone() -> None:
    patterns = {s["pattern"] for s in service_model._model()["shapes"].values() if "pattern" in s}
    understood = [pattern for pattern in patterns if service_model.pattern(pattern)]

    assert len(understood) > 0.95 * len(patterns)


def strings_of_the_model(words: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*words, "", "x", 1, -5, True, 0.5, [], {}, ["a"], {"Key": "v"}])


@cache
def botocore_model() -> ServiceModel:
    loader = botocore.loaders.create_loader()
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


@given(st.data())
def test_whatever_botocore_refuses_is_refused(data: st.DataObject) -> None:
    # botocore's validator checks required, unknown and type; ours goes on to enums and patterns.
    members = service_model.create_shape("Training")
    assert members is not None
    name = data.draw(st.sampled_from(sorted(members["members"])))
    value = data.draw(strings_of_the_model(["File", "ml.m5.large", "s3://bucket/key"]))
    arguments = {**TRAINING, name: value}
    shape = botocore_model().operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    refused = ParamValidator().validate({**arguments, "TrainingJobName": "job"}, shape).has_errors()
    step = {"Name": "fit", "Type": "Training", "Arguments": arguments}

    found = check({"Parameters": [], "Steps": [step]}, name="p")

    assert found or not refused


def test_authoring_needs_neither_botocores_modules_nor_the_cdk() -> None:
    # Both take longer to import than a whole definition takes to make.
    code = (
        "import sys, pipeline_defs; print([m for m in sys.modules if m in ('botocore', 'aws_cdk')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
