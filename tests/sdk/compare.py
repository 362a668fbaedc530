"""Two definitions side by side, argument by argument, and the differences that are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.definition.document import BRANCHES, DefinedStep, read

NOTHING = "∅"

MEANT: Mapping[str, tuple[Any, str]] = {
    r"ProcessingInputs\[\d+\]\.S3Input\.S3CompressionType": ("None", "the API's default"),
    r"ProcessingInputs\[\d+\]\.S3Input\.S3DataDistributionType": (
        "FullyReplicated",
        "the API's default",
    ),
    r"InputDataConfig\[\d+\]\.DataSource\.S3DataSource\.S3DataDistributionType": (
        "FullyReplicated",
        "the API's default",
    ),
    r"InputDataConfig\[\d+\]\.InputMode": ("File", "TrainingInputMode says it for all channels"),
    r"OutputDataConfig\.CompressionType": ("GZIP", "the API's default"),
    r"InferenceSpecification\.Containers\[\d+\]\.Environment\.SAGEMAKER_CONTAINER_LOG_LEVEL": (
        "20",
        "the container's default",
    ),
    r"InferenceSpecification\.Containers\[\d+\]\.Environment\.SAGEMAKER_REGION": (
        "us-east-1",
        "the container knows its region; a version can be deployed in another",
    ),
    r"ModelMetrics\.(Bias|Explainability)": ({}, "empty, so it says nothing"),
    r"SkipModelValidation": ("None", "the API's default"),
}
"""What the SDK writes and we do not: argument → its value there, and why we leave it out."""


def unlike(ours: Mapping[str, Any], sdk: Mapping[str, Any]) -> list[str]:
    """Every difference that is not meant: `step argument: ours | the SDK's`."""
    here, there = _by_name(_bundles_by_step(ours)), _by_name(sdk)
    found = [f"only one has the step {name}" for name in sorted(set(here) ^ set(there))]
    if list(here) != list(there):
        found.append(f"the order of steps: {list(here)} | {list(there)}")
    for name in here:
        one, two = dict(flat(here[name])), dict(flat(there.get(name, {})))
        for path in sorted({*one, *two}):
            pair = (one.get(path, NOTHING), two.get(path, NOTHING))
            if pair[0] != pair[1] and not _meant(path, *pair):
                found.append(f"{name} {path}: {pair[0]} | {pair[1]}")
    for key in ("Version", "Metadata", "Parameters", "PipelineExperimentConfig"):
        if ours[key] != sdk[key]:
            found.append(f"{key}: {ours[key]} | {sdk[key]}")
    return found


def unused(ours: Mapping[str, Any], sdk: Mapping[str, Any]) -> set[str]:
    """Meant differences that are none any more."""
    here, there = _by_name(ours), _by_name(sdk)
    paths = {
        path
        for name, step in there.items()
        for path, _ in flat(step)
        if path not in dict(flat(here[name]))
    }
    return {pattern for pattern in MEANT if not any(re.fullmatch(pattern, p) for p in paths)}


def _meant(path: str, ours: Any, sdk: Any) -> bool:
    return ours == NOTHING and any(
        re.fullmatch(pattern, path) and sdk == value for pattern, (value, _) in MEANT.items()
    )


def _bundles_by_step(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A bundle is named by its digest here, and by the first step that runs it there."""
    text = json.dumps(definition)
    for step in read(text).steps:
        for digest in re.findall(r"s3://code/([0-9a-f]{64})\.gz", json.dumps(step.body)):
            text = text.replace(digest, step.name)
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _by_name(definition: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Steps, and the branches of a condition as the names that are in them."""
    return {step.name: _with_names_of_branches(step) for step in read(definition).steps}


def _with_names_of_branches(step: DefinedStep) -> dict[str, Any]:
    arguments = step.body_with_branches.get("Arguments", {})
    names = {
        key: [inside["Name"] for inside in arguments[key]] for key in BRANCHES if key in arguments
    }
    return {**step.body, "Arguments": {**step.arguments, **names}}


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    shown = path.removeprefix(".").removeprefix("Arguments.")
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{index}]")
    else:
        yield shown, value
