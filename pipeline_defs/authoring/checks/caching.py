"""Can a cached step's result be trusted, and can it be found again?

SageMaker takes a step's result from an earlier run when certain of its arguments have equal values:
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html. Values, not contents:
a literal URI stays equal when the bytes behind it change, and a run's id never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline_defs.authoring.checks.document import Placed, is_variable, placed_steps, variables
from pipeline_defs.authoring.errors import Problem, a
from pipeline_defs.authoring.variables import Immutable

_Selection = Mapping[str, Any]
_ALL: _Selection = {}
_TUNED = {
    "AlgorithmSpecification": _ALL,
    "HyperParameterRanges": _ALL,
    "InputDataConfig": _ALL,
    "StaticHyperParameters": _ALL,
    "TuningObjective": _ALL,
}
_CHECK = {"AppSpecification": _ALL, "Environment": _ALL, "ProcessingInputs": _ALL}

CACHE_KEYS: Mapping[str, _Selection] = {
    "Processing": {"AppSpecification": _ALL, "Environment": _ALL, "ProcessingInputs": _ALL},
    "Training": {
        "AlgorithmSpecification": _ALL,
        "CheckpointConfig": _ALL,
        "DebugHookConfig": _ALL,
        "DebugRuleConfigurations": _ALL,
        "Environment": _ALL,
        "HyperParameters": _ALL,
        "InputDataConfig": _ALL,
    },
    "Tuning": {
        "HyperParameterTuningJobConfig": _ALL,
        "TrainingJobDefinition": _TUNED,
        "TrainingJobDefinitions": _ALL,
    },
    "AutoML": {
        "AutoMLJobConfig": {
            "CompletionCriteria": _ALL,
            "CandidateGenerationConfig": _ALL,
            "DataSplitConfig": _ALL,
            "Mode": _ALL,
        },
        "AutoMLJobObjective": _ALL,
        "InputDataConfig": _ALL,
        "ProblemType": _ALL,
    },
    "Transform": {
        "DataProcessing": _ALL,
        "Environment": _ALL,
        "ModelName": _ALL,
        "TransformInput": _ALL,
    },
    "ClarifyCheck": _CHECK,
    "QualityCheck": _CHECK,
    "EMR": {"ClusterId": _ALL, "StepConfig": _ALL},
}
"""Step type → the arguments of its cache key; a nested selection where only parts count."""

_VARIES = re.compile(
    r"Execution\.(StartDateTime|CurrentDateTime|PipelineExecutionId|PipelineExecutionArn"
    r"|TrainingJobName|ProcessingJobName)"
)
_DIGEST = re.compile(r"(?<![0-9a-fA-F])([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-fA-F])")
_PERIOD = re.compile(r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    for placed in placed_steps(definition):
        config = placed.step.get("CacheConfig", {})
        if not config.get("Enabled"):
            continue
        selection = CACHE_KEYS.get(placed.type)
        if selection is None:
            yield Problem(
                step=placed.name,
                argument="cache",
                value=config.get("ExpireAfter"),
                expected=f"{a(placed.type)} step is never cached",
                fix=f"remove it (cached are: {', '.join(CACHE_KEYS)})",
            )
            continue
        if not _PERIOD.fullmatch(str(config.get("ExpireAfter", ""))):
            yield Problem(
                step=placed.name,
                argument="cache",
                value=config.get("ExpireAfter"),
                expected="it is no ISO 8601 period",
                fix='write it as "P30D" or "PT12H"',
            )
        yield from _key(placed, selection)


def _key(placed: Placed, selection: _Selection) -> Iterator[Problem]:
    for path, value in _selected(placed.step.get("Arguments", {}), selection, ""):
        for inside, got in variables(value, path):
            if _VARIES.fullmatch(got):
                yield Problem(
                    step=placed.name,
                    argument=inside,
                    value=got,
                    expected="it differs in every run, so the cached step would never be a hit",
                    fix='take it out of the step\'s inputs, or say cache=""',
                )
        for inside, uri in _literal_uris(value, path):
            yield Problem(
                step=placed.name,
                argument=inside,
                value=str(uri),
                expected="a literal URI without a digest stays the same when its content changes: "
                "the cached step would go on giving old results",
                fix="make it a parameter, name it by the digest of its content, "
                'wrap it in immutable(…) if it is never written again, or say cache=""',
            )


def _selected(value: Any, selection: _Selection, path: str) -> Iterator[tuple[str, Any]]:
    if not selection or not isinstance(value, Mapping) or is_variable(value):
        yield path, value
        return
    for name, below in selection.items():
        if name in value:
            yield from _selected(value[name], below, f"{path}.{name}".removeprefix("."))


def _literal_uris(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """S3 URIs that are spelled out whole, and have nothing in them that tells their content."""
    if isinstance(value, str):
        spelled_out = value.startswith("s3://") and not _DIGEST.search(value)
        if spelled_out and not isinstance(value, Immutable):
            yield path, value
    elif is_variable(value):
        parts = value.get("Std:Join", {}).get("Values", ())
        # A join of literals alone is a literal; any reference in it is something that can change.
        if parts and all(isinstance(part, str) for part in parts):
            yield from _literal_uris(str(value["Std:Join"].get("On", "")).join(parts), path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _literal_uris(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _literal_uris(item, f"{path}[{index}]")
