"""Cost allocation tags: each must be activated once, in the account that pays, before AWS splits
costs by it.

AWS lists a tag within 24 hours of its first use, and an active one is on bills within 24 hours more
(https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from ratchet.deployment.roles.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_ce.client import CostExplorerClient

_AT_ONCE = 20  # botocore's model of UpdateCostAllocationTagsStatus

Status = Literal["active", "inactive", "not seen"]


@dataclass(frozen=True, kw_only=True)
class AllocationTag:
    key: str
    status: Status
    """"not seen": AWS has not found it on anything that costs, or not yet."""
    used: str = ""
    """ISO date of the last cost that carried it."""


@dataclass(frozen=True, kw_only=True)
class TagRefusal:
    key: str
    why: str


def look(ce: CostExplorerClient, keys: Sequence[str]) -> list[AllocationTag]:
    """The state of these tags in AWS, in their order.

    Raises:
        DeploymentError: a permission is missing; it says which, and where.
    """
    listed: dict[str, AllocationTag] = {}
    pages = ce.get_paginator("list_cost_allocation_tags").paginate(
        TagKeys=list(keys), Type="UserDefined"
    )
    try:
        for page in pages:
            for item in page["CostAllocationTags"]:
                listed[item["TagKey"]] = AllocationTag(
                    key=item["TagKey"],
                    status="active" if item["Status"] == "Active" else "inactive",
                    used=item.get("LastUsedDate", "")[:10],
                )
    except ClientError as error:
        raise refused(error, "ce:ListCostAllocationTags", hint=PAYING_ACCOUNT) from error
    return [listed.get(key) or AllocationTag(key=key, status="not seen") for key in keys]


def activate(ce: CostExplorerClient, keys: Sequence[str]) -> list[TagRefusal]:
    """Activates the tags; returns those that AWS refused. The others are active.

    Raises:
        DeploymentError: a permission is missing.
    """
    refusals: list[TagRefusal] = []
    for first in range(0, len(keys), _AT_ONCE):
        batch = keys[first : first + _AT_ONCE]
        try:
            answer = ce.update_cost_allocation_tags_status(
                CostAllocationTagsStatus=[{"TagKey": key, "Status": "Active"} for key in batch]
            )
        except ClientError as error:
            action = "ce:UpdateCostAllocationTagsStatus"
            raise refused(error, action, hint=PAYING_ACCOUNT) from error
        refusals += [
            TagRefusal(key=item["TagKey"], why=item.get("Message") or item.get("Code", ""))
            for item in answer.get("Errors", ())
        ]
    return refusals


def command(keys: Iterable[str]) -> str:
    """The AWS command that activates these tags, for the account that pays."""
    statuses = " ".join(f"TagKey={key},Status=Active" for key in keys)
    return f"aws ce update-cost-allocation-tags-status --cost-allocation-tags-status {statuses}"


PAYING_ACCOUNT = (
    "In an organization only the management account sees and activates cost allocation tags: sign "
    "in there (AWS_PROFILE=…), or give its owner the command of `ratchet costs setup --show`."
)
