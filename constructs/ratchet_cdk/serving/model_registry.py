"""The registry, where trained models wait for approval."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk.permissions.arns import EnvironmentArns
from ratchet_cdk.permissions.narrow_role import NarrowRole


class ModelRegistry(Construct):
    """A model package group, and the rights to read its versions and to write notes on them.

    Who registers in it, a pipeline's role, may do so by what the pipeline's definition says.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        description: str,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = settings.model_package_group
        arns = EnvironmentArns.of(settings)
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=self.name,
            # Of the name's own parts alone: another description replaces the group, whose name
            # would then be taken.
            model_package_group_description=description,
        )
        group.apply_removal_policy(removal_policy)
        self._packages_arn = arns.sagemaker(f"model-package/{self.name}/*")

    def grant_read(self, role: NarrowRole) -> None:
        """Describes the versions of this group."""
        role.allow(
            "ReadModelPackages",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[self._packages_arn],
            wildcard="The registry numbers the versions of this group.",
        )

    def grant_list(self, role: NarrowRole) -> None:
        """Finds the versions of this group."""
        role.allow(
            "ListModelPackages",
            actions=["sagemaker:ListModelPackages"],
            resources=["*"],
            wildcard="The action knows no resource.",
        )

    def grant_judge(self, role: NarrowRole) -> None:
        """Finds the versions of this group, and writes notes on how their deployment went."""
        self.grant_list(role)
        self.grant_note(role)

    def grant_note(self, role: NarrowRole) -> None:
        """Describes the versions of this group, and writes notes on them: never an approval."""
        self.grant_read(role)
        role.allow(
            "MarkModelPackages",
            actions=["sagemaker:UpdateModelPackage"],
            resources=[self._packages_arn],
            # A request that says anything of the approval is none of ours.
            conditions={"Null": {"sagemaker:ModelApprovalStatus": "true"}},
            wildcard="The registry numbers the versions of this group.",
        )
