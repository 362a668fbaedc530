"""What a model package says of itself, in DescribeModelPackage's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ratchet.loop.folders import CONSTRAINTS, baseline_folder
from ratchet.loop.names import NONE, SCORED
from ratchet.loop.problems import THRESHOLD, Better, better_of, direction

APPROVED: Final = "Approved"
REJECTED: Final = "Rejected"
PENDING: Final = "PendingManualApproval"
"""ModelApprovalStatus."""

# Keys of the customer metadata. The training pipeline writes the first ones as it registers.
MANIFEST_KEY = "manifest"
"""What the run read: the S3 URI of a manifest."""
CHAMPION_VERSION_KEY = "champion-version"
"""The version that it was compared with, or NONE."""
CHAMPION_STATUS_KEY = "champion-status"
REGRESSION_KEY = "regression"
"""By how much it is worse than that version, in the metric's own unit; less than 0 is better."""
METRIC_KEY = "metric"
BETTER_KEY = "better"
CANDIDATE_SCORE_KEY = "candidate-score"
"""The metric that it was registered by, whether "higher" or "lower" is better, and its score."""
MODEL_DIGEST_KEY = "model-digest"
"""Of names and bytes in the model's archive: ratchet/judging/copies.py."""
THRESHOLD_KEY = "threshold"
"""Of a binary problem: the probability from which on it answered the positive class when it was
judged."""

EVALUATION_TIME_KEY = "evaluation-time"
EVALUATION_SCORE_KEY = "evaluation-score"
EVALUATION_OUTCOME_KEY = "evaluation-outcome"
"""Of the latest evaluation of the version while it served."""

DEPLOYMENT_MARK_KEY = "ratchet-deployment"
"""The mark that a failed deployment leaves: see versions.py."""


_CANDIDATE = "candidate-"
"""A version registered before versions named their metric has its score as `candidate-<metric>`."""


@dataclass(frozen=True, kw_only=True)
class Score:
    metric: str
    better: Better
    value: float


def registered_score(metadata: Mapping[str, str]) -> Score | None:
    """The score that a version was registered by; None where it has none."""
    if METRIC_KEY in metadata:
        value = number_in(metadata, CANDIDATE_SCORE_KEY)
        better: Better = direction(metadata.get(BETTER_KEY))
        return (
            value
            if value is None
            else Score(metric=metadata[METRIC_KEY], better=better, value=value)
        )
    for key in metadata:
        value = number_in(metadata, key) if key.startswith(_CANDIDATE) else None
        if value is not None:
            metric = key.removeprefix(_CANDIDATE)
            return Score(metric=metric, better=better_of(metric), value=value)
    return None


def threshold_of(metadata: Mapping[str, str]) -> float:
    """The probability from which on the version answered the positive class when it was judged:
    its quality baseline holds for that. One registered before versions said it was judged at
    THRESHOLD."""
    threshold = number_in(metadata, THRESHOLD_KEY)
    return THRESHOLD if threshold is None else threshold


def registered_regression(metadata: Mapping[str, str]) -> float | None:
    """By how much it is worse than the champion that it was judged against; None where there was no
    champion, or one that could not be scored: a report's regression is 0 then."""
    if metadata.get(CHAMPION_STATUS_KEY, SCORED) != SCORED:
        return None
    return number_in(metadata, REGRESSION_KEY)


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """S3 folders, without a trailing slash, that hold statistics.json and constraints.json; NONE
    where the package names none."""

    data: str = NONE
    quality: str = NONE


def baselines_of(package: Mapping[str, Any]) -> Baselines:
    checks = package.get("DriftCheckBaselines", {})
    return Baselines(
        data=_folder(checks.get("ModelDataQuality", {})),
        quality=_folder(checks.get("ModelQuality", {})),
    )


def metadata_of(package: Mapping[str, Any]) -> dict[str, str]:
    return dict(package.get("CustomerMetadataProperties", {}))


def number_in(metadata: Mapping[str, str], key: str) -> float | None:
    """None where the metadata has no such number: NaN and infinity are none, for nothing is worse
    than NaN."""
    try:
        value = float(metadata[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _folder(source: Mapping[str, Mapping[str, str]]) -> str:
    """The folder of both files. A monitor is given one folder, so files elsewhere are no baseline
    that it can read."""
    statistics, constraints = (
        source.get(name, {}).get("S3Uri", "") for name in ("Statistics", "Constraints")
    )
    folder = baseline_folder(statistics)
    return folder if folder and constraints == f"{folder}/{CONSTRAINTS}" else NONE
