"""What a definition's S3 URIs need, of those that are spelled out.

A URI that begins with a token of the CDK lies in a bucket of the deployment, which grants its
folders itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from ratchet.definition.document import Document
from ratchet.definition.expressions import is_token
from ratchet.permissions.permission import Permission
from ratchet.permissions.values import Values, members
from ratchet.settings.arns import RegionArns

_WRITTEN = re.compile(
    r"S3Output\.S3Uri|CheckpointConfig\.S3Uri|S3OutputPath|S3FailurePath|DestinationS3Uri"
    r"|OutputS3Uri"
)
_URI = re.compile(r"s3://(?P<bucket>[^/*]+)/?(?P<key>[^*]*)(?P<open>\*.*)?", re.DOTALL)


def permissions(
    document: Document, values: Values, *, arns: RegionArns, granted: Collection[str]
) -> Iterator[Permission]:
    """Lists and reads what the definition names, as inputs and as plain texts for its scripts;
    writes what its outputs name.

    A job finds its inputs by the beginning of their keys, so that is what may be listed and read:
    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """
    read = [*_defaults(document), *_texts(document, values)]
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
        for step in document.steps
        for leaf in members(step)
        if _WRITTEN.search(leaf.place)
        for pattern in values.patterns(leaf.value)
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
        if match is None or is_token(match["bucket"]) or match["bucket"] in granted:
            continue
        key = match["key"]
        if match["open"]:
            key = key[: key.rfind("/") + 1]
        yield match["bucket"], key


def _defaults(document: Document) -> Iterator[str]:
    for parameter in document.parameters:
        yield from map(str, (parameter.default, *(parameter.choices or ())))


def _texts(document: Document, values: Values) -> Iterator[str]:
    for step in document.steps:
        for leaf in step.leaves:
            if isinstance(leaf.value, str | Mapping):
                yield from values.patterns(leaf.value)
