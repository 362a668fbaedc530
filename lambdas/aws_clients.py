"""AWS clients for functions that start cold.

A plain `boto3.client("sagemaker")` spends most of a cold start reading a service model of 2.5 MiB
of which a function uses two operations. Here botocore reads trimmed models that ship beside this
file (`bundled_models.py`), boto3 is not imported, and nobody looks for garbage meanwhile: a tenth
of the time goes there. Everything else of botocore works as ever: credentials, signing, retries,
modelled errors, paginators, endpoint rules, `AWS_ENDPOINT_URL`.

A handler ends with

    if aws_clients.INITIALISING:
        with aws_clients.initialised():
            ... make the clients ...

so that they are made in Lambda's init phase rather than at the first event.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_pricing.client import PricingClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_ssm.client import SSMClient

INITIALISING = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
"""Whether this process is a Lambda function that starts."""
if INITIALISING:
    gc.disable()  # until `initialised`

CONNECTIONS = 32
"""Connections per client, and so the most requests at a time."""


def cloudformation() -> CloudFormationClient:
    client: CloudFormationClient = _client("cloudformation")
    return client


def cloudwatch() -> CloudWatchClient:
    client: CloudWatchClient = _client("cloudwatch")
    return client


def pricing() -> PricingClient:
    """The Price List, which answers in one region for all regions. Callers go on without it."""
    client: PricingClient = _client("pricing", region="us-east-1", seconds=5, attempts=2)
    return client


def s3() -> S3Client:
    client: S3Client = _client("s3")
    return client


def sagemaker() -> SageMakerClient:
    client: SageMakerClient = _client("sagemaker")
    return client


def sns() -> SNSClient:
    """A notice is sent after the work is done, and its sender tries again."""
    client: SNSClient = _client("sns", seconds=10, attempts=3)
    return client


def sqs() -> SQSClient:
    client: SQSClient = _client("sqs")
    return client


def ssm() -> SSMClient:
    client: SSMClient = _client("ssm")
    return client


@cache
def _client(
    service: str, *, region: str | None = None, seconds: int = 30, attempts: int = 6
) -> Any:
    """`seconds`: how long each attempt waits for an answer."""
    # Imported here, after collecting is off.
    from botocore.config import Config

    from bundled_models import session

    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=seconds,
        max_pool_connections=CONNECTIONS,
    )
    return session().create_client(service, region_name=region, config=config)


@contextmanager
def initialised() -> Iterator[None]:
    """Ends the init phase. Objects made by then stay, so later garbage collections skip them."""
    yield
    gc.freeze()
    gc.enable()
