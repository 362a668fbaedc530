"""Publishes finished analyses: metrics for the alarms, and a record beside them.

Called by the monitoring pipeline's `publish` and `publish-quality` steps with
    kind        "data-quality" | "model-quality"
    analysis    S3 folder of the finished analysis, no trailing slash
    start, end  its window, ISO 8601 UTC
    endpoint, schedule, package_arn, execution
and answers {"outcome": text, "violations": number}.

Any other event is a wake, for the engine model-monitor: it publishes the newest finished execution
of each monitoring schedule that is not published yet. EventBridge invokes it for
    aws.sagemaker  "SageMaker Processing Job State Change",
                   detail.ProcessingJobStatus = Completed | Failed | Stopped
    schedule       rate(1 hour)
A wake without a monitoring schedule does nothing, so both may stay wired with either engine.

Metrics
    Ratchet             DriftViolations, ModelQualityViolations, dimensions Project, Environment:
                        the number of violations, at the time of publishing. Too few rows: none.
                        The alarms watch them, so they go first and by themselves
    aws/sagemaker/Endpoints/data-metrics, …/model-metrics   dimensions Endpoint, MonitoringSchedule:
                        the lines of cloudwatch_metrics.jsonl (Model Monitor puts its own). One that
                        CloudWatch refuses is left out, and the log names it

Record: s3://ARTIFACTS_BUCKET/monitoring/<endpoint>/<kind>.json

Environment
    PROJECT, ENVIRONMENT, ARTIFACTS_BUCKET, ENDPOINT_NAME
    DATA_SCHEDULE, QUALITY_SCHEDULE  names of the monitoring schedules, which may not exist
    CHAMPION_PARAMETER               name of the SSM parameter, for the record of a wake

IAM
    cloudwatch:PutMetricData              on *, condition cloudwatch:namespace = Ratchet,
                                          aws/sagemaker/Endpoints/data-metrics, …/model-metrics
    s3:GetObject                          on ARTIFACTS_BUCKET/<monitoring pipeline>/runs/*, and
                                          monitoring/*, where the schedules write their reports
    s3:PutObject                          on ARTIFACTS_BUCKET/monitoring/*
    s3:ListBucket                         on the bucket
    sagemaker:ListMonitoringExecutions    on * (it has no resource)
    sagemaker:DescribeProcessingJob       on arn:…:processing-job/*
    ssm:GetParameter                      on the parameter
    kms:GenerateDataKey, kms:Decrypt      on the bucket's key

Timeout 2 minutes, memory 512 MB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from botocore.exceptions import ClientError

import aws_clients
from attempts import Attempts
from decision_log import say
from publish_monitoring.analysis import AnalysisRecord
from publish_monitoring.model_monitor import ModelMonitorReader
from publish_monitoring.publishing import Publishing
from ratchet.loop import names


@cache
def _publishing() -> Publishing:
    environment = os.environ
    return Publishing(
        s3=aws_clients.s3(),
        cloudwatch=aws_clients.cloudwatch(),
        project=environment["PROJECT"],
        environment=environment["ENVIRONMENT"],
        bucket=environment["ARTIFACTS_BUCKET"],
        endpoint=environment["ENDPOINT_NAME"],
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, str | int] | None:
    """The answer for a step; a wake gets none."""
    if "kind" in event:
        published = _publishing().step(event)
        _log(published)
        return {"outcome": published.outcome, "violations": published.violations}
    _catch_up()
    return None


def _catch_up() -> None:
    """Publishes each kind on its own, so that a failure of one does not hold up the other."""
    monitor = ModelMonitorReader(sagemaker=aws_clients.sagemaker(), publishing=_publishing())
    champion = _champion()
    schedules = {
        names.DATA_QUALITY: os.environ["DATA_SCHEDULE"],
        names.MODEL_QUALITY: os.environ["QUALITY_SCHEDULE"],
    }
    caught_up: list[AnalysisRecord] = []

    def catch_up(kind: str) -> None:
        finished = monitor.catch_up(kind, schedule=schedules[kind], package_arn=champion)
        if finished:
            caught_up.append(finished)
            _log(finished)

    attempts = Attempts()
    for kind in schedules:
        attempts.make(partial(catch_up, kind))
    attempts.end()
    if not caught_up:
        say("nothing", "no execution of a monitoring schedule finished since the last one")


def _log(analysis: AnalysisRecord) -> None:
    window = f"from {analysis.start} to {analysis.end}"
    why = f"{analysis.violations} violations {window}: {analysis.outcome}"
    facts = {
        "kind": analysis.kind,
        "analysis": analysis.analysis,
        "package_arn": analysis.package_arn,
    }
    say("publish", why, {**facts, "execution": analysis.execution})


def _champion() -> str:
    """Only for the record: no alarm depends on it."""
    try:
        answer = aws_clients.ssm().get_parameter(Name=os.environ["CHAMPION_PARAMETER"])
    except Exception as error:
        if not (
            isinstance(error, ClientError)
            and error.response["Error"]["Code"] == "ParameterNotFound"
        ):
            say("go on", f"the record names no version: {error}", level="WARNING")
        return names.NONE
    return answer["Parameter"]["Value"].strip() or names.NONE


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _publishing(), aws_clients.sagemaker(), aws_clients.ssm()
