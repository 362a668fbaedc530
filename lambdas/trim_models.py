"""Writes `models/`: botocore's data files, cut down to the operations that the functions call.

    python lambdas/trim_models.py            write them from the installed botocore
    python lambdas/trim_models.py --check    exit 1 when they differ from the installed botocore's

A trimmed model is botocore's own, without documentation and without the operations and shapes that
nothing here needs; `endpoints.json` is botocore's without the other services. The functions read
them through `bundled_models.py`. To call one more operation, name it below and run this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

MODELS = Path(__file__).parent / "models"

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "cloudformation": ("DescribeStackEvents", "DescribeStacks", "UpdateStack"),
    "cloudwatch": ("DescribeAlarms", "GetMetricStatistics", "PutMetricData"),
    "pricing": ("GetProducts",),
    "s3": ("CopyObject", "GetObject", "HeadObject", "ListObjectsV2", "PutObject"),
    "sagemaker": (
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeModel",
        "DescribeModelPackage",
        "DescribePipelineExecution",
        "DescribeProcessingJob",
        "DescribeTrainingJob",
        "DescribeTransformJob",
        "ListModelPackages",
        "ListMonitoringExecutions",
        "ListPipelineExecutionSteps",
        "ListPipelineExecutions",
        "ListPipelineParametersForExecution",
        "ListTrainingJobsForHyperParameterTuningJob",
        "StartPipelineExecution",
        "StopPipelineExecution",
        "UpdateModelPackage",
    ),
    "sns": ("Publish",),
    "sqs": ("SendMessage",),
    "ssm": ("GetParameter",),
}

ENDPOINTS = (
    "api.pricing",
    "api.sagemaker",
    "cloudformation",
    "monitoring",
    "oidc",
    "portal.sso",
    "s3",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
"""By endpoint prefix: the services above, and those that botocore's credential providers call."""


def trimmed(model: Mapping[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """The model with these operations, the shapes they reach, and no documentation."""
    chosen = {name: model["operations"][name] for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    waiting = list(_shapes_in(chosen))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting.extend(_shapes_in(shapes[name]))
    # botocore wants the documentation of `clientContextParams`, so those stay as they are.
    others = {key: value for key, value in model.items() if key != "documentation"}
    return {
        **others,
        "operations": _undocumented(chosen),
        "shapes": _undocumented(dict(sorted(shapes.items()))),
    }


def _shapes_in(part: Any) -> Iterator[str]:
    """The names of the shapes that a part of a model refers to."""
    if isinstance(part, list):
        for item in part:
            yield from _shapes_in(item)
    elif isinstance(part, Mapping):
        for key, value in part.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _shapes_in(value)


def _undocumented(part: Any) -> Any:
    if isinstance(part, list):
        return [_undocumented(item) for item in part]
    if isinstance(part, Mapping):
        # A member may itself be called "documentation"; then its value is no text.
        return {
            key: _undocumented(value)
            for key, value in part.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return part


def trimmed_endpoints(endpoints: Mapping[str, Any]) -> dict[str, Any]:
    """All partitions and their regions, with these services only."""
    partitions = [
        {
            **partition,
            "services": {k: v for k, v in partition["services"].items() if k in ENDPOINTS},
        }
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def files() -> dict[Path, str]:
    """Path below `models/` and text of every file, as the installed botocore gives them."""
    loader = Loader()
    endpoints = trimmed_endpoints(loader.load_data("endpoints"))
    texts = {Path("endpoints.json"): _text(endpoints)}
    for service, operations in OPERATIONS.items():
        version = loader.determine_latest_version(service, "service-2")
        model = trimmed(loader.load_service_model(service, "service-2", version), operations)
        path = Path(service, version, "service-2.json")
        texts[path] = _text(model)
    return texts


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    stale = False
    for path, text in files().items():
        target = MODELS / path
        if target.exists() and target.read_text() == text:
            continue
        stale = True
        if arguments == ["--check"]:
            print(f"{target} differs from the installed botocore's: run {sys.argv[0]}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(f"wrote {target}")
    return 1 if stale and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
