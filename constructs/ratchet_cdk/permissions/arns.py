"""ARNs of resources that are known by name: a stack has not made them, or may not refer to them."""

from __future__ import annotations

from functools import cache

import aws_cdk as cdk

from ratchet.settings import arns
from ratchet.settings.schema import Settings


class EnvironmentArns(arns.RegionArns):
    """Names of an environment: its region is known, its account perhaps only at deployment."""

    @classmethod
    def of(cls, settings: Settings) -> EnvironmentArns:
        return cls(region=settings.region, account=settings.account or account_at_deployment())


@cache
def account_at_deployment() -> str:
    """The token is the same everywhere, and fetching it from JavaScript takes a while."""
    return cdk.Aws.ACCOUNT_ID
