"""The model package group: which versions are approved, and the mark on one that failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.loop.answers import says_missing
from ratchet.loop.packages import APPROVED, DEPLOYMENT_MARK_KEY, PENDING, baselines_of, metadata_of
from ratchet.loop.versions import COMPLETE, FailureMark, version_in
from reconcile_champion.seen import Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

_ENOUGH = 2
"""Versions that may serve: the wanted one, and the next should that one turn out to have failed."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    sagemaker: SageMakerClient
    group: str

    def approved(self, *, down_to: str | None = None) -> list[Package]:
        """The approved versions, newest first, down to the second that may serve, and at least
        to this one."""
        approved_packages: list[Package] = []
        lowest = int(down_to) if down_to and down_to.isdecimal() else None
        for arn in self._approved_arns():
            package = self.package(arn)
            if package and package.approved:
                approved_packages.append(package)
            enough = sum(not package.failed for package in approved_packages) >= _ENOUGH
            if enough and (lowest is None or approved_packages[-1].version <= lowest):
                break
        return approved_packages

    def package(self, arn: str) -> Package | None:
        """The version; None if it is deleted, or not of the group."""
        version = version_in(arn, group=self.group)
        if version is None:
            return None
        try:
            described = self.sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if says_missing(error):
                return None
            raise
        return Package(
            arn=arn,
            version=version,
            approval=described.get("ModelApprovalStatus", PENDING),
            status=described.get("ModelPackageStatus", COMPLETE),
            modified=described.get("LastModifiedTime"),
            baselines=baselines_of(described),
            metadata=metadata_of(described),
        )

    def mark(self, package: Package, mark: FailureMark) -> None:
        """Add the mark to the version's metadata."""
        self.sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            CustomerMetadataProperties={**package.metadata, DEPLOYMENT_MARK_KEY: mark.text()},
        )

    def unmark(self, package: Package) -> None:
        self.sagemaker.update_model_package(
            ModelPackageArn=package.arn, CustomerMetadataPropertiesToRemove=[DEPLOYMENT_MARK_KEY]
        )

    def _approved_arns(self) -> Iterator[str]:
        paginator: Any = self.sagemaker.get_paginator("list_model_packages")
        pages = paginator.paginate(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus=APPROVED,
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                yield summary["ModelPackageArn"]
