"""What the champion serves on, and how a new one takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ratchet.settings.compute import Image, InstanceType
from ratchet.settings.toml_reader import between


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """What the champion serves on, and how a new one takes its place."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: Annotated[int, between(1, 1000)] = 2
    """Canary and linear routing need at least two instances."""
    max_count: Annotated[int, between(1, 1000)] = 2
    """Above `instance_count`: the endpoint scales between the two by invocations per instance."""
    invocations_per_instance: Annotated[int, between(1, 1_000_000)] = 1000
    """The target of scaling, per minute."""
    routing: Literal["canary", "linear", "all-at-once"] = "canary"
    """How traffic moves to the new instances: a share first, in equal shares, or all of it."""
    step_percent: Annotated[int, between(10, 50)] = 10
    """The share of instances that takes traffic first (canary) or with each step (linear)."""
    wait_seconds: Annotated[int, between(0, 3600)] = 300
    """How long alarms are watched after each share."""
    termination_wait_seconds: Annotated[int, between(0, 3600)] = 120
    """How long the old instances stay after all traffic has moved, for a rollback."""
    max_5xx: Annotated[int, between(0, 1_000_000)] = 1
    """More failed requests in a minute raise the alarm, and roll an update back."""
    max_4xx: Annotated[int, between(0, 1_000_000)] = 50
    """More refused requests in a minute raise the alarm, and roll an update back."""
    max_latency_ms: Annotated[int, between(1, 60_000)] = 1000
    """A higher 99th percentile of the model's latency, two minutes in a row, raises it, too."""
    capture_percent: Annotated[int, between(1, 100)] = 100
    """The share of requests that is kept for monitoring."""
    image_uri: Image | None = None
    """The container image that serves versions registered from now on; None: the one that the
    registered model was trained in."""

    @property
    def update_wait_seconds(self) -> int:
        """How many seconds of an update are waiting."""
        shares = -(-100 // self.step_percent) if self.routing == "linear" else 1
        return shares * self.wait_seconds + self.termination_wait_seconds
