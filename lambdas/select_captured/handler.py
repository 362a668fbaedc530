"""Selects what the monitoring pipeline analyzes: its `captured` step.

Event (all strings)
    start  "last": the end of the last window that was published; ISO 8601 UTC otherwise
    end    "hour": the start of the current hour; "now"; ISO 8601 UTC otherwise

Answers with `answer.Answer`: what to read, and what to hold it against. No key is ever missing,
empty or null: what is not there is "none", or 0 files.

Environment
    ARTIFACTS_BUCKET     capture/, ground-truth/, monitoring/ and manifests/ are in it
    ENDPOINT_NAME        capture/<endpoint>/AllTraffic/yyyy/mm/dd/hh/*.jsonl
    CHAMPION_PARAMETER   name of the SSM parameter; the ARN of the version that serves, or "none"

IAM
    ssm:GetParameter                on the parameter
    sagemaker:DescribeModelPackage  on arn:…:model-package/<group>/*
    s3:ListBucket                   on the bucket
    s3:GetObject                    on ARTIFACTS_BUCKET/monitoring/*
    s3:PutObject                    on ARTIFACTS_BUCKET/manifests/*
    kms:GenerateDataKey, kms:Decrypt  on the bucket's key

Timeout 2 minutes, memory 512 MB.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import aws_clients
from decision_log import say
from select_captured.files import Files
from select_captured.select import CapturedSelection


@cache
def _selection() -> CapturedSelection:
    environment = os.environ
    return CapturedSelection(
        files=Files(
            s3=aws_clients.s3(),
            bucket=environment["ARTIFACTS_BUCKET"],
            endpoint=environment["ENDPOINT_NAME"],
        ),
        ssm=aws_clients.ssm(),
        sagemaker=aws_clients.sagemaker(),
        parameter=environment["CHAMPION_PARAMETER"],
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, str | int]:
    """The Lambda step calls this with its arguments."""
    answer = _selection().select(event, now=datetime.now(UTC))
    why = f"{answer.objects} captured files from {answer.start} to {answer.end}"
    say("select" if answer.objects or answer.labelled else "nothing", why, answer.outputs())
    return answer.outputs()


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _selection()
