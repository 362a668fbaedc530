"""The QualityCheck step: Ratchet's own analyzer in place of Model Monitor's container.

Baselines: developer guide, "Baseline calculation, drift detection and lifecycle with ClarifyCheck
and QualityCheck steps". Arguments are a CreateProcessingJob request, whose environment is the
container contract that the analyzer reads; the check's own settings stand beside them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ratchet.loop import folders
from ratchet.runner.cache_key import CacheKey, CacheKeySource
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed
from ratchet.runner.expressions import StepScope
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import processing
from ratchet.runner.step_types.contract import Attempt, Done, Runner

_ANALYZER = Path(__file__).resolve().parents[2] / "monitoring" / "analyze.py"
_KINDS = {"DATA_QUALITY": "ModelDataQuality", "MODEL_QUALITY": "ModelQuality"}
_SETTINGS = (
    "CheckType",
    "SkipCheck",
    "FailOnViolation",
    "RegisterNewBaseline",
    "ModelPackageGroupName",
    "SuppliedBaselineStatistics",
    "SuppliedBaselineConstraints",
)
_BASELINE = "/opt/ml/processing/previous-baseline"
_PARTS = ("Statistics", "Constraints")
_ANSWERS = {"true": True, "false": False}


def _check(step: RunnableStep, report: ProblemList) -> None:
    kind = step.body.get("CheckType")
    if kind not in _KINDS:
        expected = " or ".join(_KINDS)
        report.add(f"{step.place}.CheckType", f"{kind!r}: expected {expected}")
    processing.PROCESSING.check(step, report)
    outputs = (step.arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    if len(outputs) != 1:
        at = f"{step.place}.Arguments.ProcessingOutputConfig.Outputs"
        report.add(at, f"expected one output, for the reports; got {len(outputs)}")


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    settings = {key: scope.resolve(step.body[key]) for key in _SETTINGS if key in step.body}
    return {**processing.PROCESSING.resolve(step, scope), **settings}


def _cache_key(arguments: Mapping[str, Any]) -> CacheKey:
    of_processing = processing.PROCESSING.cache_key
    assert of_processing is not None
    key = of_processing(arguments)
    supplied = {
        name: CacheKeySource(uri=arguments[name])
        for name in _SETTINGS
        if name.startswith("Supplied") and arguments.get(name)
    }
    settings = {name: arguments.get(name) for name in _SETTINGS}
    return CacheKey(
        attributes={**key.attributes, "check": settings}, sources={**key.sources, **supplied}
    )


def _flag(arguments: Mapping[str, Any], name: str, default: bool) -> bool:
    value = arguments.get(name)
    if isinstance(value, str):
        value = _ANSWERS.get(value.lower())
    return default if value is None else bool(value)


def _previous(attempt: Attempt) -> dict[str, str]:
    """Statistics and constraints to compare with: supplied, or of the newest approved version."""
    arguments = attempt.arguments
    kind = _KINDS[arguments["CheckType"]]
    group = arguments.get("ModelPackageGroupName")
    package = (attempt.services.latest_approved(group) if group else None) or {}
    registered = (package.get("DriftCheckBaselines") or {}).get(kind) or {}
    uris = {}
    for part in _PARTS:
        uri = arguments.get(f"SuppliedBaseline{part}") or (registered.get(part) or {}).get("S3Uri")
        if uri:
            uris[part] = str(uri)
    return uris


def _run(attempt: Attempt) -> Done:
    arguments = attempt.arguments
    skip = _flag(arguments, "SkipCheck", False)
    register = _flag(arguments, "RegisterNewBaseline", False)
    previous = _previous(attempt)
    if not (skip and register) and "Constraints" not in previous:
        group = arguments.get("ModelPackageGroupName")
        where = f"no approved version of {group!r} has one" if group else "no group is named"
        raise StepFailed(
            "ClientError: no previous baseline: none is supplied and "
            f"{where}. For a first run set SkipCheck and RegisterNewBaseline to true"
        )
    (output,) = arguments["ProcessingOutputConfig"]["Outputs"]
    folder = output["S3Output"]["S3Uri"].rstrip("/")
    calculated = {part: f"{folder}/{part.lower()}.json" for part in _PARTS}
    used = calculated if register else previous
    properties = {
        **{f"CalculatedBaseline{part}": uri for part, uri in calculated.items()},
        **{f"BaselineUsedForDriftCheck{part}": uri for part, uri in used.items()},
        **{name: arguments[name] for name in _SETTINGS if arguments.get(name) is not None},
        "SkipCheck": skip,
        "RegisterNewBaseline": register,
    }
    request = _request(arguments, {} if skip else previous)
    check: dict[str, Any] = dict(properties)

    def progress(
        *, properties: Mapping[str, Any] | None = None, process_group: int | None = None
    ) -> None:
        merged = None if properties is None else {**properties, **check}
        attempt.progress(properties=merged, process_group=process_group)

    done = processing.PROCESSING.run(replace(attempt, arguments=request, progress=progress))
    if not skip:
        check["ViolationReport"] = f"{folder}/{folders.CONSTRAINT_VIOLATIONS}"
        _judge(attempt, check, done)
    return replace(done, properties={**done.properties, **check})


def _request(arguments: Mapping[str, Any], previous: Mapping[str, str]) -> dict[str, Any]:
    """The processing job: the analyzer, with the previous baseline among its inputs."""
    request = {key: value for key, value in arguments.items() if key not in _SETTINGS}
    request["AppSpecification"] = {
        **arguments["AppSpecification"],
        "ContainerEntrypoint": [sys.executable, str(_ANALYZER), "--container", "/opt/ml"],
        "ContainerArguments": [],
    }
    environment = {**(arguments.get("Environment") or {}), "analysis_type": arguments["CheckType"]}
    inputs = list(arguments.get("ProcessingInputs") or [])
    for part, uri in previous.items():
        name = part.lower()
        local = f"{_BASELINE}/{name}"
        source = {"S3Uri": uri, "LocalPath": local, "S3DataType": "S3Prefix"}
        inputs.append({"InputName": f"previous_{name}", "S3Input": source})
        environment[f"baseline_{name}"] = f"{local}/{uri.rpartition('/')[2]}"
    return {**request, "Environment": environment, "ProcessingInputs": inputs}


def _judge(attempt: Attempt, check: Mapping[str, Any], done: Done) -> None:
    """Fail the step for violations, unless FailOnViolation is off."""
    violations = json.loads(attempt.storage.read_bytes(check["ViolationReport"]))["violations"]
    if violations and _flag(attempt.arguments, "FailOnViolation", True):
        first = violations[0]
        name = first.get("feature_name") or first.get("metric_name") or ""
        kind, description = (first.get(k, "") for k in ("constraint_check_type", "description"))
        raise StepFailed(
            f"ClientError: {len(violations)} constraint violations, such as {name} {kind}: "
            f"{description} (report: {check['ViolationReport']})",
            properties={**done.properties, **check},
        )


QUALITY_CHECK = Runner(
    name="QualityCheck",
    check=_check,
    resolve=_resolve,
    cache_key=_cache_key,
    run=_run,
)
