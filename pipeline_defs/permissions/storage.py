"""What a definition's S3 URIs need, of those that are spelled out.

A URI that begins with a token of the CDK lies in a bucket of the deployment, which grants its
folders itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from config.arns import Arns
from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import is_variable, placed_steps
from pipeline_defs.permissions.permission import Permission
from pipeline_defs.permissions.values import Values, members

_WRITTEN = re.compile(
    r"S3Output\.S3Uri|CheckpointConfig\.S3Uri|S3OutputPath|S3FailurePath|DestinationS3Uri"
    r"|OutputS3Uri"
)
_URI = re.compile(r"s3://(?P<bucket>[^/*]+)/?(?P<key>[^*]*)(?P<open>\*.*)?", re.DOTALL)


def permissions(
    definition: Mapping[str, Any], *, arns: Arns, granted: Collection[str]
) -> Iterator[Permission]:
    """Lists and reads what the definition names, as inputs and as plain texts for its scripts;
    writes what its outputs name.

    A job finds its inputs by the beginning of their keys, so that is what may be listed and read:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """
    values = Values(definition)
    read = [*_defaults(definition), *_texts([p.own for p in placed_steps(definition)], values)]
    for bucket, key in _places(read, granted):
        yield Permission(
            sid="ReadElsewhere",
            actions=["s3:GetObject"],
            resources=[arns.object(bucket, f"{key}*")],
            wildcard="An input is all that begins with its URI.",
        )
        yield Permission(
            sid="ListElsewhere",
            actions=["s3:ListBucket"],
            resources=[arns.bucket(bucket)],
            conditions={"StringLike": {"s3:prefix": [f"{key}*"]}},
        )
    written = [
        pattern
        for placed in placed_steps(definition)
        for path, _, value in members(placed.own)
        if _WRITTEN.search(path)
        for pattern in values.patterns(value)
    ]
    for bucket, key in _places(written, granted):
        yield Permission(
            sid="WriteElsewhere",
            actions=["s3:PutObject", "s3:AbortMultipartUpload"],
            resources=[arns.object(bucket, f"{key}*")],
            wildcard="Objects are named by the jobs that write them.",
        )


def _places(uris: list[str], granted: Collection[str]) -> Iterator[tuple[str, str]]:
    """(bucket, beginning of the keys); what follows an open part is not known here, so the folder
    before it is the limit."""
    for uri in dict.fromkeys(uris):
        match = _URI.fullmatch(uri)
        if match is None or schema.is_token(match["bucket"]) or match["bucket"] in granted:
            continue
        key = match["key"]
        if match["open"]:
            key = key[: key.rfind("/") + 1]
        yield match["bucket"], key


def _defaults(definition: Mapping[str, Any]) -> Iterator[str]:
    for parameter in definition.get("Parameters", ()):
        yield from (
            str(v) for v in (parameter.get("DefaultValue"), *parameter.get("EnumValues", ()))
        )


def _texts(value: Any, values: Values) -> Iterator[str]:
    if isinstance(value, str) or is_variable(value):
        yield from values.patterns(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, values)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, values)
