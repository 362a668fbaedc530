"""What a model package says of itself, in DescribeModelPackage's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ratchet.loop.folders import CONSTRAINTS, baseline_folder
from ratchet.loop.names import NONE

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
"""By how much it is worse than that version; less than 0 is better."""

EVALUATION_TIME_KEY = "evaluation-time"
EVALUATION_SCORE_KEY = "evaluation-score"
EVALUATION_OUTCOME_KEY = "evaluation-outcome"
"""Of the latest evaluation of the version while it served."""

DEPLOYMENT_MARK_KEY = "ratchet-deployment"
"""The mark that a failed deployment leaves: see versions.py."""


def candidate_key(metric: str) -> str:
    """The score that the version was registered by."""
    return f"candidate-{metric}"


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
    """None where the metadata has no such number."""
    try:
        return float(metadata[key])
    except (KeyError, ValueError):
        return None


def _folder(source: Mapping[str, Mapping[str, str]]) -> str:
    """The folder of both files. A monitor is given one folder, so files elsewhere are no baseline
    that it can read."""
    statistics, constraints = (
        source.get(name, {}).get("S3Uri", "") for name in ("Statistics", "Constraints")
    )
    folder = baseline_folder(statistics)
    return folder if folder and constraints == f"{folder}/{CONSTRAINTS}" else NONE
