"""Where data lands for one pipeline, and when it becomes a run: one intake, one trigger."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.loop import folders


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What a trigger is told by the settings; see `settings.intake(kind)`."""

    kind: str
    """Of pipeline: `training` or `evaluation`. It names what the trigger keeps for itself."""
    prefix: str
    window: int
    enabled: bool
    settle_seconds: int
    max_wait_seconds: int
    catch_all: str
    """The schedule of the wake that finds what a lost event left undone."""
    run_schedule: str
    """When a run is wanted although no data came; "": never."""
    timezone: str
    drift: bool
    """Whether drift is a reason to run."""

    @property
    def trigger_name(self) -> str:
        """What its alarm and its folder in the artifact bucket are called. That of training has
        the name that it had when it was the only one, so what it keeps there is found again."""
        return folders.trigger_name(self.kind)
