"""Baselines and comparisons of data: what the analyzer reads, and what it is told.

The analyzer is `ratchet/monitoring/analyze.py`: named by its path, like any step's script, and
bundled with what it imports. Its arguments: docs/guides/drift-analysis.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.authoring.jobs import INPUT_FOLDER, OUTPUT_FOLDER, Input
from ratchet.authoring.variables import Operand
from ratchet.loop import folders
from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS
from ratchet.settings.schema import ModelSettings

SCRIPT = "ratchet/monitoring/analyze.py"
"""Below the folder that the package `ratchet` is imported from."""

BASELINE, ANALYSIS = "baseline", "analysis"
"""The output of a baseline, and that of a comparison; also what their reports are called."""

_QUALITY = ("--analysis-type", "MODEL_QUALITY")
_CAPTURED = "sagemakerCaptureJson"
_REQUESTS = json.dumps({_CAPTURED: {"captureIndexNames": ["endpointInput"]}})


@dataclass(frozen=True, kw_only=True)
class AnalysisJob:
    """What one run of the analyzer reads, writes and is told."""

    inputs: Mapping[str, Operand | Input]
    output: str
    arguments: Sequence[Operand]

    @property
    def reports(self) -> dict[str, str]:
        """The report that tells how it went: a name, and `<output>/<path>`."""
        return {self.output: f"{self.output}/{self.output}.json"}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What was captured of an endpoint from `start` until before `end` (ISO 8601, UTC)."""

    captured: Operand | Input
    start: Operand
    end: Operand
    endpoint: str
    schedule: str
    """The dimension MonitoringSchedule of the metrics."""


def data_baseline(*, of: Operand | Input, exclude: Sequence[str], threshold: float) -> AnalysisJob:
    """What the columns of CSV files with a header look like, and how far they may move."""
    arguments: list[Operand] = ["--dataset-format", "csv", *_excluding(exclude)]
    arguments += ["--comparison-threshold", threshold]
    # A value that was never seen is a share that moved like any other.
    arguments += ["--domain-content-threshold", round(1 - threshold, 6)]
    return _analysis({"dataset": of}, BASELINE, arguments)


def quality_baseline(
    model: ModelSettings,
    *,
    of: Operand | Input,
    threshold: Operand | None,
    minimum_rows: int,
) -> AnalysisJob:
    """How good a model's answers are, as an evaluation wrote them beside the labels.

    Args:
        threshold: of a binary model that answers probabilities, from which one on the answer is the
            positive class.
        minimum_rows: how few rows a later comparison may have.
    """
    places: list[Operand] = []
    if not model.own_threshold:
        places += ["--inference-attribute", "prediction"]
    if model.problem == BINARY and not model.answers_class_alone:
        places += ["--probability-attribute", "probability"]
    if threshold is not None:
        places += ["--probability-threshold-attribute", threshold]
    return _analysis(
        {"dataset": of},
        BASELINE,
        (
            *_QUALITY,
            *("--problem-type", PROBLEMS[model.problem].monitor),
            *("--dataset-format", "csv"),
            *("--ground-truth-attribute", "label"),
            *places,
            *_classes(model),
            *("--minimum-rows", minimum_rows),
        ),
    )


def data_comparison(
    traffic: Traffic, *, baseline: Operand, exclude: Sequence[str], minimum_rows: int
) -> AnalysisJob:
    """Whether the requests still look like the baseline."""
    data = ("--dataset-format", _REQUESTS, *_excluding(exclude))
    inputs = {"dataset": traffic.captured, BASELINE: baseline}
    return _analysis(inputs, ANALYSIS, (*data, *_compared(traffic, minimum_rows)))


def quality_comparison(
    model: ModelSettings,
    traffic: Traffic,
    *,
    baseline: Operand,
    labels: Operand | Input,
    minimum_rows: int,
) -> AnalysisJob:
    """Whether the answers are still as good as the baseline's, by the labels that came in."""
    data = (*_QUALITY, "--dataset-format", _CAPTURED, *_places(model))
    truth = ("--ground-truth-source", f"{INPUT_FOLDER}/labels")
    inputs = {"dataset": traffic.captured, "labels": labels, BASELINE: baseline}
    return _analysis(inputs, ANALYSIS, (*data, *truth, *_compared(traffic, minimum_rows)))


def _analysis(
    inputs: Mapping[str, Operand | Input], output: str, arguments: Sequence[Operand]
) -> AnalysisJob:
    source = ("--dataset-source", f"{INPUT_FOLDER}/dataset")
    into = ("--output-path", f"{OUTPUT_FOLDER}/{output}")
    return AnalysisJob(inputs=inputs, output=output, arguments=[*source, *into, *arguments])


def _places(model: ModelSettings) -> tuple[str, ...]:
    """Where an answer of the endpoint has what is compared; its first column, unless said."""
    places = {"--inference-attribute": model.prediction, "--probability-attribute": None}
    if model.problem == BINARY or model.prediction is None:
        places["--probability-attribute"] = model.probability
    return tuple(f"{name}={place}" for name, place in places.items() if place is not None)


def _classes(model: ModelSettings) -> tuple[str, ...]:
    if model.problem == BINARY and model.positive:
        return (f"--positive-class={model.positive}",)
    if model.problem == MULTICLASS and model.classes:
        return (f"--classes={json.dumps(model.classes)}",)
    return ()


def _excluding(columns: Sequence[str]) -> tuple[str, ...]:
    return ("--exclude-columns", ",".join(columns)) if columns else ()


def _compared(traffic: Traffic, minimum_rows: int) -> tuple[Operand, ...]:
    return (
        *("--baseline-statistics", f"{INPUT_FOLDER}/{BASELINE}/{folders.STATISTICS}"),
        *("--baseline-constraints", f"{INPUT_FOLDER}/{BASELINE}/{folders.CONSTRAINTS}"),
        *("--start-time", traffic.start),
        *("--end-time", traffic.end),
        *("--minimum-rows", minimum_rows),
        *("--publish-cloudwatch-metrics", "Enabled"),
        *("--sagemaker-endpoint-name", traffic.endpoint),
        *("--sagemaker-monitoring-schedule-name", traffic.schedule),
    )
