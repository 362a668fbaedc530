"""The deployed schedules that run pipelines without new data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ratchet.deployment.errors import NotDeployedError
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.settings import timetable

PIPELINES = ("training", "evaluation")


@dataclass(frozen=True, kw_only=True)
class DeployedSchedule:
    """The schedule of one pipeline."""

    pipeline: str
    expression: str
    timezone: str
    on: bool
    made: datetime

    def next_time(self, now: datetime) -> datetime | None:
        """The next time, in the schedule's time zone; None if it is off, or its last time has
        passed."""
        zone = ZoneInfo(self.timezone)
        at = timetable.parse(self.expression).next_after(now, zone=zone, made=self.made)
        return at.astimezone(zone) if at and self.on else None


def _of_the_team(target: Target) -> Sequence[str]:
    try:
        return facts.read_pipelines(target).scheduled
    except NotDeployedError:
        return ()


def read(target: Target) -> Iterable[DeployedSchedule]:
    """The deployed schedules; the settings of the working tree may differ."""
    scheduler = target.client("scheduler")
    for pipeline in (*PIPELINES, *_of_the_team(target)):
        try:
            answer: dict[str, Any] = scheduler.get_schedule(
                Name=target.settings.schedule_name(pipeline)
            )
        except scheduler.exceptions.ResourceNotFoundException:
            continue
        yield DeployedSchedule(
            pipeline=pipeline,
            expression=answer["ScheduleExpression"],
            timezone=answer.get("ScheduleExpressionTimezone") or "UTC",
            on=answer.get("State", "ENABLED") == "ENABLED",
            made=answer.get("CreationDate") or datetime.fromtimestamp(0, UTC),
        )
