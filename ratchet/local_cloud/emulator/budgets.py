"""AWS::Budgets::Budget: MiniStack has the service and not the type.

Ref is the budget's name. CloudFormation replaces a budget when its name or its notifications
change; the rest is updated in place.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import budgets
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, Properties]

_KIND = "AWS::Budgets::Budget"
_MAX_NAME = 100


def install() -> None:
    """Teach MiniStack's CloudFormation the type."""
    provisioners._RESOURCE_HANDLERS[_KIND] = {
        "create": _create,
        "update": _update,
        "update_with_logical_id": True,
        "delete": _delete,
    }
    provisioners._REPLACING_PROPERTIES[_KIND] = ("NotificationsWithSubscribers",)


def _create(logical_id: str, properties: Properties, stack_name: str) -> Created:
    name = properties["Budget"].get("BudgetName") or provisioners._physical_name(
        stack_name, logical_id, max_len=_MAX_NAME
    )
    request = {
        "AccountId": get_account_id(),
        "Budget": _budget(properties["Budget"], name),
        "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers", []),
        "ResourceTags": properties.get("ResourceTags", []),
    }
    _call(budgets._create_budget, request)
    return name, {"Id": name}


def _update(
    physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
) -> Created:
    name = new["Budget"].get("BudgetName") or physical_id
    if name != physical_id:
        created = _create(logical_id, new, stack_name)
        provisioners._delete_predecessor(_delete, physical_id, old)
        return created
    _call(
        budgets._update_budget,
        {"AccountId": get_account_id(), "NewBudget": _budget(new["Budget"], name)},
    )
    arn = budgets._budget_arn(name)
    _call(budgets._untag_resource, {"ResourceARN": arn, "ResourceTagKeys": _keys(old)})
    if new.get("ResourceTags"):
        _call(budgets._tag_resource, {"ResourceARN": arn, "ResourceTags": new["ResourceTags"]})
    return name, {"Id": name}


def _delete(physical_id: str, properties: Properties) -> None:
    del properties
    if physical_id in budgets._budgets:
        _call(budgets._delete_budget, {"BudgetName": physical_id})


def _budget(properties: Properties, name: str) -> Properties:
    """As the API takes it: amounts are texts, times are numbers, `CostFilters` maps to lists."""
    budget = {**properties, "BudgetName": name}
    if "BudgetLimit" in budget:
        limit = budget["BudgetLimit"]
        budget["BudgetLimit"] = {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]}
    if "TimePeriod" in budget:
        budget["TimePeriod"] = {side: _epoch(at) for side, at in budget["TimePeriod"].items()}
    return budget


def _epoch(moment: str) -> float:
    """CloudFormation takes seconds since 1970 as text, or a date."""
    try:
        return float(moment)
    except ValueError:
        parsed = dt.datetime.fromisoformat(moment)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp()


def _keys(properties: Properties) -> list[str]:
    return [tag["Key"] for tag in properties.get("ResourceTags", [])]


def _call(operation: Callable[[Properties], tuple[int, Any, bytes]], request: Properties) -> None:
    status, _, body = operation(request)
    if status >= 300:
        refusal = json.loads(body)
        raise ValueError(refusal.get("message") or refusal.get("Message") or body)
