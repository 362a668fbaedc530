"""Constraints suggested from a baseline, and the settings a comparison obeys (constraints.json).

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
The suggestions follow Deequ's rules (awslabs/deequ, suggestions.rules), which Model Monitor's
container is built on: NonNegativeNumbersRule, CategoricalRangeRule. Completeness has a wider
margin than its RetainCompletenessRule, whose limit many samples of unchanged data miss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.monitoring.profiles import VERSION, Feature, Numbers, Profile, Text
from ratchet.monitoring.shares import EFFECT

ENABLED = "Enabled"
SIMPLE, ROBUST = "Simple", "Robust"
L_INFINITY, CHI_SQUARED = "LInfinity", "ChiSquared"

THRESHOLD, TYPE_THRESHOLD, DOMAIN_THRESHOLD = 0.1, 1.0, 1.0

# AWS's page gives 0.1 for the first two thresholds; the files its container writes hold 1.0, and
# "at least 10 % of the values have the right type" would let nearly anything pass.
_DEFAULTS: dict[str, Any] = {
    "evaluate_constraints": ENABLED,
    "emit_metrics": ENABLED,
    "datatype_check_threshold": TYPE_THRESHOLD,
    "domain_content_threshold": DOMAIN_THRESHOLD,
    "distribution_constraints": {
        "perform_comparison": ENABLED,
        "comparison_threshold": THRESHOLD,
        "comparison_method": ROBUST,
        "categorical_comparison_threshold": THRESHOLD,
        "categorical_drift_method": L_INFINITY,
    },
}

# The page lists the methods by these names where its example uses Simple and Robust.
_METHODS = {"linf_simple": SIMPLE, "linf_robust": ROBUST, SIMPLE: SIMPLE, ROBUST: ROBUST}

_MOST_UNIQUE_CATEGORIES = 0.1

# Of the completeness that is suggested: for Model Monitor's container, which compares it with a
# sample's share as it stands. At this many rows chance goes beyond it in less than one of a hundred
# analyses of a hundred columns.
_SAMPLE_ROWS = 1_000
_STANDARD_ERRORS = 4.5


class InvalidConstraintsError(ValueError):
    """A constraints.json that says something this analyzer cannot do."""


@dataclass(frozen=True)
class MonitoringConfig:
    """`monitoring_config`, with the overrides of one feature laid over it."""

    evaluate: bool
    emit_metrics: bool
    datatype_threshold: float
    domain_threshold: float
    compare: bool
    numerical_threshold: float
    method: str
    categorical_threshold: float
    categorical_method: str

    @classmethod
    def of(
        cls, config: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
    ) -> MonitoringConfig:
        """Read `monitoring_config` and a feature's `monitoringConfigOverrides`.

        Raises InvalidConstraintsError for an unknown method.
        """
        layers = [_DEFAULTS, config, overrides or {}]
        values: dict[str, Any] = {}
        comparison: dict[str, Any] = {}
        for layer in layers:
            values.update(layer)
            overridden = layer.get("distribution_constraints", {})
            # AWS: the threshold of categories is the general one unless it is given.
            if "comparison_threshold" in overridden:
                comparison["categorical_comparison_threshold"] = overridden["comparison_threshold"]
            comparison.update(overridden)
        return cls(
            evaluate=values["evaluate_constraints"] == ENABLED,
            emit_metrics=values["emit_metrics"] == ENABLED,
            datatype_threshold=float(values["datatype_check_threshold"]),
            domain_threshold=float(values["domain_content_threshold"]),
            compare=comparison["perform_comparison"] == ENABLED,
            numerical_threshold=float(comparison["comparison_threshold"]),
            method=_one_of(_METHODS, "comparison_method", comparison),
            categorical_threshold=float(comparison["categorical_comparison_threshold"]),
            categorical_method=_one_of(
                {name: name for name in (L_INFINITY, CHI_SQUARED)},
                "categorical_drift_method",
                comparison,
            ),
        )


def suggest(
    profile: Profile, *, threshold: float = THRESHOLD, domain_threshold: float = DOMAIN_THRESHOLD
) -> dict[str, Any]:
    """The content of constraints.json for a baseline.

    `threshold` is that of every distance, `domain_threshold` the least share of known values.
    """
    names = ("comparison_threshold", "categorical_comparison_threshold")
    thresholds = dict.fromkeys(names, threshold)
    return {
        "version": VERSION,
        "features": [_feature(feature) for feature in profile.features],
        "monitoring_config": {
            **_DEFAULTS,
            "domain_content_threshold": domain_threshold,
            "distribution_constraints": {**_DEFAULTS["distribution_constraints"], **thresholds},
        },
    }


def _feature(feature: Feature) -> dict[str, Any]:
    constraints: dict[str, Any] = {
        "name": feature.name,
        "inferred_type": feature.inferred_type,
        "completeness": expected_completeness(feature.present, feature.missing),
    }
    if isinstance(feature, Numbers):
        constraints["num_constraints"] = {"is_non_negative": feature.minimum >= 0}
    elif isinstance(feature, Text) and (domain := _domain(feature)) is not None:
        constraints["string_constraints"] = {"domains": domain}
    return constraints


def expected_completeness(present: int, missing: int) -> float:
    """The least share of present values to expect of a sample of 1,000 rows or more.

    Below the baseline's share by what chance makes of it, and by a point at least.
    """
    rows = present + missing
    if not rows:
        return 0.0
    share = present / rows
    error = math.sqrt(share * (1 - share) * (1 / _SAMPLE_ROWS + 1 / rows))
    lower = share - max(EFFECT, _STANDARD_ERRORS * error)
    return max(0.0, math.floor(lower * 1000 + 1e-6) / 1000)


def _domain(feature: Text) -> list[str] | None:
    """The values a column may hold, most frequent first; None for free text and identifiers."""
    categories = feature.categories
    if categories is None:
        return None
    once = sum(count == 1 for count in categories.values())
    return list(categories) if once / len(categories) <= _MOST_UNIQUE_CATEGORIES else None


def _one_of(choices: Mapping[str, str], key: str, values: Mapping[str, Any]) -> str:
    value = values[key]
    if value not in choices:
        message = f"{key} is {value!r} in constraints.json; expected one of {', '.join(choices)}"
        raise InvalidConstraintsError(message)
    return choices[value]
