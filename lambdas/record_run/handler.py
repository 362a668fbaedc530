"""Records what runs cost as they end, what the endpoint and the buckets cost by the day, and stops
a run that costs more than the limit.

Woken by batches of SQS messages: the ends of executions, changes of their steps where there is a
limit, a schedule. It does not act on what they say: it looks at the executions that started within
LOOK_BACK_DAYS, and records those that are not recorded as they are. Called by hand with
{"look_back_days": N} it looks back as far as that.

Rows     costs/rows/ in ARTIFACTS_BUCKET, see ratchet/costs/rows.py. A run is recorded when it has
         ended; while it runs only where there is a limit. Recording again changes nothing
Prices   costs/prices/<region>.json, asked for again after a week
Metric   RunCost (US dollars) in the namespace Ratchet, dimensions Project, Environment, Pipeline:
         once for each run, at the end of its last step, when all its prices are settled.
         NoticesWaiting, dimensions Project, Environment: notices that SNS has not taken
Notices  costs/notices.json: which runs people were told that the limit stopped, whether they were
         told that the endpoint is idle, and what SNS has not taken yet (metric NoticesWaiting)
Nothing of this holds another up: what fails is said, and fails the batch at the end.

Environment
    PROJECT, ENVIRONMENT, OWNER, COST_CENTER   what the rows say
    EXPERIMENT         of a run that does not say its own
    ARTIFACTS_BUCKET, DATA_BUCKET
    PIPELINES          names, with commas between; one that does not exist has no runs. Runs of
                       their edits, in <name>-edits, are recorded too
    ENDPOINT_NAME      which may not exist
    TOPIC_ARN
    RUN_LIMIT_USD      a run that has cost more is stopped; 0 = none
    IDLE_HOURS         an endpoint that nobody asked for so long is reported; 0 = not
    LOOK_BACK_DAYS

IAM
    sagemaker:ListPipelineExecutions           on the pipelines
    sagemaker:DescribePipelineExecution, sagemaker:ListPipelineExecutionSteps,
    sagemaker:ListPipelineParametersForExecution, sagemaker:StopPipelineExecution
                                               on arn:…:pipeline/<pipeline>/execution/*
    sagemaker:DescribeTrainingJob, sagemaker:DescribeProcessingJob,
    sagemaker:DescribeTransformJob, sagemaker:ListTrainingJobsForHyperParameterTuningJob
                                               on the account's jobs
    sagemaker:DescribeEndpoint, sagemaker:DescribeEndpointConfig
                                               on arn:…:endpoint/<name>, …:endpoint-config/*
    pricing:GetProducts                        on *: without it, the package's own prices are used,
                                               and the log says so
    cloudwatch:PutMetricData                   on *, condition cloudwatch:namespace = Ratchet
    cloudwatch:GetMetricStatistics             on *
    s3:GetObject, s3:PutObject                 on ARTIFACTS_BUCKET/costs/*; s3:ListBucket on it
    kms:GenerateDataKey, kms:Decrypt           on the bucket's key and the topic's
    sns:Publish                                on the topic

Timeout 5 minutes, memory 512 MB. The event source mapping reports batch item failures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import aws_clients
from attempts import Attempts
from decision_log import say
from failed_batch import give_back
from notices import Notices, tell_people
from price_books import open_book
from ratchet.costs.price_book import PriceBook
from ratchet.costs.run_costs import Labels
from ratchet.loop import folders, names
from record_run.day_files import DayFiles
from record_run.endpoint import EndpointReader
from record_run.runs import RunReader
from record_run.stored_bytes import BucketBytes


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """One look for the whole batch. An error fails the batch, so that SQS delivers it again and in
    the end puts it aside as a dead letter."""
    messages = event.get("Records", [])
    try:
        _look(int(event.get(names.LOOK_BACK_DAYS) or os.environ["LOOK_BACK_DAYS"]))
    except Exception as error:
        if not messages:  # called by hand: there is no queue to give the messages back to
            raise
        return give_back(messages, error)
    return {"batchItemFailures": []}


def _look(days: int) -> None:
    environment = os.environ
    now = _now()
    files = DayFiles(s3=aws_clients.s3(), bucket=environment["ARTIFACTS_BUCKET"])
    notices = Notices(s3=aws_clients.s3(), bucket=files.bucket, key=folders.COST_NOTICES)
    prices = open_book(now.date())
    labels = _labels()
    attempts = Attempts()
    runs = RunReader(
        sagemaker=aws_clients.sagemaker(),
        cloudwatch=aws_clients.cloudwatch(),
        files=files,
        prices=prices,
        labels=labels,
        pipelines=names.with_edits(name for name in environment["PIPELINES"].split(",") if name),
        limit=Decimal(environment["RUN_LIMIT_USD"]),
        now=now,
        notices=notices,
        attempts=attempts,
    )
    endpoint = EndpointReader(
        name=environment["ENDPOINT_NAME"],
        sagemaker=aws_clients.sagemaker(),
        cloudwatch=aws_clients.cloudwatch(),
        files=files,
        prices=prices,
        labels=labels,
        idle_hours=int(environment["IDLE_HOURS"]),
        now=now,
        notices=notices,
    )
    stored_bytes = BucketBytes(
        buckets=(environment["DATA_BUCKET"], environment["ARTIFACTS_BUCKET"]),
        cloudwatch=aws_clients.cloudwatch(),
        files=files,
        prices=prices,
        labels=labels,
        now=now,
    )
    attempts.make(notices.read)
    written = runs.record(since=now - timedelta(days=days))
    attempts.make(endpoint.record)
    attempts.make(stored_bytes.record)
    _keep(prices)
    _tell(notices, now)
    attempts.end()
    if not written:
        say("nothing", "every run that ended is recorded as it is")


def _keep(prices: PriceBook) -> None:
    """Saves the price cache: the next wake asks again for prices that are not in it."""
    for complaint in prices.complaints:
        say("go on", complaint, level="WARNING")
    try:
        prices.save()
    except Exception as error:
        say("go on", f"the prices were not saved: {error}", level="WARNING")


def _tell(notices: Notices, now: datetime) -> None:
    """Sends the notices, last of all. Never raises."""
    labels = _labels()
    sent = tell_people(
        notices,
        sns=aws_clients.sns(),
        cloudwatch=aws_clients.cloudwatch(),
        topic_arn=os.environ["TOPIC_ARN"],
        project=labels.project,
        environment=labels.environment,
        now=now,
    )
    if sent:
        say("tell", "; ".join(sent))


@cache
def _labels() -> Labels:
    environment = os.environ
    return Labels(
        project=environment["PROJECT"],
        environment=environment["ENVIRONMENT"],
        owner=environment["OWNER"],
        cost_center=environment["COST_CENTER"],
        experiment=environment["EXPERIMENT"],
    )


def _now() -> datetime:
    return datetime.now(UTC)


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        (
            aws_clients.sagemaker(),
            aws_clients.s3(),
            aws_clients.pricing(),
            aws_clients.cloudwatch(),
        )
