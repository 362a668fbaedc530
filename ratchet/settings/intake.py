"""Where data lands for one pipeline, and when it becomes a run: one intake, one trigger."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.loop import folders


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The settings of one trigger; see `settings.intake(kind)`."""

    kind: str
    """The kind of pipeline, `training` or `evaluation`. The trigger's own files carry it."""
    prefix: str
    window: int
    enabled: bool
    settle_seconds: int
    max_wait_seconds: int
    catch_all: str
    """The schedule of the wake that catches up after a lost event."""
    run_schedule: str
    """When to run without new data; "" = never."""
    timezone: str
    drift: bool
    """Whether drift is a reason to run."""

    @property
    def trigger_name(self) -> str:
        """The name of its alarm and of its folder in the artifact bucket.

        Training's name carries no kind: it is older than the second trigger, and its files stay."""
        return folders.trigger_name(self.kind)
