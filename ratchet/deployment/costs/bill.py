"""The bill of AWS by tag and by day, from Cost Explorer: up to a day late.

Each request to Cost Explorer costs $0.01 (https://aws.amazon.com/aws-cost-management/pricing/).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.roles.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_ce.client import CostExplorerClient

METRIC = "UnblendedCost"
_NO_DATA = "DataUnavailableException"


@dataclass(frozen=True, kw_only=True)
class Billed:
    """What a service billed for one value of a tag."""

    value: str
    """"": what does not carry the tag, such as an endpoint, which belongs to no pipeline."""
    service: str
    """As Cost Explorer names it: "Amazon SageMaker"."""
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Bill:
    first: date
    last: date
    """The last day that was asked for."""
    billed: tuple[Billed, ...]
    open_days: tuple[date, ...]
    """Days whose figures Cost Explorer calls an estimate: more may come."""
    currency: str


def read(
    ce: CostExplorerClient, *, first: date, last: date, tag: str, only: Mapping[str, str]
) -> Bill:
    """The bill from the first to the last day, by the values of a tag and by service.

    Args:
        tag: a cost allocation tag that is active.
        only: tags that all of it carries, the project and the environment.

    Raises:
        DeploymentError: a permission is missing, or Cost Explorer has no data yet.
    """
    sums: dict[tuple[str, str], Decimal] = {}
    open_days: set[date] = set()
    currency = "USD"
    for period in _periods(ce, first=first, last=last, tag=tag, only=only):
        if period.get("Estimated"):
            open_days.add(date.fromisoformat(period["TimePeriod"]["Start"]))
        for group in period.get("Groups", ()):
            value, service = group["Keys"]
            metric = group["Metrics"][METRIC]
            currency = metric.get("Unit", currency)
            # A tag's values are told with its name before them: "pipeline$shop-dev-training".
            key = value.removeprefix(f"{tag}$"), service
            sums[key] = sums.get(key, Decimal(0)) + Decimal(metric["Amount"])
    billed = [Billed(value=v, service=s, amount=amount) for (v, s), amount in sorted(sums.items())]
    return Bill(
        first=first,
        last=last,
        billed=tuple(billed),
        open_days=tuple(sorted(open_days)),
        currency=currency,
    )


def _periods(
    ce: CostExplorerClient, *, first: date, last: date, tag: str, only: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    filters: list[Any] = [{"Tags": {"Key": key, "Values": [value]}} for key, value in only.items()]
    request: dict[str, Any] = {
        # The end is not in the period.
        "TimePeriod": {"Start": str(first), "End": str(last + timedelta(days=1))},
        "Granularity": "DAILY",
        "Metrics": [METRIC],
        "Filter": filters[0] if len(filters) == 1 else {"And": filters},
        "GroupBy": [{"Type": "TAG", "Key": tag}, {"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    while True:
        try:
            answer = ce.get_cost_and_usage(**request)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _NO_DATA:
                message = error.response["Error"].get("Message", "")
                raise DeploymentError(
                    f"Cost Explorer has no data yet{f' ({message})' if message else ''}. In a new "
                    "account, AWS prepares it within 24 hours after somebody first opens it in "
                    "the console of Billing and Cost Management."
                ) from error
            raise refused(error, "ce:GetCostAndUsage") from error
        yield from answer["ResultsByTime"]
        if not answer.get("NextPageToken"):
            return
        request["NextPageToken"] = answer["NextPageToken"]


def month(text: str | None, *, today: date) -> tuple[date, date]:
    """The first and the last day of a month such as `2026-11`; the current month ends today.

    Raises:
        DeploymentError: the text is not a month, or the month is in the future.
    """
    try:
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        raise DeploymentError(f"{text!r} is not a month; expected one such as 2026-11") from None
    if first > today:
        raise DeploymentError(f"{text} is in the future; today is {today}")
    return first, min(today, first.replace(day=monthrange(first.year, first.month)[1]))
