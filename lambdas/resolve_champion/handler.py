"""Answers which model serves now, and which version is the newest: the pipeline's `champion` step.

Environment
    CHAMPION_PARAMETER  name of the SSM parameter; its value is the ARN of a model package version
                        or "none". No such parameter means none.
    MODEL_PACKAGE_GROUP  name of the group whose newest version it looks at
    NO_CHAMPION_URI     s3://bucket/folder/ returned when there is no champion. The function keeps
                        a small object in it, because a processing input must not be empty.

Returns the fields of `champion.ResolvedChampion`.

IAM
    ssm:GetParameter                on the parameter
    sagemaker:ListModelPackages     on all resources (the action knows none)
    sagemaker:DescribeModelPackage  on arn:…:model-package/<group>/*
    s3:PutObject                    on NO_CHAMPION_URI's objects
    kms:GenerateDataKey, kms:Decrypt  on the artifact bucket's key
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

import aws_clients
from decision_log import say
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from resolve_champion import champion
from resolve_champion.champion import ResolvedChampion

_MARKER = "README.txt"
_MARKER_TEXT = b"No model serves yet: the candidate is compared with nothing and passes the gate.\n"


def handler(event: Mapping[str, object], context: object) -> dict[str, str]:
    """The Lambda step calls this; it ignores the arguments."""
    parameter = os.environ["CHAMPION_PARAMETER"]
    package_arn = _parameter_value(parameter)
    if package_arn == names.NONE:
        resolved = _none(os.environ["NO_CHAMPION_URI"])
        say("none", f"{parameter} names no champion", {"model_uri": resolved.model_uri})
    else:
        resolved = _described(package_arn, parameter=parameter)
        say("found", f"{parameter} names version {resolved.version}", resolved.outputs())
    return resolved.beside(_newest(os.environ["MODEL_PACKAGE_GROUP"])).outputs()


def _parameter_value(name: str) -> str:
    try:
        answer = aws_clients.ssm().get_parameter(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return names.NONE
        raise
    return answer["Parameter"]["Value"].strip() or names.NONE


def _described(package_arn: str, *, parameter: str) -> ResolvedChampion:
    champion.version_of(package_arn, parameter=parameter)
    try:
        package = aws_clients.sagemaker().describe_model_package(ModelPackageName=package_arn)
    except ClientError as error:
        if says_missing(error):
            raise champion.missing(package_arn=package_arn, parameter=parameter) from None
        raise
    return champion.from_package(package, package_arn=package_arn, parameter=parameter)


def _newest(group: str) -> Mapping[str, Any] | None:
    """The newest version of the group, whatever its approval."""
    sagemaker = aws_clients.sagemaker()
    summaries = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"]
    if not summaries:
        return None
    try:
        return sagemaker.describe_model_package(ModelPackageName=summaries[0]["ModelPackageArn"])
    except ClientError as error:
        if says_missing(error):  # deleted at this moment
            return None
        raise


def _none(uri: str) -> ResolvedChampion:
    bucket, _, folder = uri.removeprefix("s3://").partition("/")
    try:
        aws_clients.s3().put_object(
            Bucket=bucket, Key=f"{folder}{_MARKER}", Body=_MARKER_TEXT, IfNoneMatch="*"
        )
    except ClientError as error:
        # 412: it is there. 409: another run writes it at this moment.
        if error.response["Error"]["Code"] not in {
            "PreconditionFailed",
            "ConditionalRequestConflict",
        }:
            raise
    return champion.no_champion(uri)


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        aws_clients.ssm(), aws_clients.sagemaker(), aws_clients.s3()
