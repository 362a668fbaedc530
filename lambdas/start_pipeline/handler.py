"""Wakes, looks, and starts a run when the data bucket holds content that was not run.

Woken by batches of SQS messages: S3's events, the end of a run, an alarm for drift, a schedule, its
own delayed ones.
It does not act on what they say, see `plan.py`, but for one thing: the time that a run is scheduled
for stands in the schedule's message alone.

Environment
    DATA_BUCKET, DATA_PREFIX  where data lands; the prefix is a folder ("raw/") or empty
    WINDOW                    the newest N partitions make a run; 0 = all
    ARTIFACTS_BUCKET          manifests/ and the trigger's folder in it are the function's
    PIPELINE_NAME             has a String parameter InputManifest
    QUEUE_URL                 the queue that wakes the function
    SETTLE_SECONDS            the window must have looked the same for so long
    MAX_WAIT_SECONDS          a run starts after so long even while data lands
    INTAKE                    the kind of pipeline: "training" (default) keeps its state in
                              trigger/, any other in <kind>-trigger/
    TIME_ZONE                 "UTC" (default): in which a scheduled run says its time
    Optional, for drift as a reason to run:
    DRIFT_ALARMS              names of alarms, with commas between; none: drift starts no run
    COOLDOWN_HOURS            24: at least so long from one run for drift to the next
    FRUITLESS_LIMIT           3: after so many in a row without a better model, none is started
    PROJECT, ENVIRONMENT, TOPIC_ARN  to tell a person when that limit is reached

IAM
    s3:ListBucket    on the data bucket and on the artifact bucket, without a condition: without it
                     S3 answers 403 for an object that is not there, where the function needs 404
    s3:GetObject     on <data bucket>/<prefix>*, <artifact bucket>/manifests/* and …/trigger/*, or
                     the folder of its INTAKE
    s3:PutObject     on <artifact bucket>/manifests/* and that folder
    kms:Decrypt      on the data bucket's key (S3 encrypts checksums too) and the artifact bucket's
    kms:GenerateDataKey  on the artifact bucket's key
    sagemaker:ListPipelineExecutions, sagemaker:StartPipelineExecution  on the pipeline
    sqs:SendMessage  on the queue, and with a customer key kms:GenerateDataKey, kms:Decrypt on it;
                     the event source mapping adds ReceiveMessage, DeleteMessage, GetQueueAttributes
    With DRIFT_ALARMS also:
    cloudwatch:DescribeAlarms                 on the alarms
    sagemaker:ListPipelineExecutionSteps      on arn:…:pipeline/<pipeline>/execution/*
    sagemaker:DescribeModelPackage            on arn:…:model-package/<group>/*
    sns:Publish      on the topic, and kms:GenerateDataKey, kms:Decrypt on its key
    cloudwatch:PutMetricData  on *, condition cloudwatch:namespace = Ratchet: NoticesWaiting, while
                     SNS has not taken that drift starts no more runs. Without it, the log says so

RecursiveLoop: Allow. The function sends itself delayed messages, and Lambda would end a chain of
them after about 16 (docs/decisions/0019-the-trigger-reminds-itself.md).

Timeout 15 minutes, memory 1,024 MB: 100,000 objects need about a fifth of it. The event source
mapping reports batch item failures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, Protocol

import aws_clients
from decision_log import say
from failed_batch import give_back
from start_pipeline import settings, wakes
from start_pipeline.rules import LookAgain
from start_pipeline.trigger import Decision, Trigger

_SPARE_SECONDS = 60
"""Left at the end of the function's time, to write down what was found."""


class LambdaContext(Protocol):
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


@cache
def _trigger() -> Trigger:
    return Trigger.over(
        settings.from_environment(os.environ),
        s3=aws_clients.s3(),
        sagemaker=aws_clients.sagemaker(),
        sqs=aws_clients.sqs(),
        cloudwatch=aws_clients.cloudwatch,
        sns=aws_clients.sns,
    )


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One look for the whole batch. An error fails the batch, so that SQS delivers it again and in
    the end puts it aside as a dead letter."""
    messages = event.get("Records", [])
    try:
        _look(messages, context)
    except Exception as error:
        if not messages:  # called by hand: there is no queue to give the messages back to
            raise
        return give_back(messages, error)
    return {"batchItemFailures": []}


def _look(messages: list[Mapping[str, Any]], context: LambdaContext) -> Decision:
    reasons = wakes.reasons(message["body"] for message in messages)
    seconds = context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
    scheduled = wakes.scheduled(message["body"] for message in messages)
    decision, facts = _trigger().wake(reasons=reasons, seconds=seconds, scheduled=scheduled)
    values = asdict(decision)
    why = values.pop("why")
    woken = {"messages": len(messages), "reasons": reasons or None}
    # The words that people search the log for.
    word = "wait" if isinstance(decision, LookAgain) else type(decision).__name__.lower()
    say(word, why, {**woken, **values, **facts})
    return decision


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _trigger()
