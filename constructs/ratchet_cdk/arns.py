"""ARNs of things that are known by name: what a stack has not made itself, or may not refer to."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk

from config.settings import Settings

_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


@dataclass(frozen=True, kw_only=True)
class Arns:
    """Names in one region of one account; the account may be a token."""

    region: str
    account: str

    @classmethod
    def of(cls, settings: Settings) -> Arns:
        """Of an environment: its region is known, its account perhaps only at deployment."""
        return cls(region=settings.region, account=settings.account or cdk.Aws.ACCOUNT_ID)

    @property
    def partition(self) -> str:
        """A region tells its partition, so the template need not ask."""
        return next((p for k, p in _PARTITIONS.items() if self.region.startswith(f"{k}-")), "aws")

    def sagemaker(self, resource: str) -> str:
        """Such as `pipeline/<name>`."""
        return self._arn("sagemaker", resource)

    def ssm_parameter(self, name: str) -> str:
        return self._arn("ssm", f"parameter{name}")

    def alarm(self, name: str) -> str:
        return self._arn("cloudwatch", f"alarm:{name}")

    def stack(self, name: str) -> str:
        """A stack of that name, now or later: CloudFormation ends its ARN in a random part."""
        return self._arn("cloudformation", f"stack/{name}/*")

    def log_streams(self, group: str) -> str:
        """The streams of a log group."""
        return self._arn("logs", f"log-group:{group}:*")

    def budget(self, name: str) -> str:
        """Budgets belong to the account and to no region."""
        return f"arn:{self.partition}:budgets::{self.account}:budget/{name}"

    def object(self, bucket: str, key: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket}/{key}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
