"""What the runner does with a step's type is what the table of step types says."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.definition.cache_keys import compared as compared_in
from ratchet.definition.document import read
from ratchet.definition.expressions import Leaf, leaves
from ratchet.definition.rewriting import rewritten
from ratchet.definition.row import StepType
from ratchet.definition.step_types import STEP_TYPES
from ratchet.runner import CannotRunError, validate
from ratchet.runner.cache_key import CacheKey, compared
from ratchet.runner.step_types import RUNNERS
from tests.runner.workbench import definition, get, invoke, processing, python

ROWS = pytest.mark.parametrize("row", STEP_TYPES.values(), ids=lambda row: row.name)
S3 = {"S3Uri": "s3://data/x/", "S3DataType": "S3Prefix"}
TRAINED = {
    "AlgorithmSpecification": {
        "TrainingImage": "i",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "x"}],
    },
    "InputDataConfig": [
        {"ChannelName": "train", "ContentType": "csv", "DataSource": {"S3DataSource": S3}}
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://out/x"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "CheckpointConfig": {"S3Uri": "s3://out/checkpoints"},
    "Environment": {"A": "b"},
    "RoleArn": "r",
}
TUNED = {
    **{key: TRAINED[key] for key in TRAINED if key != "Environment"},
    "Environment": {"A": "b"},
    "StaticHyperParameters": {"sagemaker_submit_directory": "s3://code/x.tar.gz"},
    "HyperParameterRanges": {"CategoricalParameterRanges": [{"Name": "a", "Values": ["1"]}]},
    "TuningObjective": {"Type": "Minimize", "MetricName": "loss"},
}
TUNING = {
    "Strategy": "Grid",
    "ResourceLimits": {"MaxParallelTrainingJobs": 1},
    "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
}
PROCESSED = {
    "AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["python", "x.py"]},
    "Environment": {"A": "b"},
    "ProcessingInputs": [
        {
            "InputName": "code",
            "AppManaged": False,
            "S3Input": {**S3, "LocalPath": "/opt/ml/processing/x"},
        }
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "o",
                "S3Output": {"S3Uri": "s3://out/x", "LocalPath": "/opt/ml/processing/y"},
            }
        ]
    },
    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large"}},
    "RoleArn": "r",
}
SAMPLES: list[dict[str, Any]] = [
    {"Type": "Processing", "Arguments": PROCESSED},
    {
        "Type": "QualityCheck",
        "Arguments": PROCESSED,
        "CheckType": "DATA_QUALITY",
        "ModelPackageGroupName": "flights",
        "SuppliedBaselineStatistics": "s3://old/statistics.json",
        "FailOnViolation": True,
        "DisplayName": "Quality",
    },
    {
        "Type": "Training",
        "Arguments": {
            **TRAINED,
            "HyperParameters": {"sagemaker_submit_directory": "s3://code/x.tar.gz", "depth": "3"},
        },
    },
    {
        "Type": "Tuning",
        "Arguments": {"HyperParameterTuningJobConfig": TUNING, "TrainingJobDefinition": TUNED},
    },
    {
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": TUNING,
            "TrainingJobDefinitions": [{**TUNED, "DefinitionName": "one"}],
        },
    },
    {
        "Type": "Transform",
        "Arguments": {
            "ModelName": "m",
            "Environment": {"A": "b"},
            "BatchStrategy": "SingleRecord",
            "DataProcessing": {"JoinSource": "None"},
            "TransformInput": {"ContentType": "text/csv", "DataSource": {"S3DataSource": S3}},
            "TransformOutput": {"S3OutputPath": "s3://out/x"},
            "TransformResources": {"InstanceType": "ml.m5.large"},
        },
    },
]


def key_of(body: dict[str, Any]) -> CacheKey:
    """As the runner makes it of arguments that refer to nothing."""
    row = STEP_TYPES[body["Type"]]
    settings = {key: body[key] for key in row.cache_key_beside if key in body}
    cache_key = RUNNERS[row.name].cache_key
    assert cache_key is not None
    return cache_key(compared({**body["Arguments"], **settings}, row))


def changed(leaf: Leaf) -> Any:
    if isinstance(leaf.value, bool):
        return not leaf.value
    return leaf.value + 1 if isinstance(leaf.value, int) else f"{leaf.value}x"


def changes_key(sample: dict[str, Any], leaf: Leaf) -> bool:
    return key_of(rewritten(sample, {leaf.keys: changed(leaf)})) != key_of(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["Type"])
def test_a_cached_step_runs_again_for_what_the_table_says_and_nothing_else(
    sample: dict[str, Any],
) -> None:
    (step,) = read({"Steps": [{"Name": "s", **sample}]}).steps
    selected = [leaf.keys for leaf in compared_in(step)]
    places = [leaf for leaf in leaves(sample) if leaf.place != "Type"]
    assert {leaf.place for leaf in places if changes_key(sample, leaf)} == {
        leaf.place for leaf in places if any(leaf.keys[: len(keys)] == keys for keys in selected)
    }


@ROWS
def test_a_type_runs_here_or_the_table_says_why_not(row: StepType) -> None:
    assert (row.name in RUNNERS) is (not row.aws_only)


@ROWS
def test_the_types_with_a_cache_key_are_those_that_the_runner_caches(row: StepType) -> None:
    if row.name in RUNNERS:
        assert (RUNNERS[row.name].cache_key is not None) is row.is_cached


@ROWS
def test_a_step_takes_retry_policies_where_its_type_does(row: StepType) -> None:
    policy = {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2}
    step = {"Name": "s", "Type": row.name, "Arguments": {}, "RetryPolicies": [policy]}
    refusals: list[str] = []
    try:
        validate({"Steps": [step]}, stand_ins=None)
    except CannotRunError as refused:
        refusals = [v.message for v in refused.violations if v.place == "Steps[0].RetryPolicies"]
    expected = [] if row.is_retryable else [f"a {row.name} step takes no retry policy"]
    assert refusals == expected


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("Steps.check.CalculatedBaselineConstraints", None),
        ('Steps.look.OutputParameters["x"]', None),
        ("Steps.check.ViolationReport", "has CalculatedBaselineStatistics, "),
        ("Steps.check a.Outcome", "cannot be read from ' a.Outcome' on"),
        ("Steps.gate.Outcome", None),
        ("Steps.gate.Result", "a Condition step has Outcome only"),
        ("Steps.halt.ErrorMessage", "a Fail step has no properties"),
    ],
)
def test_a_reference_leads_to_what_the_table_says_that_a_step_has(
    reference: str, fault: str | None
) -> None:
    condition = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    steps = [
        {"Name": "check", **SAMPLES[1]},
        {"Name": "gate", "Type": "Condition", "Arguments": {"Conditions": [condition]}},
        {"Name": "halt", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}},
        invoke("look", {"x": "String"}),
        processing("user", python("pass"), environment={"X": get(reference)}),
    ]
    try:
        validate(definition(*steps))
        message = None
    except CannotRunError as refused:
        (message,) = (violation.message for violation in refused.violations)
    assert (fault or "") in (message or "")
    assert (message is None) is (fault is None)
