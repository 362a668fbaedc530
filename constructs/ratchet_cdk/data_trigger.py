"""Data lands, a run starts: once per content, however often and in whatever order it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from config.settings import Settings
from ratchet_cdk.acknowledged import acknowledge
from ratchet_cdk.buckets import LoopBucket
from ratchet_cdk.code_bucket import CodeBucket
from ratchet_cdk.ml_pipeline import MANIFESTS, MlPipeline
from ratchet_cdk.narrow_role import NarrowRole
from ratchet_cdk.notifications import Notifications
from ratchet_cdk.python_function import PythonFunction

# Reading 100,000 objects that are all new takes minutes; any later look takes seconds.
TIMEOUT_SECONDS = 900
MEMORY_MB = 1024
BATCH_SIZE = 1000  # of about 1.3 KB each, far below the 6 MB that an invocation may carry
BATCH_WINDOW_SECONDS = 2
# The usual six timeouts make up for throttled polls, which the cap on concurrency rules out:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
VISIBILITY_SECONDS = TIMEOUT_SECONDS + 60
ATTEMPTS = 5
STATE = "trigger/"  # what one wake leaves for the next


class DataTrigger(Construct):
    """Objects below the data prefix, ends of runs and a slow schedule wake one function.

    The function reads the real state and starts a run if the current data has not been run, so an
    event only has to arrive eventually, and any of them will do. Events that cannot be delivered
    or handled end in the dead-letter queue, which raises an alarm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: CodeBucket,
        source: Path,
        data: LoopBucket,
        artifacts: LoopBucket,
        pipeline: MlPipeline,
        notifications: Notifications,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.dead_letters = self._dead_letter_queue(notifications)
        self.queue = self._queue()
        rules = [
            self._when_data_changes(data),
            self._when_a_run_ends(pipeline),
            self._on_schedule(),
        ]
        self._let_rules_send(rules)
        self.function = self._function(code, source, data, artifacts, pipeline)

    def _dead_letter_queue(self, notifications: Notifications) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        notifications.alarm_when_not_empty(
            self,
            "DeadLetterAlarm",
            queue=queue,
            description=f"{self._settings.prefix}: the trigger could not handle an event",
        )
        acknowledge(queue, {"AwsSolutions-SQS3": "It is the dead-letter queue."})
        return queue

    def _queue(self) -> sqs.Queue:
        return sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=cdk.Duration.seconds(VISIBILITY_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=ATTEMPTS
            ),
        )

    def _when_data_changes(self, data: LoopBucket) -> events.CfnRule:
        prefix = self._settings.data.prefix
        return self._rule(
            "DataChanged",
            description=f"An object below {prefix} landed or went",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created", "Object Deleted"],
                "detail": {
                    "bucket": {"name": [data.name]},
                    "object": {"key": [{"prefix": prefix}]},
                },
            },
        )

    def _when_a_run_ends(self, pipeline: MlPipeline) -> events.CfnRule:
        return self._rule(
            "RunEnded",
            description="Data that landed during a run is run after it",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
                "detail": {
                    "pipelineArn": [pipeline.arn],
                    "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"],
                },
            },
        )

    def _on_schedule(self) -> events.CfnRule:
        return self._rule(
            "Schedule",
            description="Catches what a lost event left undone",
            schedule=self._settings.trigger.schedule,
        )

    def _rule(
        self,
        construct_id: str,
        *,
        description: str,
        event_pattern: dict[str, Any] | None = None,
        schedule: str | None = None,
    ) -> events.CfnRule:
        return events.CfnRule(
            self,
            construct_id,
            description=description,
            state="ENABLED" if self._settings.trigger.enabled else "DISABLED",
            event_pattern=event_pattern,
            schedule_expression=schedule,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Queue",
                    arn=self.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=self.dead_letters.queue_arn
                    ),
                )
            ],
        )

    def _let_rules_send(self, rules: Sequence[events.CfnRule]) -> None:
        arns = [rule.attr_arn for rule in rules]
        for queue in (self.queue, self.dead_letters):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="RulesSend",
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": arns}},
                )
            )

    def _function(
        self,
        code: CodeBucket,
        source: Path,
        data: LoopBucket,
        artifacts: LoopBucket,
        pipeline: MlPipeline,
    ) -> PythonFunction:
        settings = self._settings
        function = PythonFunction(
            self,
            "StartPipeline",
            code=code,
            source=source,
            name="start_pipeline",
            description="Starts a run when the current data has not been run",
            environment={
                "DATA_BUCKET": data.name,
                "DATA_PREFIX": settings.data.prefix,
                "WINDOW": str(settings.data.window),
                "ARTIFACTS_BUCKET": artifacts.name,
                "PIPELINE_NAME": pipeline.name,
                "QUEUE_URL": self.queue.queue_url,
                "SETTLE_SECONDS": str(settings.trigger.settle_seconds),
                "MAX_WAIT_SECONDS": str(settings.trigger.max_wait_seconds),
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
            retention=settings.retention,
        )
        self._grant(function.role, data, artifacts, pipeline)
        self._consume(function)
        return function

    def _grant(
        self, role: NarrowRole, data: LoopBucket, artifacts: LoopBucket, pipeline: MlPipeline
    ) -> None:
        own = [MANIFESTS, STATE]
        data.grant_look(role, "LookAtData")
        data.grant_read(role, "ReadData", prefixes=[self._settings.data.prefix])
        artifacts.grant_look(role, "LookAtRecords")
        artifacts.grant_read(role, "ReadRecords", prefixes=own)
        artifacts.grant_write(role, "WriteRecords", prefixes=own)
        pipeline.grant_start(role)
        role.allow(
            "ConsumeAndRemindItself",
            actions=[
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:SendMessage",
            ],
            resources=[self.queue.queue_arn],
        )

    def _consume(self, function: PythonFunction) -> None:
        lambda_.CfnEventSourceMapping(
            self,
            "Consume",
            function_name=function.name,
            event_source_arn=self.queue.queue_arn,
            batch_size=BATCH_SIZE,
            maximum_batching_window_in_seconds=BATCH_WINDOW_SECONDS,
            function_response_types=["ReportBatchItemFailures"],
            # The fewest there can be: the function does the same work however many events woke it.
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=2
            ),
        )
