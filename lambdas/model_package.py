"""What a model package says of itself, from DescribeModelPackage's answer (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.loop import folders, names


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """S3 folders, without a trailing slash, that hold statistics.json and constraints.json; "none"
    where the package names none."""

    data: str = names.NONE
    quality: str = names.NONE


def baselines_of(package: Mapping[str, Any]) -> Baselines:
    drift = package.get("DriftCheckBaselines", {})
    return Baselines(
        data=_folder(drift.get("ModelDataQuality", {})),
        quality=_folder(drift.get("ModelQuality", {})),
    )


def metadata_of(package: Mapping[str, Any]) -> dict[str, str]:
    return dict(package.get("CustomerMetadataProperties", {}))


def number_in(metadata: Mapping[str, str], name: str) -> float | None:
    try:
        return float(metadata[name])
    except (KeyError, ValueError):
        return None


def _folder(source: Mapping[str, Mapping[str, str]]) -> str:
    """The folder of both files. A monitor is given one folder, so files elsewhere are no baseline
    that it can read."""
    statistics, constraints = (
        source.get(name, {}).get("S3Uri", "") for name in ("Statistics", "Constraints")
    )
    folder = folders.baseline_folder(statistics)
    together = folder and constraints == f"{folder}/{folders.CONSTRAINTS}"
    return folder if together else names.NONE
