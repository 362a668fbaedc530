"""The buckets of the loop: what lands, what runs make, and who touched either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ratchet.settings.retention import RetentionSettings
from ratchet_cdk.permissions.acknowledged import acknowledge
from ratchet_cdk.permissions.narrow_role import NarrowRole

MULTIPART_DAYS = 7  # an upload that was not completed by then never will be


class AccessLogs(Construct):
    """Holds the access logs of the other buckets for `retention.log_days`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, retention: RetentionSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # Log delivery cannot write where the default encryption is a customer key:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshooting-server-access-logging.html
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[_expire("expire-logs", days=retention.log_days)],
            removal_policy=removal_policy(retention),
        )
        acknowledge(
            self.bucket, {"AwsSolutions-S1": "It is the log: logging itself would never end."}
        )


class LoopBucket(Construct):
    """A bucket that is versioned, encrypted with the loop's key, reachable over TLS only, never
    public, logged, and that tells EventBridge about every object.

    Overwritten and deleted versions expire, and so do uploads that nobody completed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        logs: AccessLogs,
        retention: RetentionSettings,
        expiring: Mapping[str, int] | None = None,
    ) -> None:
        """`expiring`: prefix → after how many days its objects expire; 0 = never."""
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            versioned=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=logs.bucket,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=_lifecycle(retention, expiring or {}),
            removal_policy=removal_policy(retention),
        )
        # Imported by the stacks above, under names that a person can read.
        stack = cdk.Stack.of(self)
        exported = f"{stack.stack_name}-{construct_id.lower()}"
        self.name = stack.export_value(self.bucket.bucket_name, name=f"{exported}-name")
        self.arn = stack.export_value(self.bucket.bucket_arn, name=f"{exported}-arn")
        self.uri = f"s3://{self.name}"  # without a trailing slash
        self.key_arn = key.key_arn
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        # The construct's own `event_bridge_enabled` deploys a custom resource with a function.
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )

    def grant_list(self, role: NarrowRole, sid: str, *, prefixes: Iterable[str]) -> None:
        """Lists the objects below the prefixes."""
        patterns = [pattern for prefix in prefixes for pattern in (prefix, f"{prefix}*")]
        role.allow(
            sid,
            actions=["s3:ListBucket"],
            resources=[self.arn],
            conditions={"StringLike": {"s3:prefix": patterns}},
        )

    def grant_look(self, role: NarrowRole, sid: str) -> None:
        """Lists all objects, and gets a 404 for one that is not there.

        S3 answers 403 to whoever may not list, and a condition on the prefix counts as that:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        """
        role.allow(sid, actions=["s3:ListBucket"], resources=[self.arn])

    def grant_read(self, role: NarrowRole, sid: str, *, prefixes: Iterable[str]) -> None:
        """Reads the objects below the prefixes, and decrypts them."""
        self._allow_objects(role, sid, actions=["s3:GetObject"], prefixes=prefixes)
        role.allow(f"{sid}Decrypt", actions=["kms:Decrypt"], resources=[self.key_arn])

    def grant_write(self, role: NarrowRole, sid: str, *, prefixes: Iterable[str]) -> None:
        """Writes objects below the prefixes, in parts too, encrypted with the key.

        Completing a multipart upload decrypts its parts, hence `kms:Decrypt`.
        """
        actions = ["s3:PutObject", "s3:AbortMultipartUpload"]
        self._allow_objects(role, sid, actions=actions, prefixes=prefixes)
        actions = ["kms:GenerateDataKey", "kms:Decrypt"]
        role.allow(f"{sid}Encrypt", actions=actions, resources=[self.key_arn])

    def _allow_objects(
        self, role: NarrowRole, sid: str, *, actions: list[str], prefixes: Iterable[str]
    ) -> None:
        role.allow(
            sid,
            actions=actions,
            resources=[f"{self.arn}/{prefix}*" for prefix in prefixes],
            wildcard="Objects are named by those who write them; the folder is the limit.",
        )


def removal_policy(retention: RetentionSettings) -> cdk.RemovalPolicy:
    """What happens to a resource when its stack is deleted.

    `RetainExceptOnCreate`, not `Retain`: that keeps what a failed creation leaves behind as well,
    and the next try finds the name taken, or pays for a key that nothing uses:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    keep = retention.on_delete == "retain"
    policies = cdk.RemovalPolicy
    return policies.RETAIN_ON_UPDATE_OR_DELETE if keep else policies.DESTROY


def _lifecycle(retention: RetentionSettings, expiring: Mapping[str, int]) -> list[s3.LifecycleRule]:
    return [
        s3.LifecycleRule(
            id="forget-old-versions",
            noncurrent_version_expiration=_days(retention.noncurrent_days),
            expired_object_delete_marker=True,
            abort_incomplete_multipart_upload_after=_days(MULTIPART_DAYS),
        ),
        *(
            _expire(f"expire-{prefix.strip('/').replace('/', '-')}", days=days, prefix=prefix)
            for prefix, days in expiring.items()
            if days
        ),
    ]


def _expire(rule: str, *, days: int, prefix: str | None = None) -> s3.LifecycleRule:
    return s3.LifecycleRule(id=rule, prefix=prefix, expiration=_days(days))


_days = cache(cdk.Duration.days)  # each is a call to JavaScript
