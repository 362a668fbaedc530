"""ARNs of things that are known by name, in one region of one account."""

from __future__ import annotations

from dataclasses import dataclass

_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


def partition(region: str) -> str:
    """The partition of a region, known without asking AWS."""
    return next((p for k, p in _PARTITIONS.items() if region.startswith(f"{k}-")), "aws")


@dataclass(frozen=True, kw_only=True)
class RegionArns:
    """Names in one region of one account; the account may be a token."""

    region: str
    account: str

    @property
    def partition(self) -> str:
        return partition(self.region)

    def sagemaker(self, resource: str) -> str:
        """Such as `pipeline/<name>`."""
        return self.of_service("sagemaker", resource)

    def sagemaker_any_case(self, resource: str) -> list[str]:
        """The ARN as it is written, and in lower case where that differs.

        SageMaker answers with the names of pipelines and model package groups in lower case in
        some ARNs, and IAM compares ARNs by case.
        """
        return [self.sagemaker(name) for name in dict.fromkeys((resource, resource.lower()))]

    def ssm_parameter(self, name: str) -> str:
        return self.of_service("ssm", f"parameter{name}")

    def alarm(self, name: str) -> str:
        return self.of_service("cloudwatch", f"alarm:{name}")

    def stack(self, name: str) -> str:
        """Every stack of that name, now or later: CloudFormation ends an ARN in a random part."""
        return self.of_service("cloudformation", f"stack/{name}/*")

    def log_streams(self, group: str) -> str:
        """The streams of a log group."""
        return self.of_service("logs", f"log-group:{group}:*")

    def role(self, name: str) -> str:
        """Roles belong to the account and to no region."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"

    def budget(self, name: str) -> str:
        """Budgets belong to the account and to no region."""
        return f"arn:{self.partition}:budgets::{self.account}:budget/{name}"

    def bucket(self, name: str) -> str:
        return f"arn:{self.partition}:s3:::{name}"

    def object(self, bucket: str, key: str) -> str:
        return f"{self.bucket(bucket)}/{key}"

    def of_service(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
