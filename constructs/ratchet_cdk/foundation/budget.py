"""What a month may cost, and who gets a notice if it costs more."""

from __future__ import annotations

import hashlib

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from ratchet.settings import tags
from ratchet_cdk.loop_resources import LoopResources

_THRESHOLDS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""Of what, and at which percentage of the budget."""


class Budget(Construct):
    """A budget on everything that carries the tags of project, model and environment.

    It counts what is billed, hours to a day late, and nothing at all before these tags are active
    as cost allocation tags. The topic hears of it, and the mailbox of the settings too, in case
    the topic does not speak.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = loop.settings
        email = settings.notifications.email
        self.name = _name(settings.prefix, email)
        subscribers = [_subscriber("SNS", loop.notifications.arn)]
        if email:
            subscribers.append(_subscriber("EMAIL", email))
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=settings.costs.monthly_budget_usd, unit="USD"
                ),
                # All at once: of several tags in the older `CostFilters`, AWS does not say
                # whether one is enough.
                filter_expression=budgets.CfnBudget.ExpressionProperty(
                    and_=[
                        _tagged(tags.PROJECT, settings.project),
                        _tagged(tags.MODEL, settings.model_name),
                        _tagged(tags.ENVIRONMENT, settings.environment),
                    ]
                ),
                metrics=["UnblendedCost"],
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for kind, percent in _THRESHOLDS
            ],
        )


def _name(prefix: str, email: str | None) -> str:
    """Changes with the subscribers: they replace the budget, and CloudFormation makes the new one
    before it deletes the old, under another name or not at all."""
    digest = hashlib.sha256(repr((_THRESHOLDS, email)).encode()).hexdigest()
    return f"{prefix}-monthly-{digest[:8]}"


def _tagged(key: str, value: str) -> budgets.CfnBudget.ExpressionProperty:
    return budgets.CfnBudget.ExpressionProperty(
        tags=budgets.CfnBudget.TagValuesProperty(key=key, values=[value])
    )


def _subscriber(kind: str, address: str) -> budgets.CfnBudget.SubscriberProperty:
    return budgets.CfnBudget.SubscriberProperty(subscription_type=kind, address=address)
