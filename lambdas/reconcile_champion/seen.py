"""What one wake sees of the world (pure): plain values that `plan` decides on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ratchet.loop import names
from ratchet.loop.packages import Baselines, threshold_of
from ratchet.loop.versions import Version


@dataclass(frozen=True, kw_only=True)
class Package(Version):
    """A version of the group, as DescribeModelPackage describes it."""

    baselines: Baselines = field(default_factory=Baselines)

    @property
    def threshold(self) -> float:
        """Of a binary problem: the probability from which on it answers the positive class."""
        return threshold_of(self.metadata)


@dataclass(frozen=True, kw_only=True)
class ServingStackState:
    """The serving stack, as DescribeStacks describes it."""

    id: str
    status: str
    parameters: Mapping[str, str]
    updated: datetime
    """The last update's beginning, or the creation."""
    capabilities: Sequence[str] = ()
    reason: str = ""

    @property
    def champion(self) -> str:
        """ARN of a model package, or "none"."""
        return self.parameters.get(names.CHAMPION, names.NONE)

    @property
    def engine(self) -> str:
        return self.parameters.get(names.ENGINE, names.MODEL_MONITOR)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The stack's last operation, which was one of this function's and failed."""

    to: str
    """Version, or "none"."""
    engine: str
    at: datetime
    """When it had failed."""
    why: str
    of_monitoring: bool = False
    """Whether the resource that failed was one of the monitor's."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """What the endpoint really serves."""

    status: str
    config: str
    package: str = names.NONE
    """ARN of the model package behind the endpoint's config; "none" when that cannot be followed:
    CloudFormation deletes a config that it has replaced, even where SageMaker went back to it."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    now: datetime
    stack: ServingStackState | None
    packages: Sequence[Package] = ()
    """Approved versions, newest first, as far down as a decision needs them."""
    champion: Package | None = None
    """The package that the stack names; None without one, or when it is deleted or another
    group's."""
    operation: Operation | None = None
    live: ServedModel | None = None
    served: str | None = None
    """The version that a wake has last seen serving, or "none"; None: not known."""
