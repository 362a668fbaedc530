"""Records how the champion scored on labelled data: the evaluation pipeline's last step.

Called by its `report` step with
    package_arn     of the version that was evaluated
    execution       id of the pipeline execution
    manifest        S3 URI of the manifest of the labelled data
    report          S3 URI of the evaluate step's evaluation.json
    floor, max_regression    what the score is held against; without floor there is no such limit
and by its `nothing-deployed` step with the first three, of which package_arn is "none". Answers
{"outcome", "verdict"}: see `evaluation.Evaluation`, or "NothingDeployed".

Metrics, in the namespace Ratchet, dimensions Project and Environment
    ModelQualityViolations  how many standards it misses: the model-quality alarm watches it, so it
                            goes first and by itself. Too few rows, or a version that no longer
                            serves: none
    EvaluationScore         what the champion reached
Records, in ARTIFACTS_BUCKET
    evaluations/<version>/<execution>.json, and the newest as evaluations/latest.json
On the version: evaluation-time, evaluation-score, evaluation-outcome in its customer metadata

Environment
    PROJECT, ENVIRONMENT, ARTIFACTS_BUCKET
    CHAMPION_PARAMETER  name of the SSM parameter: what serves when this is recorded
    MINIMUM_ROWS        fewer say nothing

IAM
    ssm:GetParameter                 on the parameter
    sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage
                                     on arn:…:model-package/<group>/*; metadata only, never
                                     ModelApprovalStatus
    cloudwatch:PutMetricData         on *, condition cloudwatch:namespace = Ratchet
    s3:GetObject                     on ARTIFACTS_BUCKET/evaluations/*, manifests/* and
                                     <evaluation pipeline>/runs/*
    s3:PutObject                     on ARTIFACTS_BUCKET/evaluations/*
    s3:ListBucket                    on the bucket
    kms:GenerateDataKey, kms:Decrypt on the bucket's key

Timeout 1 minute, memory 512 MB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

import aws_clients
from decision_log import say
from ratchet.loop import names
from record_evaluation import evaluation
from record_evaluation.recording import Recording


@cache
def _recording() -> Recording:
    environment = os.environ
    return Recording(
        s3=aws_clients.s3(),
        cloudwatch=aws_clients.cloudwatch(),
        sagemaker=aws_clients.sagemaker(),
        project=environment["PROJECT"],
        environment=environment["ENVIRONMENT"],
        bucket=environment["ARTIFACTS_BUCKET"],
        minimum_rows=int(environment["MINIMUM_ROWS"]),
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Answers the step."""
    about = {name: event.get(name) for name in ("package_arn", "execution", "manifest")}
    if event["package_arn"] == names.NONE:
        verdict = "nothing is deployed, so there is no model to evaluate and no job was started"
        say("nothing", verdict, about)
        return {"outcome": names.NOTHING_DEPLOYED, "verdict": verdict}
    record = _recording().record(event, champion=_champion())
    verdict = evaluation.verdict_of(record)
    say("record", verdict, {**about, "outcome": record.outcome, "score": record.score})
    return {"outcome": record.outcome, "verdict": verdict}


def _champion() -> str:
    try:
        answer = aws_clients.ssm().get_parameter(Name=os.environ["CHAMPION_PARAMETER"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return names.NONE
        raise
    return answer["Parameter"]["Value"].strip() or names.NONE


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _recording(), aws_clients.ssm()
