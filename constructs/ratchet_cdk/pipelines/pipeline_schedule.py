"""A pipeline that the clock starts, without a trigger between."""

from __future__ import annotations

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline


def schedule_pipeline(
    scope: Construct,
    *,
    pipeline: MlPipeline,
    expression: str,
    description: str,
    dead_letters: DeadLetters,
    name: str | None = None,
    timezone: str | None = None,
) -> scheduler.CfnSchedule:
    """Adds the schedule, and the role by which it may start this pipeline and nothing else.

    EventBridge Scheduler delivers at least once, so a run may be started twice for one time. A
    start that fails for a day ends in the dead letters.
    """
    role = NarrowRole(scope, "ScheduleRole", service="scheduler.amazonaws.com")
    role.allow(
        "StartPipeline",
        actions=["sagemaker:StartPipelineExecution"],
        resources=[pipeline.arn],
    )
    role.allow(
        "HandOverToDeadLetters",
        actions=["sqs:SendMessage"],
        resources=[dead_letters.queue.arn],
    )
    properties = scheduler.CfnSchedule
    schedule = scheduler.CfnSchedule(
        scope,
        "Schedule",
        name=name,
        description=description,
        schedule_expression=expression,
        schedule_expression_timezone=timezone,
        flexible_time_window=properties.FlexibleTimeWindowProperty(mode="OFF"),
        target=properties.TargetProperty(
            arn=pipeline.arn,
            role_arn=role.arn,
            dead_letter_config=properties.DeadLetterConfigProperty(arn=dead_letters.queue.arn),
        ),
    )
    role.stands_before(schedule)
    return schedule
