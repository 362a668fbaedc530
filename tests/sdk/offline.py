"""Lets the SageMaker SDK write a definition without an account: no call leaves the machine.

Every file it would upload is kept instead, by the URI it would have gone to.
"""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path
from typing import Any

REGION, ACCOUNT, BUCKET = "us-east-1", "111122223333", "sagemaker-us-east-1-111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AmazonSageMaker-ExecutionRole-20240101T000000"

os.environ.update(
    AWS_DEFAULT_REGION=REGION,
    AWS_ACCESS_KEY_ID="offline",
    AWS_SECRET_ACCESS_KEY="offline",
    AWS_EC2_METADATA_DISABLED="true",  # importing sagemaker.serve looks for credentials
    SAGEMAKER_VALIDATE_ROLE="false",  # else ModelTrainer calls iam:SimulatePrincipalPolicy
)

SOURCE = f"s3://{BUCKET}/house-prices-2026-11-26-06-12-33-123/source/sourcedir.tar.gz"

UPLOADS: dict[str, bytes] = {}
"""What the SDK uploaded: URI → content."""


def _answer(client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    if operation == "PutObject":
        body = given["Body"]
        content = body if isinstance(body, bytes) else body.read()
        UPLOADS[f"s3://{given['Bucket']}/{given['Key']}"] = (
            content.encode() if isinstance(content, str) else content
        )
    if operation == "GetCallerIdentity":
        return {"Account": ACCOUNT, "Arn": ROLE, "UserId": "offline"}
    if operation == "GetRole":
        return {"Role": {"Arn": ROLE}}
    return {"ResponseMetadata": {"HTTPStatusCode": 200}}


def _refuse(*_: Any, **__: Any) -> Any:
    raise OSError("offline")


def go_offline() -> None:
    import boto3.s3.inject
    import botocore.client

    botocore.client.BaseClient._make_api_call = _answer

    def upload_file(self: Any, filename: str, bucket: str, key: str, **_: Any) -> None:
        UPLOADS[f"s3://{bucket}/{key}"] = Path(filename).read_bytes()

    boto3.s3.inject.upload_file = upload_file
    boto3.s3.inject.object_upload_file = lambda self, Filename, **_: upload_file(  # noqa: N803
        self, Filename, self.bucket_name, self.key
    )
    socket.socket.connect = _refuse
    socket.getaddrinfo = _refuse


def upload_folder(folder: Path, uri: str) -> None:
    """What a user of script mode does first: the scripts as one archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file in sorted(folder.glob("*.py")):
            tar.add(file, arcname=file.name)
    UPLOADS[uri] = archive.getvalue()


def write_uploads(folder: Path) -> None:
    for uri, content in UPLOADS.items():
        path = folder / uri.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
