"""What an analysis job is asked to do: Model Monitor's container contract, read into one value.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-baseline.html

Settings beyond the contract: `minimum_rows`, `exclude_columns` (separated by commas),
`comparison_threshold`, `domain_content_threshold`, `ground_truth_source`, `positive_class` and
`classes`. Each setting may be an argument (--minimum-rows) or an environment variable
(minimum_rows); the argument is taken when there are both.
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ratchet.loop import problems
from ratchet.loop.problems import PROBLEMS, Kind
from ratchet.monitoring.constraints import DOMAIN_THRESHOLD, THRESHOLD
from ratchet.monitoring.findings import MINIMUM_ROWS
from ratchet.monitoring.ground_truth import AnswerColumns

DATA_QUALITY, MODEL_QUALITY = "DATA_QUALITY", "MODEL_QUALITY"
CAPTURE = "sagemakerCaptureJson"
CONTAINER = Path("/opt/ml")

PROBLEM_TYPES: Mapping[str, Kind] = {p.monitor: p.name for p in PROBLEMS.values()}
"""Model Monitor's ProblemType → problem."""

_FORMATS = {"csv", "json", "parquet", CAPTURE}
_SETTINGS = {
    "dataset_source": "file or folder of the rows",
    "dataset_format": 'csv, json, parquet, sagemakerCaptureJson or {"csv": {"header": true}}',
    "output_path": "folder to write the reports to",
    "baseline_statistics": "statistics.json of the baseline",
    "baseline_constraints": "constraints.json of the baseline",
    "start_time": "of the window, ISO 8601: records captured before it are left out",
    "end_time": "of the window, exclusive",
    "publish_cloudwatch_metrics": "Enabled writes them for the platform to publish",
    "sagemaker_endpoint_name": "dimension Endpoint of the metrics",
    "sagemaker_monitoring_schedule_name": "dimension MonitoringSchedule of the metrics",
    "minimum_rows": f"fewer are not compared (default {MINIMUM_ROWS})",
    "exclude_columns": "columns to leave out, separated by commas",
    "comparison_threshold": f"in the constraints that are written (default {THRESHOLD})",
    "domain_content_threshold": f"in the constraints that are written (default {DOMAIN_THRESHOLD})",
    "analysis_type": "DATA_QUALITY (default) or MODEL_QUALITY",
    "ground_truth_source": "file or folder of the labels of captured records",
    "ground_truth_attribute": "column of the label (default label)",
    "problem_type": "BinaryClassification, MulticlassClassification or Regression",
    "inference_attribute": "column of the answer, a class or a number, by name or position",
    "probability_attribute": "column of a binary model's score, by name or position",
    "probability_threshold_attribute": "positive from this score on (default: the baseline's; 0.5)",
    "positive_class": "the label's value of a binary model's positive class (default 1)",
    "classes": "names of all classes of a multiclass model, a JSON array (default: what occurs)",
}


class InvalidSettingError(ValueError):
    """An argument or environment variable that means nothing here."""


@dataclass(frozen=True)
class AnalysisRequest:
    """Everything a run needs to know; the names are those of the container contract."""

    dataset_source: Path
    dataset_format: Mapping[str, Any]
    output_path: Path
    container: Path
    baseline_statistics: Path | None = None
    baseline_constraints: Path | None = None
    start_time: str = ""
    end_time: str = ""
    endpoint: str = ""
    schedule: str = ""
    publish: bool = False
    minimum_rows: int = MINIMUM_ROWS
    exclude: frozenset[str] = frozenset()
    comparison_threshold: float = THRESHOLD
    domain_threshold: float = DOMAIN_THRESHOLD
    analysis_type: str = DATA_QUALITY
    ground_truth_source: Path | None = None
    ground_truth_attribute: str = "label"
    problem: Kind | None = None
    columns: AnswerColumns = field(default_factory=AnswerColumns)
    probability_threshold: float | None = None
    positive: str = ""
    classes: tuple[str, ...] = ()

    @property
    def timestamp(self) -> str:
        if self.end_time:
            return self.end_time.replace(" ", "")
        now = datetime.now(timezone.utc)  # noqa: UP017 - the container's Python is 3.10
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_arguments(arguments: Sequence[str] | None) -> dict[str, Any]:
    """The arguments, for `read_job`; `container` is always there."""
    parser = argparse.ArgumentParser(description="Profile a dataset, or compare it to a baseline.")
    for name, text in _SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=text)
    parser.add_argument("--container", type=Path, default=CONTAINER, help="where /opt/ml is")
    return vars(parser.parse_args(arguments))


def read_job(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> AnalysisRequest:
    """Arguments first, then the environment. Raises InvalidSettingError, naming the setting."""

    def setting(name: str, default: str = "") -> str:
        return str(arguments.get(name) or environment.get(name) or default)

    def path(name: str) -> Path | None:
        return Path(setting(name)) if setting(name) else None

    def number(name: str, default: float) -> float:
        try:
            return float(setting(name) or default)
        except ValueError:
            message = f"{name} is {setting(name)!r}; expected a number"
            raise InvalidSettingError(message) from None

    text = setting("dataset_format")
    source = path("dataset_source")
    if source is None or not text:
        missing = "dataset_format" if source else "dataset_source"
        raise InvalidSettingError(f"{missing} is not set; give --{missing.replace('_', '-')}")
    try:
        dataset_format = json.loads(text)
    except ValueError:
        dataset_format = {text: {}}
    if not isinstance(dataset_format, dict) or not dataset_format.keys() & _FORMATS:
        message = f"dataset_format is {text}; expected one of {', '.join(sorted(_FORMATS))}"
        raise InvalidSettingError(message)
    analysis_type = setting("analysis_type", DATA_QUALITY)
    if analysis_type not in (DATA_QUALITY, MODEL_QUALITY):
        message = f"analysis_type is {analysis_type!r}; expected {DATA_QUALITY} or {MODEL_QUALITY}"
        raise InvalidSettingError(message)
    return AnalysisRequest(
        dataset_source=source,
        dataset_format=dataset_format,
        output_path=Path(setting("output_path", str(CONTAINER / "processing/output/analysis"))),
        container=arguments["container"],
        baseline_statistics=path("baseline_statistics"),
        baseline_constraints=path("baseline_constraints"),
        start_time=setting("start_time"),
        end_time=setting("end_time"),
        endpoint=setting("sagemaker_endpoint_name"),
        schedule=setting("sagemaker_monitoring_schedule_name"),
        publish=setting("publish_cloudwatch_metrics", "Disabled") == "Enabled",
        minimum_rows=int(number("minimum_rows", MINIMUM_ROWS)),
        exclude=frozenset(filter(None, setting("exclude_columns").split(","))),
        comparison_threshold=number("comparison_threshold", THRESHOLD),
        domain_threshold=number("domain_content_threshold", DOMAIN_THRESHOLD),
        analysis_type=analysis_type,
        ground_truth_source=path("ground_truth_source"),
        ground_truth_attribute=setting("ground_truth_attribute", "label"),
        problem=_problem(setting("problem_type")),
        columns=AnswerColumns(setting("inference_attribute"), setting("probability_attribute")),
        probability_threshold=(
            number("probability_threshold_attribute", problems.THRESHOLD)
            if setting("probability_threshold_attribute")
            else None
        ),
        positive=setting("positive_class"),
        classes=_classes(setting("classes")),
    )


def _problem(text: str) -> Kind | None:
    if not text:
        return None
    if text not in PROBLEM_TYPES:
        near = difflib.get_close_matches(text, PROBLEM_TYPES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InvalidSettingError(
            f"problem_type is {text!r}; {hint}expected {', '.join(PROBLEM_TYPES)}"
        )
    return PROBLEM_TYPES[text]


def _classes(text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text or "[]")
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise InvalidSettingError(f'classes is {text}; expected a JSON array such as ["a", "b"]')
    return tuple(str(name) for name in names)
