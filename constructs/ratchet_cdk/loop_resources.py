"""What the constructs of one loop share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.buckets import LoopBucket
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.permissions.arns import EnvironmentArns
from ratchet_cdk.serving.model_registry import ModelRegistry


@dataclass(frozen=True, kw_only=True)
class LoopResources:
    """The settings of an environment, the project's files, and what its Foundation stack holds, as
    the constructs of one stack use them."""

    settings: Settings
    source: Path
    """The project's folder."""
    code: CodeBucket
    """Where the stack publishes code."""
    data: LoopBucket
    artifacts: LoopBucket
    registry: ModelRegistry
    notifications: Notifications

    @cached_property
    def arns(self) -> EnvironmentArns:
        """ARNs of resources with a fixed name in this environment."""
        return EnvironmentArns.of(self.settings)
