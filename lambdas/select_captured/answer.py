"""The answer of the `captured` step: its outputs are flat, and none is ever missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ratchet.loop import names


@dataclass(frozen=True, kw_only=True)
class SelectionAnswer:
    start: str
    end: str
    """The window, ISO 8601 UTC, [start, end): records count by their inferenceTime."""
    objects: int = 0
    """Captured files to read; 0 when there is nothing to analyze or to hold it against."""
    manifest: str = names.NONE
    baseline: str = names.NONE
    """Folder with statistics.json and constraints.json, without a trailing slash."""
    package_arn: str = names.NONE
    """The champion."""
    labelled: int = 0
    """Files of labels to use; 0 when none is new, or there is no baseline of model quality."""
    labels: str = names.NONE
    labelled_manifest: str = names.NONE
    """The captured files that the labels may be about."""
    quality_baseline: str = names.NONE
    quality_start: str
    quality_end: str

    def outputs(self) -> dict[str, str | int]:
        return asdict(self)
