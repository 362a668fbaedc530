"""What a job runs on and in: its instances, its image, its variables, its network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Annotated

from ratchet.settings import images
from ratchet.settings.toml_reader import Rule, between, matching

InstanceType = Annotated[
    str, matching(r"ml\.[a-z0-9-]+\.[a-z0-9]+", 'an instance type such as "ml.m5.large"')
]

Image = Annotated[
    str, lambda uri: None if images.is_ecr_image(uri) else "an image in ECR, with its tag or digest"
]


def _at_most(count: int) -> Rule:
    return lambda values: None if len(values) <= count else f"at most {count} of them"


def _variables(values: Mapping[str, str]) -> str | None:
    names = all(re.fullmatch(r"[a-zA-Z_]\w{0,127}", name, re.ASCII) for name in values)
    return None if names else "names of letters, digits and underscores"


_Variables = Annotated[Mapping[str, str], _variables, _at_most(100)]
_Subnet = Annotated[str, matching(r"subnet-[0-9a-f]{8,17}", 'such as "subnet-0123456789abcdef0"')]
_SecurityGroup = Annotated[str, matching(r"sg-[0-9a-f]{8,17}", 'such as "sg-0123456789abcdef0"')]


@dataclass(frozen=True, kw_only=True)
class InstanceSettings:
    """The instances of one job."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: Annotated[int, between(1, 100)] = 1
    volume_gb: Annotated[int, between(1, 16_384)] = 30
    max_runtime_seconds: Annotated[int, between(60, 432_000)] = 3600


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(InstanceSettings):
    """What one job runs on."""

    spot: bool = False
    """Train on spare capacity, at a part of the price. AWS may take it away; the job then continues
    from its checkpoints in /opt/ml/checkpoints. Only training jobs have this choice."""
    max_wait_seconds: Annotated[int, between(0, 604_800)] = 0
    """How long a spot job may take with waiting for capacity; 0 = twice `max_runtime_seconds`."""
    keep_alive_seconds: Annotated[int, between(0, 3600)] = 0
    """How long a training job's instances stay, and cost money, so that the next job of the same
    kind starts within seconds. For interactive work; 0 = not at all."""

    @property
    def longest_wait_seconds(self) -> int:
        return self.max_wait_seconds or min(2 * self.max_runtime_seconds, 604_800)


@dataclass(frozen=True, kw_only=True)
class StepSettings(ComputeSettings):
    """What the job of one step runs on, and in. What the step's own code says wins."""

    image_uri: Image | None = None
    """None: the image of all steps, or the one that a step of its kind needs."""
    environment: _Variables = field(default_factory=lambda: MappingProxyType({}))
    """Variables of its container. They stand in the pipeline's definition for all to read, so none
    of them is a secret."""
    subnets: Annotated[tuple[_Subnet, ...], _at_most(16)] = ()
    """Of the network that its instances join; () = none of the account's own."""
    security_groups: Annotated[tuple[_SecurityGroup, ...], _at_most(5)] = ()
    """Of its instances in these subnets."""
    said: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """The keys that files say; not a key itself."""

    def over(self, instances: InstanceSettings) -> StepSettings:
        """With these instances where no file says others for this step."""
        silent = [each.name for each in fields(InstanceSettings) if each.name not in self.said]
        return replace(self, **{name: getattr(instances, name) for name in silent})
