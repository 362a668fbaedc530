"""The estimate beside the bill (pure): line by line, with the difference named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ratchet.costs import rows
from ratchet.costs_report.grouping import Amount, ReportLine

Share = Literal["runs", "endpoint", "storage", "other"]
"""What a line of a bill is for: jobs with a value of the tag; SageMaker without one, which is the
endpoint's instances; S3; and services that are not estimated."""

_SAGEMAKER, _S3 = "SageMaker", "Simple Storage Service"
_PLACES = ("runs", "endpoint", "storage", "other")
_KINDS: Mapping[str, Share] = {rows.STEP: "runs", rows.ENDPOINT: "endpoint", rows.BUCKET: "storage"}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One line. None: there is no such figure."""

    share: Share
    name: str
    """The tag's value; of other services the service."""
    estimate: Amount | None
    billed: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """How much more was billed."""
        if self.estimate is None or self.billed is None:
            return None
        return self.billed - self.estimate.cost

    @property
    def ratio(self) -> Decimal | None:
        """The difference as a part of the estimate."""
        if self.difference is None or self.estimate is None or not self.estimate.cost:
            return None
        return self.difference / self.estimate.cost


def compare(
    lines: Iterable[ReportLine], billed: Iterable[tuple[str, str, Decimal]], *, by: str
) -> list[Compared]:
    """Lines of a report beside those of a bill, the dearest of each share first.

    `billed`: the tag's value, the service, and the amount. `by`: the tag.
    """
    estimates: dict[tuple[Share, str], Amount] = {}
    for line in lines:
        share = _KINDS[line.kind]
        name = (line.step if by == "step" else line.name) if share == "runs" else ""
        before = estimates.get((share, name), Amount())
        estimates[share, name] = Amount(
            cost=before.cost + line.spent.cost, unknown=before.unknown + line.spent.unknown
        )
    bills: dict[tuple[Share, str], Decimal] = {}
    for value, service, amount in billed:
        key = _place(value, service)
        bills[key] = bills.get(key, Decimal(0)) + amount
    # Cost Explorer lists services that billed nothing, such as a free tier's.
    bills = {key: amount for key, amount in bills.items() if amount or key in estimates}
    compared = [
        Compared(share=share, name=name, estimate=estimates.get(key), billed=bills.get(key))
        for key in {*estimates, *bills}
        for share, name in [key]
    ]
    return sorted(compared, key=_order)


def _place(value: str, service: str) -> tuple[Share, str]:
    if _SAGEMAKER in service:
        return ("runs", value) if value else ("endpoint", "")
    return ("storage", "") if _S3 in service else ("other", service)


def _order(line: Compared) -> tuple[int, Decimal, str]:
    size = max(line.billed or Decimal(0), line.estimate.cost if line.estimate else Decimal(0))
    return _PLACES.index(line.share), -size, line.name
