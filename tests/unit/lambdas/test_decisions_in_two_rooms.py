"""What both the reconciler and the command line decide, from the same answers of SageMaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from ratchet.deployment.registry import approval
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.approval import Verdict
from ratchet.deployment.standing import Standing
from ratchet.loop.packages import APPROVED, DEPLOYMENT_MARK_KEY, PENDING, REJECTED
from ratchet.loop.versions import MARK_HOLDS, FailureMark
from reconcile_champion.plan import Promote, plan
from reconcile_champion.registry import Registry
from tests.unit.lambdas.fake_serving import EPOCH, GROUP, arn_of
from tests.unit.lambdas.test_reconcile_plan import POLICY, seen

Package = dict[str, Any]
TOUCHED = {"no mark": None, "marked": timedelta(seconds=1), "approved anew": MARK_HOLDS * 2}


def package(number: int, status: str, approved: str, touched: str) -> Package:
    since = TOUCHED[touched]
    mark = FailureMark(at=EPOCH, why="the ping failed").text()
    return {
        "ModelPackageArn": arn_of(number),
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": number,
        "ModelApprovalStatus": approved,
        "ModelPackageStatus": status,
        "LastModifiedTime": EPOCH + (since or timedelta()),
        "CustomerMetadataProperties": {} if since is None else {DEPLOYMENT_MARK_KEY: mark},
    }


STATES = [
    *product(("Completed",), (APPROVED, REJECTED, PENDING), TOUCHED),
    ("Failed", APPROVED, "no mark"),
    ("InProgress", APPROVED, "no mark"),
    ("Failed", PENDING, "no mark"),
]
GROUPS = [[package(2, *newer), package(1, *older)] for newer, older in product(STATES, STATES)]


@dataclass
class FakeRegistry:
    packages: Sequence[Package]

    def get_paginator(self, _: str) -> FakeRegistry:
        return self

    def paginate(self, *, ModelApprovalStatus: str, **_: Any) -> list[Mapping[str, Any]]:  # noqa: N803
        listed = [p for p in self.packages if p["ModelApprovalStatus"] == ModelApprovalStatus]
        return [{"ModelPackageSummaryList": listed}]

    def describe_model_package(self, ModelPackageName: str) -> Package:  # noqa: N803
        return next(p for p in self.packages if p["ModelPackageArn"] == ModelPackageName)


def promoted(packages: Sequence[Package]) -> int | None:
    """The version that the reconciler deploys where nothing serves."""
    sagemaker: Any = FakeRegistry(packages)
    approved = Registry(sagemaker=sagemaker, group=GROUP).approved()
    decision = plan(seen(packages=approved), POLICY)
    return decision.package.version if isinstance(decision, Promote) else None


def listed(packages: Sequence[Package]) -> tuple[registry.ModelVersion, ...]:
    return tuple(registry.of(p, arn=p["ModelPackageArn"]) for p in packages)


def test_status_wants_the_version_that_the_reconciler_deploys() -> None:
    for packages in GROUPS:
        wanted = Standing(versions=listed(packages)).version_to_serve
        assert (wanted and wanted.version) == promoted(packages), packages


@pytest.mark.parametrize("verdict", [APPROVED, REJECTED])
def test_what_follows_from_a_verdict_is_what_the_reconciler_does_then(verdict: Verdict) -> None:
    for packages in GROUPS:
        for decided in listed(packages):
            follows = approval.consequence(
                listed(packages), decided, verdict, serving=None, when_none_left="keep"
            )
            at = {"ModelApprovalStatus": verdict, "LastModifiedTime": EPOCH + MARK_HOLDS * 3}
            after = [p | at if p["ModelPackageArn"] == decided.arn else p for p in packages]
            assert follows.version == promoted(after), (packages, decided.version)
