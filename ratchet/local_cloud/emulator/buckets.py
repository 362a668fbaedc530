"""Encryption of buckets by KMS, as far as clients and templates see it; nothing is encrypted.

MiniStack leaves out a template's ``BucketEncryption``, and refuses a write that names ``aws:kms``
without a key; S3 takes its own key ``aws/s3`` then, and the CDK's asset bucket depends on it.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ministack.core import responses

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def encryption_xml(encryption: dict[str, Any]) -> bytes:
    """A template's ``BucketEncryption`` as the body of PutBucketEncryption."""
    root = ElementTree.Element(
        "ServerSideEncryptionConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/"
    )
    for rule in encryption.get("ServerSideEncryptionConfiguration") or []:
        element = ElementTree.SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault")
        if default:
            applied = ElementTree.SubElement(element, "ApplyServerSideEncryptionByDefault")
            for member in ("SSEAlgorithm", "KMSMasterKeyID"):
                if default.get(member):
                    ElementTree.SubElement(applied, member).text = str(default[member])
        if "BucketKeyEnabled" in rule:
            enabled = str(rule["BucketKeyEnabled"]).lower()
            ElementTree.SubElement(element, "BucketKeyEnabled").text = enabled
    body: bytes = ElementTree.tostring(root, encoding="utf-8")
    return body


def install(s3: Any, provisioners: Any) -> None:
    """Mend both."""
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        (
            "BucketEncryption",
            encryption_xml,
            s3._put_bucket_encryption,
            s3._delete_bucket_encryption,
        ),
    )
    _delete_folders(s3, provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"])
    resolve = s3._resolve_sse_write_headers

    def resolved(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_ALGORITHM) == "aws:kms" and not headers.get(_KEY):
            account, region = responses.get_account_id(), responses.get_region()
            headers = {**headers, _KEY: f"arn:aws:kms:{region}:{account}:alias/aws/s3"}
        return resolve(headers, bucket)

    s3._resolve_sse_write_headers = resolved


def _delete_folders(s3: Any, handlers: dict[str, Any]) -> None:
    """Let a stack that deletes an empty bucket delete its folder too, which would bring the bucket
    back at the next start."""
    delete = handlers["delete"]

    def deleted(physical_id: str, properties: dict[str, Any]) -> None:
        bucket = s3._buckets.get(physical_id) or {}
        delete(physical_id, properties)
        if not bucket.get("objects"):
            s3._delete_persisted_bucket(physical_id)

    handlers["delete"] = deleted
