"""Comparing a dataset with its baseline: the content of constraint_violations.json.

The six checks, worded as Model Monitor's container words them where public output shows it:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html

A comparison of too few rows is not made: the outcome says so, and there are neither violations
nor an all-clear. Of the others at most one in a hundred raises a false alarm, all checks of shares
and all columns together (shares.py); distances have a margin of their own (drift.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.chance import ALPHA
from ratchet.monitoring.constraints import (
    DOMAIN_THRESHOLD,
    TYPE_THRESHOLD,
    MonitoringConfig,
    expected_completeness,
)
from ratchet.monitoring.drift import Drift, categorical_drift, numerical_drift
from ratchet.monitoring.findings import (
    COMPLETED,
    COMPLETED_WITH_VIOLATIONS,
    MINIMUM_ROWS,
    TOO_FEW_ROWS,
    Violation,
)
from ratchet.monitoring.profiles import (
    FRACTIONAL,
    INTEGRAL,
    UNKNOWN,
    EmptyProfile,
    Feature,
    Numbers,
    Profile,
    Text,
)
from ratchet.monitoring.shares import ShareComparison, grown

MISSING_COLUMN, EXTRA_COLUMN = "missing_column_check", "extra_column_check"
_COLUMN_CHECKS = (MISSING_COLUMN, EXTRA_COLUMN)
_NO_VALUE = "have no value"

# Rows of a sample that one value of the baseline is worth, where new values are counted: found by
# simulation of columns of 2 to 5,000 values, by which it keeps to chance.ALPHA.
_CLUMPS = 4


@dataclass(frozen=True)
class DatasetComparison:
    """`drifts` and `shares` hold every comparison made, `not_compared` why others were not."""

    outcome: str
    message: str
    rows: int
    baseline_rows: int
    violations: tuple[Violation, ...] = ()
    drifts: tuple[Drift, ...] = ()
    shares: tuple[ShareComparison, ...] = ()
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
            "shares": [
                share.document() for share in sorted(self.shares, key=lambda share: share.p_value)
            ],
            "not_compared": dict(self.not_compared),
        }


def compare(
    current: Profile, baseline: Baseline, *, minimum_rows: int = MINIMUM_ROWS
) -> DatasetComparison:
    """Check the current data against the baseline's constraints and distributions."""
    for rows, what in ((current.rows, "analyzed"), (baseline.rows, "in the baseline")):
        if rows < minimum_rows:
            message = f"{rows} rows {what}, fewer than the {minimum_rows} that a comparison needs"
            return DatasetComparison(TOO_FEW_ROWS, message, current.rows, baseline.rows)
    features = {feature.name: feature for feature in current.features}
    shares = [*_columns(features, baseline, current.rows), *_values(features, baseline)]
    drifts, not_compared = _drifts(features, baseline, minimum_rows)
    tests = len(shares) + sum(drift.p_value is not None for drift in drifts)
    drifts = [drift.at_level(ALPHA / tests) for drift in drifts]
    violations = [
        Violation(share.feature, share.check, share.description)
        for share, is_larger in zip(shares, grown(shares, tests=tests), strict=True)
        if is_larger
    ]
    violations += [
        Violation(drift.feature, "baseline_drift_check", drift.description)
        for drift in drifts
        if drift.exceeds
    ]
    place = {name: number for number, name in enumerate(baseline.types)}
    violations.sort(key=lambda v: -1 if v.check in _COLUMN_CHECKS else place[v.feature])
    outcome, message = _outcome(violations)
    return DatasetComparison(
        outcome,
        message,
        current.rows,
        baseline.rows,
        tuple(violations),
        tuple(drifts),
        tuple(shares),
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


def _columns(
    features: Mapping[str, Feature], baseline: Baseline, rows: int
) -> Iterator[ShareComparison]:
    """Columns that only one side has. A few values of such a column are no column yet: a key that
    one request of thousands has, or that one of the baseline's rows had."""
    counts = (
        f"Number of columns in current dataset: {len(features)}, "
        f"Number of columns in baseline constraints: {len(baseline.types)}"
    )
    for name in baseline.types:
        if name not in features:
            lead = f"There are missing columns in current dataset. {counts}. "
            _, missing = baseline.counts(name)
            yield ShareComparison(
                name, MISSING_COLUMN, lead, _NO_VALUE, rows, rows, missing, baseline.rows
            )
    for name, feature in features.items():
        if name not in baseline.types:
            lead = f"There are extra columns in current dataset. {counts}. "
            yield ShareComparison(
                name, EXTRA_COLUMN, lead, "have a value", feature.present, rows, 0, baseline.rows
            )


def _values(features: Mapping[str, Feature], baseline: Baseline) -> Iterator[ShareComparison]:
    """The checks of each column's values, where the baseline's constraints ask for them."""
    for constraints, settings in baseline.evaluated():
        if (feature := features.get(constraints["name"])) is None:
            continue
        yield from _completeness(feature, constraints, baseline)
        if not isinstance(feature, EmptyProfile):
            yield from _type(feature, constraints, settings, baseline)
            yield from _domain(feature, constraints, settings, baseline)


def _completeness(
    feature: Feature, constraints: Mapping[str, Any], baseline: Baseline
) -> Iterator[ShareComparison]:
    rows = feature.present + feature.missing
    least = constraints.get("completeness", 0.0)
    present, missing = baseline.counts(feature.name)
    is_limit = bool(least != expected_completeness(present, missing))
    if is_limit:
        missing = round((1 - least) * baseline.rows)
    lead = _unmet(feature.present, rows)
    yield ShareComparison(
        feature=feature.name,
        check="completeness_check",
        lead=lead,
        what=_NO_VALUE,
        seen=feature.missing,
        rows=rows,
        seen_before=missing,
        rows_before=baseline.rows,
        is_limit=is_limit,
    )


def _type(
    feature: Numbers | Text,
    constraints: Mapping[str, Any],
    settings: MonitoringConfig,
    baseline: Baseline,
) -> Iterator[ShareComparison]:
    expected = constraints.get("inferred_type", UNKNOWN)
    if expected == UNKNOWN:
        return
    fitting = feature.count_of_type(expected)
    present, _ = baseline.counts(feature.name)
    is_limit = settings.datatype_threshold != TYPE_THRESHOLD
    others = baseline.mistyped(feature.name)
    if is_limit:
        others = round((1 - settings.datatype_threshold) * present)
    lead = (
        f"Data type match requirement is not met. Expected data type: {expected}, "
        f"Expected match: {settings.datatype_threshold * 100}%. "
        f"Observed: Only {fitting / feature.present * 100}% of data is {expected}. "
    )
    yield ShareComparison(
        feature=feature.name,
        check="data_type_check",
        lead=lead,
        what=f"are not {expected}",
        seen=feature.present - fitting,
        rows=feature.present,
        seen_before=others,
        rows_before=present,
        is_limit=is_limit,
    )


def _domain(
    feature: Numbers | Text,
    constraints: Mapping[str, Any],
    settings: MonitoringConfig,
    baseline: Baseline,
) -> Iterator[ShareComparison]:
    domain = constraints.get("string_constraints", {}).get("domains")
    if not domain or not isinstance(feature, Text):
        return
    unknown = feature.count_outside(domain)
    present, _ = baseline.counts(feature.name)
    is_limit = settings.domain_threshold != DOMAIN_THRESHOLD
    if is_limit:
        before, rows, clumps = round((1 - settings.domain_threshold) * present), present, 0
    else:
        # By Good (1953): half of the rows may hold as many new values as the other half has that
        # occur once. A new value comes in several rows at a time, as the others do.
        before, rows, clumps = baseline.seen_once(feature.name) // 2, present // 2, _CLUMPS
    lead = _unmet(feature.present - unknown, feature.present)
    yield ShareComparison(
        feature=feature.name,
        check="categorical_values_check",
        lead=lead,
        what="are none of the known values",
        seen=unknown,
        rows=feature.present,
        seen_before=before,
        rows_before=rows,
        is_limit=is_limit,
        clumps=clumps,
    )


def _unmet(fitting: int, rows: int) -> str:
    """Deequ's sentence, to which it adds a hint."""
    return f"Value: {fitting / rows if rows else 0.0} does not meet the constraint requirement! "


def _drifts(
    features: Mapping[str, Feature], baseline: Baseline, minimum_rows: int
) -> tuple[list[Drift], dict[str, str]]:
    """The distances, and why others are not there."""
    drifts: list[Drift] = []
    not_compared: dict[str, str] = {}
    for constraints, settings in baseline.evaluated():
        if (feature := features.get(constraints["name"])) is None:
            continue
        drift = _drift(feature, baseline, settings, minimum_rows)
        if isinstance(drift, str):
            not_compared[feature.name] = drift
        else:
            drifts.append(drift)
    return drifts, not_compared


def _drift(
    feature: Feature, baseline: Baseline, settings: MonitoringConfig, minimum: int
) -> Drift | str:
    """The drift of a feature, or why there is none to speak of."""
    if not settings.compare:
        return "perform_comparison is Disabled"
    before = baseline.feature(feature.name)
    if before is None:
        return "the baseline statistics do not hold it"
    if isinstance(feature, EmptyProfile) or before["inferred_type"] == UNKNOWN:
        return "it has no values on one side"
    numbers = before["inferred_type"] in (INTEGRAL, FRACTIONAL)
    if numbers != isinstance(feature, Numbers):
        return f"it is {feature.inferred_type} and was {before['inferred_type']}"
    present, _ = baseline.counts(feature.name)
    fewest = min(feature.present - feature.mistyped, present)
    if fewest < minimum:
        return f"{fewest} values, fewer than the {minimum} that a comparison needs"
    if isinstance(feature, Numbers):
        sketch = baseline.sketch(feature.name)
        if sketch is None:
            return "the baseline statistics do not hold its distribution"
        return numerical_drift(feature.name, feature.sketch, sketch, settings)
    if not (counts := baseline.categories(feature.name)):
        return "the baseline has too many distinct values to be categories"
    return categorical_drift(feature, counts, settings)
