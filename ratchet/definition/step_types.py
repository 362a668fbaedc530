"""The step types: one row for each, with everything that more than one place knows of it.

A row is data. Code that a type needs stands beside the table under the type's name: a runner in
`ratchet/runner/step_types`, what a role needs by its arguments in `ratchet/permissions`, a
helper in `ratchet/authoring`. What follows from a row is derived where it is needed:
operations and members of the API, permissions, log groups, billing, the cache key.

Types and keys: the SageMaker SDK's `workflow/steps.py` and what it writes. Cache keys: developer
guide, "Default cache key attributes by pipeline step type". Retries: "Retry Policy for Pipeline
Steps". Metadata: botocore, `PipelineExecutionStepMetadata`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.definition import resources
from ratchet.definition.grants import FIND_BASELINES, FIND_TRAININGS, MAKE_MODELS
from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, TUNING_JOB
from ratchet.definition.row import ALL, Beside, Properties, Selection, StepType

_PROCESSED: Selection = {"AppSpecification": ALL, "Environment": ALL, "ProcessingInputs": ALL}
_CHECK = ("CheckType", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName")
_BASELINES = ("CalculatedBaseline", "BaselineUsedForDriftCheck")
_SEARCHED = ("TrainingJobDefinition", "TrainingJobDefinitions[*]")
_TRAINING_RESULT = "OutputDataConfig.S3OutputPath"
_CHECKPOINTS = "CheckpointConfig.S3Uri"
_TRAINING_LASTING = (
    _CHECKPOINTS,
    "DebugHookConfig.S3OutputPath",
    "ProfilerConfig.S3OutputPath",
    "TensorBoardOutputConfig.S3OutputPath",
)
_SERVED = "endpoints are the serving stack's here"

_ROWS = (
    StepType(
        name="Processing",
        makes=PROCESSING_JOB,
        metadata="ProcessingJob",
        cache_key=_PROCESSED,
        is_retryable=True,
        outputs=("ProcessingOutputConfig.Outputs[*].S3Output.S3Uri",),
    ),
    StepType(
        name="Training",
        makes=TRAINING_JOB,
        metadata="TrainingJob",
        cache_key={
            "AlgorithmSpecification": ALL,
            "CheckpointConfig": ALL,
            "DebugHookConfig": ALL,
            "DebugRuleConfigurations": ALL,
            "Environment": ALL,
            "HyperParameters": ALL,
            "InputDataConfig": ALL,
        },
        is_retryable=True,
        outputs=(_TRAINING_RESULT,),
        lasting_outputs=_TRAINING_LASTING,
    ),
    StepType(
        name="Tuning",
        makes=TUNING_JOB,
        lists="ListTrainingJobsForHyperParameterTuningJob",
        metadata="TuningJob",
        cache_key={
            "HyperParameterTuningJobConfig": ALL,
            "TrainingJobDefinition": {
                "AlgorithmSpecification": ALL,
                "HyperParameterRanges": ALL,
                "InputDataConfig": ALL,
                "StaticHyperParameters": ALL,
                "TuningObjective": ALL,
            },
            "TrainingJobDefinitions": ALL,
        },
        is_retryable=True,
        outputs=tuple(f"{job}.{_TRAINING_RESULT}" for job in _SEARCHED),
        lasting_outputs=tuple(f"{job}.{_CHECKPOINTS}" for job in _SEARCHED),
        grants=(FIND_TRAININGS,),
    ),
    StepType(
        name="AutoML",
        makes=resources.AUTO_ML_JOB,
        metadata="AutoMLJob",
        cache_key={
            "AutoMLJobConfig": {
                "CompletionCriteria": ALL,
                "CandidateGenerationConfig": ALL,
                "DataSplitConfig": ALL,
                "Mode": ALL,
            },
            "AutoMLJobObjective": ALL,
            "InputDataConfig": ALL,
            "ProblemType": ALL,
        },
        is_retryable=True,
        aws_only="SageMaker Autopilot runs on AWS only",
        billed_elsewhere="AutoML chooses its instances itself",
    ),
    StepType(
        name="Transform",
        makes=TRANSFORM_JOB,
        metadata="TransformJob",
        cache_key={"DataProcessing": ALL, "Environment": ALL, "ModelName": ALL}
        | {"TransformInput": ALL},
        is_retryable=True,
        outputs=("TransformOutput.S3OutputPath",),
        grants=(MAKE_MODELS,),
    ),
    StepType(
        name="QualityCheck",
        makes=PROCESSING_JOB,
        metadata_arn="CheckJobArn",
        properties=Properties.LISTED,
        members=tuple(f"{of}{part}" for of in _BASELINES for part in ("Statistics", "Constraints")),
        cache_key=_PROCESSED,
        cache_key_beside=(*_CHECK, "SuppliedBaselineStatistics", "SuppliedBaselineConstraints"),
        grants=(FIND_BASELINES,),
    ),
    StepType(
        name="ClarifyCheck",
        makes=PROCESSING_JOB,
        metadata_arn="CheckJobArn",
        properties=Properties.LISTED,
        members=tuple(f"{of}Constraints" for of in _BASELINES),
        cache_key=_PROCESSED,
        cache_key_beside=(*_CHECK, "SuppliedBaselineConstraints"),
        grants=(FIND_BASELINES,),
        aws_only="the SageMaker Clarify container is on AWS only",
    ),
    StepType(
        name="Job",
        makes=resources.JOB,
        aws_only="its job runs on AWS only",
        billed_elsewhere="what it runs on is in its category's document",
    ),
    StepType(name="Model", makes=resources.MODEL, is_retryable=True, grants=(MAKE_MODELS,)),
    StepType(
        name="RegisterModel",
        makes=resources.MODEL_PACKAGE,
        is_named_by_service=False,
        is_retryable=True,
        is_taggable=False,  # a version has no tags but its group's
    ),
    StepType(
        name="EndpointConfig",
        makes=resources.ENDPOINT_CONFIG,
        is_named_by_service=False,
        lasting_outputs=("DataCaptureConfig.DestinationS3Uri",),
        aws_only=_SERVED,
    ),
    StepType(
        name="Endpoint", makes=resources.ENDPOINT, is_named_by_service=False, aws_only=_SERVED
    ),
    # Known by its metadata only: no document says what its arguments are.
    StepType(name="InferenceComponent", properties=Properties.OPEN, aws_only=_SERVED),
    StepType(
        name="Lambda",
        properties=Properties.DECLARED,
        beside=Beside(key="FunctionArn", argument="function_arn", fix="pass the function's ARN"),
    ),
    StepType(
        name="Callback",
        metadata_arn="",
        properties=Properties.DECLARED,
        beside=Beside(key="SqsQueueUrl", argument="queue_url", fix="pass the queue's URL"),
    ),
    StepType(
        name="EMR",
        metadata_arn="",
        properties=Properties.OPEN,
        cache_key={"ClusterId": ALL, "StepConfig": ALL},
        aws_only="it needs an EMR cluster",
        billed_elsewhere="Amazon EMR bills its cluster",
    ),
    StepType(
        name="EMRServerless",
        metadata_arn="",
        properties=Properties.OPEN,
        aws_only="it needs an EMR Serverless application",
        billed_elsewhere="Amazon EMR bills it",
    ),
    StepType(
        name="Condition",
        metadata_arn="",
        properties=Properties.LISTED,
        members=("Outcome",),
        holds_branches=True,
    ),
    StepType(name="Fail", metadata_arn="", properties=Properties.LISTED, ends_run=True),
    StepType(
        name="Lineage",
        metadata_arn="",
        properties=Properties.OPEN,
        aws_only="SageMaker's lineage store is on AWS only",
    ),
)
STEP_TYPES: Mapping[str, StepType] = {row.name: row for row in _ROWS}

_UNKNOWN: dict[str, StepType] = {}


def row_of(name: str) -> StepType:
    """The row of a step type; of one that is not in the table, a row that claims nothing."""
    row = STEP_TYPES.get(name)
    if row is None:
        row = _UNKNOWN.setdefault(name, StepType(name=name, properties=Properties.OPEN))
    return row


def row_of_metadata(member: str) -> StepType | None:
    """The row of a step that ran, by the member of `PipelineExecutionSteps[].Metadata`."""
    return next((row for row in _ROWS if row.metadata_member == member), None)


def types_with(column: str) -> tuple[str, ...]:
    """Names of the types for which a column of the table says something."""
    return tuple(row.name for row in _ROWS if getattr(row, column) not in (None, "", False, ()))
