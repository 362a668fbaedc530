"""What a loop stands on: resources that outlive everything else."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from ratchet.loop import folders
from ratchet.pipelines.registry import PIPELINES_STACK, pipelines
from ratchet_cdk.capabilities.stack import CapableStack
from ratchet_cdk.foundation.buckets import AccessLogs, LoopBucket, removal_policy
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.serving.model_registry import ModelRegistry

CHECKPOINT_DAYS = 14
"""How long a checkpoint that no job writes anew is kept: a spot job may wait for capacity for seven
days (`ComputeSettings.max_wait_seconds`), and a run that failed is tried again within another few.
"""


class FoundationCapabilities(CapableStack):
    """Data, model registry, notifications.

    The stacks above import the names through CloudFormation exports: they cannot be removed while
    something needs them, which for a bucket or a key is a protection.
    """

    data: LoopBucket
    artifacts: LoopBucket
    registry: ModelRegistry
    notifications: Notifications
    key: kms.Key

    def keeps_data(self) -> None:
        """Buckets for data and artifacts, encrypted with a key of the loop's own."""
        retention = self.settings.retention
        self.key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the data and artifacts of {self.settings.prefix}",
            enable_key_rotation=True,
            removal_policy=removal_policy(retention),
        )
        # Beside the stacks above, roles of people name it: docs/guides/roles/person.yaml.
        self.export_value(self.key.key_arn, name=f"{self.stack_name}-key-arn")
        logs = AccessLogs(self, "AccessLogs", retention=retention)
        self.data = LoopBucket(self, "Data", key=self.key, logs=logs, retention=retention)
        self.artifacts = LoopBucket(
            self,
            "Artifacts",
            key=self.key,
            logs=logs,
            retention=retention,
            expiring=self._expiring(),
        )

    def registers_models(self) -> None:
        """The model package group, whose versions people approve."""
        self.registry = ModelRegistry(
            self,
            "Models",
            settings=self.settings,
            description=f"Versions of the {self.settings.loop} model in "
            f"{self.settings.environment}",
            removal_policy=removal_policy(self.settings.retention),
        )

    def has_a_topic(self) -> None:
        """Where notices go, to whoever subscribes."""
        self.notifications = Notifications(
            self, "Notifications", key=self.key, settings=self.settings
        )

    def shared_with(self, stack: cdk.Stack) -> LoopResources:
        """This stack's resources, for the constructs of another."""
        return LoopResources(
            settings=self.settings,
            source=self.loop.source,
            code=CodeBucket(stack, settings=self.settings),
            data=self.data,
            artifacts=self.artifacts,
            registry=self.registry,
            notifications=self.notifications,
        )

    def _expiring(self) -> Mapping[str, int]:
        """Prefix → days."""
        retention, name = self.settings.retention, self.settings.pipeline_name
        team = [
            name(entry.name)
            for entry in pipelines(self.loop.source, self.settings.model_name).values()
            if entry.stack == PIPELINES_STACK and not entry.imported
        ]
        return {
            folders.runs(name("training")): retention.run_days,
            folders.checkpoints(name("training")): CHECKPOINT_DAYS,
            folders.runs(name("evaluation")): retention.run_days,
            folders.runs(name("monitoring")): retention.capture_days,
            **{folders.runs(each): retention.run_days for each in team},
            **{folders.checkpoints(each): CHECKPOINT_DAYS for each in team},
            **dict.fromkeys(
                (folders.CAPTURE, folders.GROUND_TRUTH, folders.MONITORING), retention.capture_days
            ),
        }
