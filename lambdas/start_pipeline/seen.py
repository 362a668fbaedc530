"""What one wake sees of the world (pure): plain values that `plan` decides on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from start_pipeline.drift import Episode
    from start_pipeline.snapshot import Snapshot
    from start_pipeline.window import DataWindow


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A window that is not known to be run, as wakes have seen it."""

    fingerprint: str
    since: datetime
    """When a difference from what was run was first seen."""
    changed: datetime
    """When the window was first seen as it is."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A wake is about to start this run: what it asks for, so that a retry asks the same."""

    digest: str
    at: datetime
    display_name: str
    description: str
    episode: str = ""
    """The drift, or the scheduled time, that the run answers; empty when the content itself asks
    for the run."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """The newest run that a wake has started."""

    digest: str
    at: datetime
    execution_arn: str


@dataclass(frozen=True, kw_only=True)
class State:
    """What wakes leave for the next one. Losing it costs one more settling time, nothing else:
    that content was run is recorded beside its manifest."""

    run: str | None = None
    """Fingerprint of the newest window that is known to be run."""
    pending: Pending | None = None
    claim: Claim | None = None
    started: Started | None = None
    wake_at: datetime | None = None
    """When a delayed message that a wake has sent arrives."""
    scheduled: datetime | None = None
    """The last time that a run was scheduled for, as far as a message has said. Losing it may cost
    that run."""
    on_time: datetime | None = None
    """The scheduled time that is known to be answered by a run."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """A run of the pipeline, as ListPipelineExecutions shows it."""

    arn: str
    status: str
    display_name: str
    description: str
    started: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The version that a run registered."""

    version: int
    better: bool
    """Than the champion of its time, on the same rows: a tie helps nobody."""
    waits: bool
    """For approval."""


@dataclass(frozen=True, kw_only=True)
class WindowContent:
    """The window's content, as a run would read it."""

    snapshot: Snapshot
    text: bytes
    digest: str


@dataclass(frozen=True, kw_only=True)
class NoContent:
    """The window's content could not be identified."""

    why: str
    moved: bool = False
    """Whether an object changed while it was looked at; else there are more new objects than one
    wake has time for."""


class Part(NamedTuple):
    """A part of the world that costs a request to see, or many."""

    name: str
    of: str = ""
    """An ARN or a digest, where there are several such parts."""


EXECUTIONS = "executions"
CONTENT = "content"
RUN_OF = "run of content"
SNAPSHOT = "snapshot"
EPISODE = "episode"
REGISTERED = "registered"


class NotReadError(Exception):
    """The decision hangs on a part that nobody has read yet: read it, and plan again."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True, kw_only=True)
class TriggerSeen:
    """What a wake has read so far. The window and the state are always there; reading anything
    else raises NotReadError until it is. So a wake reads no more than its decision needs: a look
    at 100,000 objects that are all new takes minutes, and most wakes end before."""

    state: State
    """As it is stored."""
    window: DataWindow
    reasons: Sequence[str] = ()
    """Why the function was woken, in words."""
    scheduled: datetime | None = None
    """For when a message says that a run is scheduled."""
    recovered: Started | None = None
    """A run of this content that was started and not recorded, and is recorded now."""
    parts: Mapping[Part, Any] = field(default_factory=dict)

    def with_part(self, part: Part, value: Any) -> TriggerSeen:
        return replace(self, parts={**self.parts, part: value})

    def executions(self) -> Sequence[Execution]:
        """The newest runs of the pipeline, newest first."""
        executions: Sequence[Execution] = self._read(Part(EXECUTIONS))
        return executions

    def content(self) -> WindowContent | NoContent:
        content: WindowContent | NoContent = self._read(Part(CONTENT))
        return content

    def run_of(self, digest: str) -> str | None:
        """ARN of the recorded run of this content."""
        execution_arn: str | None = self._read(Part(RUN_OF, digest))
        return execution_arn

    def snapshot_of(self, digest: str) -> Snapshot | None:
        """What an earlier run read."""
        snapshot: Snapshot | None = self._read(Part(SNAPSHOT, digest))
        return snapshot

    def episode(self) -> Episode | None:
        """The drift that goes on now; None without one, or when drift is to start nothing."""
        episode: Episode | None = self._read(Part(EPISODE))
        return episode

    def registered(self, execution_arn: str) -> Registered | None:
        """What a run registered."""
        registered: Registered | None = self._read(Part(REGISTERED, execution_arn))
        return registered

    def _read(self, part: Part) -> Any:
        if part not in self.parts:
            raise NotReadError(part)
        return self.parts[part]
