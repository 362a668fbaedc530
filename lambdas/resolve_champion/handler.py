"""Answers which model serves now, and which version is the newest: the pipeline's `champion` step.

Environment
    CHAMPION_PARAMETER  name of the SSM parameter; its value is the ARN of a model package version
                        or "none". No such parameter means none.
    MODEL_PACKAGE_GROUP  name of the group whose newest version it looks at
    CHAINS_URI          s3://bucket/folder/ for copies of a champion's models, where it has several
                        containers: the step that judges it has one input for all of them.
    NO_CHAMPION_URI     s3://bucket/folder/ returned when there is no champion. The function keeps
                        a small object in it, because a processing input must not be empty.

Returns the fields of `champion.ResolvedChampion`.

IAM
    ssm:GetParameter                on the parameter
    sagemaker:ListModelPackages     on all resources (the action knows none)
    sagemaker:DescribeModelPackage  on arn:…:model-package/<group>/*
    s3:PutObject                    on NO_CHAMPION_URI's and CHAINS_URI's objects
    s3:GetObject                    on models
    kms:GenerateDataKey, kms:Decrypt  on the artifact bucket's key
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

import aws_clients
from decision_log import say
from ratchet.loop import chains, names
from ratchet.loop.answers import says_missing
from resolve_champion import champion
from resolve_champion.champion import ChampionError, ResolvedChampion

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
    about = {"package_arn": package_arn, "parameter": parameter}
    uris = champion.artifacts(package, **about)
    try:
        model_uri = uris[0] if len(uris) == 1 else _gathered(uris, os.environ["CHAINS_URI"])
    except ClientError as error:
        raise ChampionError(
            f"the models of {package_arn} cannot be brought together: {error}. "
            f"{champion.fix(parameter)}"
        ) from None
    return champion.from_package(package, **about, model_uri=model_uri)


def _gathered(uris: Sequence[str], folder_uri: str) -> str:
    """The folder with copies of these objects, which is named by what they are."""
    s3 = aws_clients.s3()
    sources, names_of_all = [], hashlib.sha256()
    for uri in uris:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        etag = s3.head_object(Bucket=bucket, Key=key)["ETag"]
        sources.append((bucket, key, etag))
        names_of_all.update(f"{uri} {etag}\n".encode())
    folder = f"{folder_uri}{names_of_all.hexdigest()[:32]}/"
    bucket_of_copies, _, prefix = folder.removeprefix("s3://").partition("/")
    for position, (bucket, key, etag) in enumerate(sources, start=1):
        try:
            s3.copy_object(
                Bucket=bucket_of_copies,
                Key=f"{prefix}{chains.archive_name(position, of=len(sources))}",
                CopySource={"Bucket": bucket, "Key": key},
                CopySourceIfMatch=etag,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if not _is_there(error):
                raise
    return folder


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
        if not _is_there(error):
            raise
    return champion.no_champion(uri)


def _is_there(error: ClientError) -> bool:
    """Whether an object was not written because there is one (412), or because another run writes
    it at this moment (409)."""
    return error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        aws_clients.ssm(), aws_clients.sagemaker(), aws_clients.s3()
