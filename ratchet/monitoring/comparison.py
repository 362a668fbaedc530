"""Comparing a dataset with its baseline: the content of constraint_violations.json.

The six checks, worded as Model Monitor's container words them where public output shows it:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html

A comparison of too few rows is not made: the outcome says so, and there are neither violations
nor an all-clear.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.monitoring.constraints import Settings
from ratchet.monitoring.drift import Drift, categorical_drift, numerical_drift
from ratchet.monitoring.profiles import (
    FRACTIONAL,
    INTEGRAL,
    UNKNOWN,
    Feature,
    Nothing,
    Numbers,
    Profile,
    Text,
)
from ratchet.monitoring.sketch import Sketch

COMPLETED = "Completed"
COMPLETED_WITH_VIOLATIONS = "CompletedWithViolations"
TOO_FEW_ROWS = "TooFewRows"

# Below this, the correction of the Robust method alone is at least 0.18.
MINIMUM_ROWS = 100


class InvalidBaselineError(ValueError):
    """Baseline files that cannot be read as Model Monitor's formats."""


@dataclass(frozen=True)
class Baseline:
    """What a baseline job wrote: statistics.json and constraints.json. Its rows are not needed."""

    statistics: Mapping[str, Any]
    constraints: Mapping[str, Any]

    @classmethod
    def load(cls, *, statistics: Path, constraints: Path) -> Baseline:
        """Read both files. Raises InvalidBaselineError, naming the file."""
        return cls(read_document(statistics, "features"), read_document(constraints, "features"))

    def without(self, names: Collection[str]) -> Baseline:
        """The baseline as if these features had never been in it."""
        features = [f for f in self.constraints["features"] if f["name"] not in names]
        return Baseline(self.statistics, {**self.constraints, "features": features})

    @property
    def rows(self) -> int:
        return int(self.statistics["dataset"]["item_count"])

    @property
    def types(self) -> dict[str, str]:
        """Expected type of each feature, in the baseline's order."""
        return {
            str(f["name"]): str(f.get("inferred_type", UNKNOWN))
            for f in self.constraints["features"]
        }


@dataclass(frozen=True)
class Violation:
    feature: str
    check: str
    description: str

    def document(self) -> dict[str, str]:
        return {
            "feature_name": self.feature,
            "constraint_check_type": self.check,
            "description": self.description,
        }


@dataclass(frozen=True)
class Comparison:
    """`drifts` holds every comparison made, `not_compared` why the others were not."""

    outcome: str
    message: str
    rows: int
    baseline_rows: int
    violations: tuple[Violation, ...] = ()
    drifts: tuple[Drift, ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)

    def violations_document(self) -> dict[str, Any]:
        """The content of constraint_violations.json."""
        return {"violations": [violation.document() for violation in self.violations]}

    def document(self) -> dict[str, Any]:
        """The content of analysis.json: the outcome, and each distance beside its threshold."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "rows": self.rows,
            "baseline_rows": self.baseline_rows,
            "drift": [
                {
                    "feature_name": drift.feature,
                    "method": drift.method,
                    "distance": drift.distance,
                    "threshold": drift.threshold,
                    "exceeds": drift.exceeds,
                }
                for drift in sorted(self.drifts, key=lambda drift: -drift.distance)
            ],
            "not_compared": dict(self.not_compared),
        }


def compare(
    current: Profile, baseline: Baseline, *, minimum_rows: int = MINIMUM_ROWS
) -> Comparison:
    """Check the current data against the baseline's constraints and distributions."""
    for rows, what in ((current.rows, "analyzed"), (baseline.rows, "in the baseline")):
        if rows < minimum_rows:
            message = f"{rows} rows {what}, fewer than the {minimum_rows} that a comparison needs"
            return Comparison(TOO_FEW_ROWS, message, current.rows, baseline.rows)
    features = {feature.name: feature for feature in current.features}
    violations = list(_column_violations(list(features), list(baseline.types)))
    statistics = {f["name"]: f for f in baseline.statistics["features"]}
    drifts: list[Drift] = []
    not_compared: dict[str, str] = {}
    config = baseline.constraints.get("monitoring_config", {})
    for constraints in baseline.constraints["features"]:
        name = constraints["name"]
        settings = Settings.of(config, _overrides(constraints))
        if (feature := features.get(name)) is None or not settings.evaluate:
            continue
        violations += _value_violations(feature, constraints, settings)
        drift = _drift(feature, statistics.get(name), settings, minimum_rows)
        if isinstance(drift, str):
            not_compared[name] = drift
            continue
        drifts.append(drift)
        if drift.exceeds:
            violations.append(Violation(name, "baseline_drift_check", drift.description))
    outcome, message = _outcome(violations)
    return Comparison(
        outcome,
        message,
        current.rows,
        baseline.rows,
        tuple(violations),
        tuple(drifts),
        not_compared,
    )


def _outcome(violations: list[Violation]) -> tuple[str, str]:
    if not violations:
        return COMPLETED, "Job completed successfully with no violations."
    names = dict.fromkeys(violation.feature for violation in violations)
    return (
        COMPLETED_WITH_VIOLATIONS,
        f"Job completed successfully with {len(violations)} violations: {', '.join(names)}.",
    )


def _column_violations(current: list[str], expected: list[str]) -> Iterator[Violation]:
    counts = (
        f"Number of columns in current dataset: {len(current)}, "
        f"Number of columns in baseline constraints: {len(expected)}"
    )
    for kind, names in (
        ("missing", [name for name in expected if name not in set(current)]),
        ("extra", [name for name in current if name not in set(expected)]),
    ):
        for name in names:
            description = f"There are {kind} columns in current dataset. {counts}"
            yield Violation(name, f"{kind}_column_check", description)


def _value_violations(
    feature: Feature, constraints: Mapping[str, Any], settings: Settings
) -> Iterator[Violation]:
    name = feature.name
    rows = feature.present + feature.missing
    completeness = feature.present / rows if rows else 0.0
    least = constraints.get("completeness", 0.0)
    if completeness < least:
        description = f"{_unmet(completeness)}Completeness should be at least {least}."
        yield Violation(name, "completeness_check", description)
    if isinstance(feature, Nothing):
        return
    expected = constraints.get("inferred_type", UNKNOWN)
    share = 1.0 if expected == UNKNOWN else feature.share_of_type(expected)
    if share < settings.datatype_threshold:
        description = (
            f"Data type match requirement is not met. Expected data type: {expected}, "
            f"Expected match: {settings.datatype_threshold * 100}%. "
            f"Observed: Only {share * 100}% of data is {expected}."
        )
        yield Violation(name, "data_type_check", description)
    domain = constraints.get("string_constraints", {}).get("domains")
    if domain and isinstance(feature, Text):
        known = feature.share_within(domain)
        if known < settings.domain_threshold:
            hint = f"At least {settings.domain_threshold} of the values should be known ones."
            yield Violation(name, "categorical_values_check", f"{_unmet(known)}{hint}")


def _unmet(value: float) -> str:
    """Deequ's sentence, to which it adds a hint."""
    return f"Value: {value} does not meet the constraint requirement! "


def _drift(
    feature: Feature, baseline: Mapping[str, Any] | None, settings: Settings, minimum: int
) -> Drift | str:
    """The drift of a feature, or why there is none to speak of."""
    if not settings.compare:
        return "perform_comparison is Disabled"
    if baseline is None:
        return "the baseline statistics do not hold it"
    numbers = baseline["inferred_type"] in (INTEGRAL, FRACTIONAL)
    if isinstance(feature, Nothing) or baseline["inferred_type"] == UNKNOWN:
        return "it has no values on one side"
    if numbers != isinstance(feature, Numbers):
        return f"it is {feature.inferred_type} and was {baseline['inferred_type']}"
    statistics = baseline["numerical_statistics" if numbers else "string_statistics"]
    fewest = min(feature.present, int(statistics["common"]["num_present"]))
    if fewest < minimum:
        return f"{fewest} values, fewer than the {minimum} that a comparison needs"
    if isinstance(feature, Numbers):
        sketch = Sketch.from_document(statistics["distribution"]["kll"]["sketch"])
        return numerical_drift(feature.name, feature.sketch, sketch, settings)
    buckets = statistics.get("distribution", {}).get("categorical", {}).get("buckets")
    if not buckets:
        return "the baseline has too many distinct values to be categories"
    counts = {bucket["value"]: bucket["count"] for bucket in buckets}
    return categorical_drift(feature, counts, settings)


def _overrides(constraints: Mapping[str, Any]) -> Mapping[str, Any]:
    """AWS's page and the files of its SDK spell the key in two ways."""
    camel: Mapping[str, Any] = constraints.get("monitoringConfigOverrides", {})
    return camel or constraints.get("monitoring_config_overrides", {})


def read_document(path: Path, key: str) -> Mapping[str, Any]:
    """A baseline's file, which must hold `key`. Raises InvalidBaselineError, naming the file."""
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        document[key]
    except FileNotFoundError:
        message = f"no baseline file at {path}; run the analyzer without a baseline to write one"
        raise InvalidBaselineError(message) from None
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a Model Monitor file with {key!r}: {error}"
        raise InvalidBaselineError(message) from None
    return document
