"""EventBridge Scheduler's clock, with time zones and the words that it puts into a target's input.

MiniStack evaluates cron and at expressions in UTC, passes inputs on as they are, and its
CloudFormation drops a schedule's time zone, dates and what is to happen after its end.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ratchet.settings import timetable

Schedule = dict[str, Any]

_LOG = logging.getLogger("ratchet.schedules")
_DROPPED = {
    "ScheduleExpressionTimezone": "UTC",
    "StartDate": None,
    "EndDate": None,
    "ActionAfterCompletion": "NONE",
}
"""Properties that MiniStack's CloudFormation does not hand on, and what they are when absent."""

_LATE = timedelta(minutes=1)
"""A one-time schedule may be made so long after its time and still fires."""


class Clock:
    """Fires each schedule that is due, once for a scheduled time.

    What was due while the local cloud was not running is not made up for.
    """

    def __init__(self, scheduler: Any, eventbridge: Any) -> None:
        self._scheduler = scheduler
        self._eventbridge = eventbridge
        self._started = datetime.now(UTC)
        self._seen: dict[Any, tuple[str, datetime]] = {}
        """By schedule: its expression and zone, and the time up to which it has been looked at."""

    def tick(self) -> None:
        """Called by MiniStack's thread, in place of its own."""
        now = datetime.now(UTC)
        for key, schedule in list(self._scheduler._schedules._data.items()):
            try:
                self._look(key, schedule, now)
            except Exception:
                _LOG.exception("schedule %s", schedule.get("Name"))

    def _look(self, key: Any, schedule: Schedule, now: datetime) -> None:
        zone = schedule.get("ScheduleExpressionTimezone") or "UTC"
        expression = f"{schedule['ScheduleExpression']} {zone}"
        before, since = self._seen.get(key, ("", now))
        created = datetime.fromtimestamp(schedule["CreationDate"], UTC)
        if before != expression:  # new, changed, or the local cloud has just started
            once = schedule["ScheduleExpression"].startswith("at(") and not before
            since = max(created, self._started) - _LATE if once else now
        due = next_time(schedule, after=since, created=created)
        if due is None or due > now:
            self._seen[key] = (expression, since)
            return
        self._seen[key] = (expression, now)
        if schedule.get("State") == "ENABLED" and _within(schedule, due):
            self._fire(key, schedule, due)

    def _fire(self, key: Any, schedule: Schedule, due: datetime) -> None:
        account, region, _ = key
        scheduler = self._scheduler
        target = dict(schedule.get("Target") or {})
        if "Input" in target:
            target["Input"] = filled(target["Input"], schedule=schedule, due=due)
        before = scheduler.get_account_id(), scheduler.get_region()
        scheduler.set_request_account_id(account)
        scheduler.set_request_region(region)
        try:
            event = {
                "EventId": scheduler.new_uuid(),
                "Source": "aws.scheduler",
                "DetailType": "Scheduled Event",
                "Detail": "{}",
                "Time": due.timestamp(),
                "Resources": [schedule.get("Arn", "")],
                "Account": account,
                "Region": region,
            }
            self._eventbridge._invoke_target(target, event, schedule)
        finally:
            scheduler.set_request_account_id(before[0])
            scheduler.set_request_region(before[1])
        at = schedule["ScheduleExpression"].startswith("at(")
        if at and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)


def next_time(schedule: Schedule, *, after: datetime, created: datetime) -> datetime | None:
    """The next time of a schedule as GetSchedule shows it; None when there is none any more."""
    zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    table = timetable.parse(schedule["ScheduleExpression"])
    return table.next_after(after, zone=zone, made=created)


def filled(text: str, *, schedule: Schedule, due: datetime) -> str:
    """The input of a target, with its context attributes replaced."""
    words = {
        "schedule-arn": schedule.get("Arn", ""),
        "scheduled-time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": f"{int(time.time() * 1000):016x}",
        "attempt-number": "1",
    }
    for name, value in words.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _within(schedule: Schedule, due: datetime) -> bool:
    start, end = (_moment(schedule.get(name)) for name in ("StartDate", "EndDate"))
    return (start is None or start <= due) and (end is None or due <= end)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def fault(schedule: Schedule) -> str | None:
    """What AWS refuses of a schedule's time, in its words; None if nothing."""
    expression = str(schedule.get("ScheduleExpression") or "")
    zone = schedule.get("ScheduleExpressionTimezone") or "UTC"
    try:
        timetable.parse(expression)
    except ValueError:
        return f"Invalid Schedule Expression {expression}."
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        return f"Invalid Schedule Expression Timezone {zone}."
    return None


def install(scheduler: Any, eventbridge: Any, provisioners: Any) -> None:
    """Put the clock in, refuse what it cannot tell, and let CloudFormation keep all."""
    scheduler._tick_schedules = Clock(scheduler, eventbridge).tick
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _refusing(scheduler, getattr(scheduler, name)))
    valid = eventbridge._validate_schedule_expression
    eventbridge._validate_schedule_expression = lambda expression: (
        valid(expression)
        and not (expression.startswith("rate(") and fault({"ScheduleExpression": expression}))
    )
    kind = provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    for action in ("create", "update"):
        kind[action] = _keeping(scheduler, kind[action], update=action == "update")


def _refusing(scheduler: Any, act: Callable[..., Any]) -> Callable[..., Any]:
    def refused(name: str, body: Schedule) -> Any:
        message = fault(body) if body.get("ScheduleExpression") else None
        if message:
            return scheduler._error(400, "ValidationException", message)
        return act(name, body)

    return refused


def _keeping(scheduler: Any, act: Callable[..., Any], *, update: bool) -> Callable[..., Any]:
    """After the action, the properties that it dropped."""

    def restored(*arguments: Any) -> Any:
        properties = arguments[2] if update else arguments[1]
        if message := fault(properties):
            raise ValueError(f"{message} (Service: Scheduler, Status Code: 400)")
        answer = act(*arguments)
        name = answer[0] if isinstance(answer, tuple) else arguments[0]
        schedule = scheduler._schedules.get(f"{properties.get('GroupName', 'default')}/{name}")
        if schedule is not None:
            schedule.update({key: properties.get(key, absent) for key, absent in _DROPPED.items()})
        return answer

    return restored
