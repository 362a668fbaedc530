"""What runs may cost, and how often that is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ratchet.settings.timetable import RuleSchedule
from ratchet.settings.toml_reader import between

WITH_A_LIMIT = "rate(5 minutes)"
"""How often running runs are checked against the limit: a long job sends no event until it ends."""

_Dollars = Annotated[float, between(0, 10_000_000)]


@dataclass(frozen=True, kw_only=True)
class CostSettings:
    """In US dollars: that is the currency of AWS's price list."""

    run_limit_usd: _Dollars = 0
    """A run that has cost more so far is stopped, and people get a notice; 0 = no limit."""
    monthly_budget_usd: _Dollars = 0
    """AWS Budgets sends a notice at 80 %, at 100 %, and when 100 % are forecast; 0 = no budget."""
    idle_hours: Annotated[int, between(0, 8760)] = 24
    """When nobody has called the endpoint for this long, people get a notice with its cost;
    0 = never."""
    look_back_days: Annotated[int, between(1, 365)] = 7
    """How far back the schedule looks for runs whose end event was lost."""
    schedule: RuleSchedule = "rate(1 hour)"
    """Records runs whose event was lost, and the hours of the endpoint. In UTC. With a limit on
    runs it is always every five minutes."""

    @property
    def looks(self) -> str:
        """How often runs, the endpoint and the buckets are checked."""
        return WITH_A_LIMIT if self.run_limit_usd else self.schedule


def has_budgets(region: str) -> bool:
    """Whether CloudFormation can make budgets in this region.

    Budgets belong to the account and to no region, but only some regions know
    `AWS::Budgets::Budget`: elsewhere a template with one is refused ("Unrecognized resource types",
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2177).
    """
    return region not in _WITHOUT_BUDGETS


# From CloudFormation's schemas of each region, as cfn-lint has them; a test compares the two.
_WITHOUT_BUDGETS = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-3",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "mx-central-1",
        "us-gov-east-1",
        "us-gov-west-1",
    }
)
