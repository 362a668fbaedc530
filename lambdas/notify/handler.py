"""Sends people notices, each with the next command to type.

EventBridge invokes it directly, asynchronously (a dead-letter queue takes what fails; the alarm on
that queue keeps its own SNS action, since nobody else could tell). What it says, by event:
    aws.sagemaker   "SageMaker Model Package State Change", detail.ModelPackageGroupName = the
                    group, detail.ModelApprovalStatus = PendingManualApproval: waits for approval
    aws.sagemaker   "SageMaker Model Building Pipeline Execution Status Change",
                    detail.pipelineArn = training, evaluation and monitoring, or their edits,
                    detail.currentPipelineExecutionStatus = Failed: halted by the gate, or failed;
                    of training also Succeeded: whether the candidate is no new model
    aws.cloudwatch  "CloudWatch Alarm State Change", detail.state.value = ALARM, of the alarms on
                    DriftViolations, ModelQualityViolations, dead-letter queues and the endpoint.
                    These alarms need no SNS action of their own: it would say the same twice.
What is deployed, rolled back or blocked is told by `reconcile_champion`, which knows that it is
true; that drift no longer starts runs, by `start_pipeline`.

Environment
    PROJECT, ENVIRONMENT  for titles and commands
    TOPIC_ARN             SNS topic for people
    ARTIFACTS_BUCKET      monitoring/ in it names the features that drifted, and
                          evaluations/latest.json how the champion was evaluated last
    ENDPOINT_NAME
    FEEDBACK_ENABLED      optional, "true" | "false" (default "true"): whether drift starts runs

IAM
    sns:Publish                            on the topic
    sagemaker:DescribeModelPackage         on arn:…:model-package/<group>/*
    sagemaker:DescribePipelineExecution, sagemaker:ListPipelineExecutionSteps,
    sagemaker:ListPipelineParametersForExecution
                                           on arn:…:pipeline/<name>/execution/*, of training,
                                           evaluation and monitoring, and of their edits
    sagemaker:DescribeTrainingJob, sagemaker:DescribeProcessingJob,
    sagemaker:DescribeTransformJob, sagemaker:ListTrainingJobsForHyperParameterTuningJob
                                           on the account's jobs, for what a run cost
    pricing:GetProducts                    on *: likewise
    cloudwatch:DescribeAlarms              on arn:…:alarm:*
    s3:GetObject                           on ARTIFACTS_BUCKET/evaluations/*, monitoring/*,
                                           costs/prices/*, <monitoring>/runs/*,
                                           <training>/runs/*
    s3:ListBucket                          on the bucket
    kms:GenerateDataKey, kms:Decrypt       on the topic's key; kms:Decrypt on the bucket's

Timeout 1 minute, memory 512 MB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import aws_clients
from decision_log import say
from notice_texts import NoticeTexts
from notify.happenings import Happenings
from notify.run_cost import cost_of
from topic import publish


@cache
def _happenings() -> Happenings:
    environment = os.environ
    return Happenings(
        texts=NoticeTexts(project=environment["PROJECT"], environment=environment["ENVIRONMENT"]),
        sagemaker=aws_clients.sagemaker(),
        s3=aws_clients.s3(),
        cloudwatch=aws_clients.cloudwatch(),
        artifacts=environment["ARTIFACTS_BUCKET"],
        endpoint=environment["ENDPOINT_NAME"],
        feedback=environment.get("FEEDBACK_ENABLED", "true") == "true",
        cost_of=cost_of,
    )


def handler(event: Mapping[str, Any], context: object) -> None:
    """Handles one event of EventBridge. After an error Lambda tries twice more, then moves the
    event to the dead-letter queue."""
    about = {"event": event.get("detail-type"), "id": event.get("id")}
    notice = _happenings().notice_of(event)
    if notice is None:
        say("nothing", "no notice is needed", about)
        return
    publish(aws_clients.sns(), topic_arn=os.environ["TOPIC_ARN"], notice=notice)
    say("tell", notice.title, {**about, "text": notice.text, "commands": notice.commands})


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _happenings(), aws_clients.sns()
