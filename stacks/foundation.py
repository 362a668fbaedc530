"""Resources that outlive everything else: data, artifacts, the model registry, the notification
topic."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from ratchet.loop import folders
from ratchet.pipelines.registry import PIPELINES_STACK, pipelines
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.buckets import AccessLogs, LoopBucket, removal_policy
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.serving.model_registry import ModelRegistry

CHECKPOINT_DAYS = 14
"""How long a checkpoint that no job writes anew is kept: a spot job may wait for capacity for seven
days (`ComputeSettings.max_wait_seconds`), and a run that failed is tried again within another few.
"""


class Foundation(cdk.Stack):
    """Deployed once and then left alone.

    The stacks above import its names through CloudFormation exports: they cannot be removed while
    something needs them, which for a bucket or a key is a protection.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, source: Path
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-foundation",
            description="Data, artifacts, model registry and notifications of the model loop",
            termination_protection=settings.protected,
        )
        self.key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the data and artifacts of {settings.prefix}",
            enable_key_rotation=True,
            removal_policy=removal_policy(settings.retention),
        )
        # Beside the stacks above, roles of people name it: docs/guides/roles/person.yaml.
        self.export_value(self.key.key_arn, name=f"{self.stack_name}-key-arn")
        logs = AccessLogs(self, "AccessLogs", retention=settings.retention)
        self.data = LoopBucket(self, "Data", key=self.key, logs=logs, retention=settings.retention)
        self.artifacts = LoopBucket(
            self,
            "Artifacts",
            key=self.key,
            logs=logs,
            retention=settings.retention,
            expiring=self._expiring(settings, source),
        )
        self.registry = ModelRegistry(
            self,
            "Models",
            settings=settings,
            description=f"Versions of the {settings.loop} model in {settings.environment}",
            removal_policy=removal_policy(settings.retention),
        )
        self.notifications = Notifications(self, "Notifications", key=self.key, settings=settings)

    def loop(self, stack: cdk.Stack, *, settings: Settings, source: Path) -> LoopResources:
        """This stack's resources, for the constructs of the other stacks."""
        return LoopResources(
            settings=settings,
            source=source,
            code=CodeBucket(stack, settings=settings),
            data=self.data,
            artifacts=self.artifacts,
            registry=self.registry,
            notifications=self.notifications,
        )

    @staticmethod
    def _expiring(settings: Settings, source: Path) -> dict[str, int]:
        """Prefix → days."""
        retention = settings.retention
        team = [
            settings.pipeline_name(name)
            for name, entry in pipelines(source, settings.model_name).items()
            if entry.stack == PIPELINES_STACK and not entry.imported
        ]
        return {
            folders.runs(settings.pipeline_name("training")): retention.run_days,
            folders.checkpoints(settings.pipeline_name("training")): CHECKPOINT_DAYS,
            folders.runs(settings.pipeline_name("evaluation")): retention.run_days,
            folders.runs(settings.pipeline_name("monitoring")): retention.capture_days,
            **{folders.runs(name): retention.run_days for name in team},
            **{folders.checkpoints(name): CHECKPOINT_DAYS for name in team},
            **dict.fromkeys(
                (folders.CAPTURE, folders.GROUND_TRUTH, folders.MONITORING), retention.capture_days
            ),
        }
