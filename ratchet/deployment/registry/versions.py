"""The versions of a model in the registry, and which of them should serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.target.environment import Target
from ratchet.loop.answers import says_missing
from ratchet.loop.names import NONE, holds_edits
from ratchet.loop.packages import CHAMPION_VERSION_KEY, baselines_of, metadata_of
from ratchet.loop.versions import COMPLETE, Version


@dataclass(frozen=True, kw_only=True)
class ModelVersion(Version):
    """One version of a model package group, as a person sees it."""

    group: str
    approval_note: str = ""
    created: datetime | None = None
    description: str = ""
    run_arn: str = ""
    """The pipeline execution that registered it."""
    artifact: str = ""
    """The S3 URI of the model."""
    image: str = ""
    baselines: Mapping[str, str] = field(default_factory=dict)
    """`quality` or `data` → the S3 URI of the statistics that drift is measured against."""
    baseline_folder: str = NONE
    """The S3 folder of the data baseline that a promotion gives the monitor."""

    @property
    def of_edit(self) -> bool:
        """Its run was one of an edit: no deployed pipeline makes this model."""
        return holds_edits(self.run_arn)


def versions(target: Target, group: str) -> list[ModelVersion]:
    """Every version of the group, the newest first."""
    sagemaker = target.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    arns = [p["ModelPackageArn"] for page in pages for p in page["ModelPackageSummaryList"]]
    with ThreadPoolExecutor(max_workers=8) as pool:  # a summary lacks metadata, so ask for each
        described = list(pool.map(lambda arn: described_version(target, arn), arns))
    listed = [version for version in described if version]
    return sorted(listed, key=lambda version: version.version, reverse=True)


def described_version(target: Target, arn: str) -> ModelVersion | None:
    """The version; None when it has been deleted."""
    from botocore.exceptions import ClientError

    try:
        package = target.client("sagemaker").describe_model_package(ModelPackageName=arn)
    except ClientError as answer:
        if says_missing(answer):
            return None
        raise
    return of(package, arn=arn)


def of(package: Mapping[str, Any], *, arn: str) -> ModelVersion:
    """A version from what DescribeModelPackage answers."""
    containers = package.get("InferenceSpecification", {}).get("Containers") or [{}]
    source = containers[0].get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    baselines = package.get("DriftCheckBaselines", {})
    uris = {
        "data": baselines.get("ModelDataQuality", {}).get("Statistics", {}).get("S3Uri"),
        "quality": baselines.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri"),
    }
    return ModelVersion(
        arn=arn,
        group=package.get("ModelPackageGroupName", ""),
        version=package.get("ModelPackageVersion", 0),
        approval=package.get("ModelApprovalStatus", ""),
        status=package.get("ModelPackageStatus", COMPLETE),
        approval_note=package.get("ApprovalDescription", ""),
        created=package.get("CreationTime"),
        modified=package.get("LastModifiedTime"),
        description=package.get("ModelPackageDescription", ""),
        metadata=metadata_of(package),
        run_arn=package.get("MetadataProperties", {}).get("GeneratedBy", ""),
        artifact=containers[0].get("ModelDataUrl") or source,
        image=containers[0].get("Image", ""),
        baselines={name: uri for name, uri in uris.items() if uri},
        baseline_folder=baselines_of(package).data,
    )


def not_judged(version: ModelVersion, *, champion: int | None) -> str:
    """Of a version that was judged against something else than the champion."""
    judged = f"version {version.judged_against}" if version.judged_against else "no champion"
    if champion is None:
        return f"It was judged against {judged}, which does not serve any more."
    if CHAMPION_VERSION_KEY not in version.metadata:
        return f"No run judged it against version {champion}."
    return f"It was judged against {judged}, and not against version {champion}."


def find(versions: Sequence[ModelVersion], text: str) -> ModelVersion:
    """The version that `text` means: `3`, `v3`, `latest` or an ARN.

    Raises:
        UnknownNameError: there is none such.
    """
    if not versions:
        raise UnknownNameError(
            "no model is registered yet. A run that passes the gate registers one: ratchet runs"
        )
    if text == "latest":
        return versions[0]
    for version in versions:
        if text in (str(version.version), f"v{version.version}", version.arn):
            return version
    numbers = ", ".join(str(version.version) for version in versions[:10])
    omitted = f" and {len(versions) - 10} older" if len(versions) > 10 else ""
    raise UnknownNameError(
        f"no version {text!r} in {versions[0].group}. There is: {numbers}{omitted}; `latest` "
        "is the newest. `ratchet models` lists them"
    )
