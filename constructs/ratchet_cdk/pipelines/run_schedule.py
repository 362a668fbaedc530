"""Times at which a run starts without new data."""

from __future__ import annotations

import json

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from ratchet.loop import names
from ratchet.settings.intake import Intake
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.event_queue import EventQueue
from ratchet_cdk.permissions.narrow_role import NarrowRole

# Replaced by the time that the run is scheduled for, in UTC:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
_TIME = "<aws.scheduler.scheduled-time>"


class RunSchedule(Construct):
    """Sends a message to a trigger's queue at each scheduled time, in the intake's time zone.

    It starts nothing by itself: EventBridge Scheduler delivers at least once, so the trigger's
    function starts at most one run for a time, however often it hears of it. An intake that is off
    has a schedule that is off.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        intake: Intake,
        queue: EventQueue,
        dead_letters: DeadLetters,
    ) -> None:
        """`name`: the command line finds it by this name."""
        super().__init__(scope, construct_id)
        role = NarrowRole(self, "Role", service="scheduler.amazonaws.com")
        role.allow(
            "TellTheTrigger",
            actions=["sqs:SendMessage"],
            resources=[queue.arn, dead_letters.queue.arn],
        )
        of = scheduler.CfnSchedule
        schedule = of(
            self,
            "Schedule",
            name=name,
            description=f"When the {intake.kind} pipeline runs without new data",
            schedule_expression=intake.run_schedule,
            schedule_expression_timezone=intake.timezone,
            state="ENABLED" if intake.enabled else "DISABLED",
            flexible_time_window=of.FlexibleTimeWindowProperty(mode="OFF"),
            target=of.TargetProperty(
                arn=queue.arn,
                role_arn=role.arn,
                input=json.dumps({names.SCHEDULED_TIME: _TIME}),
                dead_letter_config=of.DeadLetterConfigProperty(arn=dead_letters.queue.arn),
            ),
        )
        role.stands_before(schedule)
