"""Searches over hyperparameters: ranges, what is to be best, and the tuning job made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ratchet.authoring.options import SearchOptions
from ratchet.authoring.variables import Scalar

Scale = Literal["auto", "linear", "log", "reverse-log"]
_SCALES: Mapping[str, str] = {
    "auto": "Auto",
    "linear": "Linear",
    "log": "Logarithmic",
    "reverse-log": "ReverseLogarithmic",
}
# What a training job has and a tuning job's definition of one has not, or has elsewhere.
_LEFT_OUT = ("HyperParameters", "Tags")


@dataclass(frozen=True)
class Range:
    """Values that a hyperparameter may take. `kind`: Integer, Continuous or Categorical."""

    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Objective:
    """What is to be best. `regex` finds it in the script's log, in its one group."""

    kind: str
    metric: str
    regex: str


def integer(low: int, high: int, *, scale: Scale = "auto") -> Range:
    """Whole numbers from `low` to `high`, both included."""
    return _between("Integer", low, high, scale)


def continuous(low: float, high: float, *, scale: Scale = "auto") -> Range:
    """Numbers from `low` to `high`."""
    return _between("Continuous", low, high, scale)


def categorical(values: Sequence[Scalar]) -> Range:
    """One of the values."""
    return Range("Categorical", {"Values": [str(value) for value in values]})


def maximize(metric: str, regex: str) -> Objective:
    return Objective("Maximize", metric, regex)


def minimize(metric: str, regex: str) -> Objective:
    return Objective("Minimize", metric, regex)


def _between(kind: str, low: float, high: float, scale: Scale) -> Range:
    body = {"MinValue": str(low), "MaxValue": str(high), "ScalingType": _SCALES[scale]}
    return Range(kind, body)


def tuning_job(
    training: Mapping[str, Any],
    *,
    ranges: Mapping[str, Range],
    objective: Objective,
    options: SearchOptions,
) -> dict[str, Any]:
    """CreateHyperParameterTuningJob around a CreateTrainingJob request."""
    parameters = {
        f"{kind}ParameterRanges": [
            {"Name": name, **values.body} for name, values in ranges.items() if values.kind == kind
        ]
        for kind in ("Integer", "Continuous", "Categorical")
    }
    config: dict[str, Any] = {
        "Strategy": options.get("strategy", "Bayesian"),
        "HyperParameterTuningJobObjective": {
            "Type": objective.kind,
            "MetricName": objective.metric,
        },
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": options.get("jobs_in_all", 10),
            "MaxParallelTrainingJobs": options.get("jobs_at_once", 2),
        },
        "ParameterRanges": {kind: listed for kind, listed in parameters.items() if listed},
        "TrainingJobEarlyStoppingType": "Auto" if options.get("early_stopping") else "Off",
    }
    if (seed := options.get("seed")) is not None:
        config["RandomSeed"] = seed
    definition = {key: value for key, value in training.items() if key not in _LEFT_OUT}
    definition["StaticHyperParameters"] = training.get("HyperParameters", {})
    return {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}
