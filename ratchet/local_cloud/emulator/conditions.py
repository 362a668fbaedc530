"""`Fn::Join` in a template's Conditions, which MiniStack compares unevaluated.

The CDK's bootstrap template asks in this way whether a list of policies is empty; taken for not
empty, its CloudFormation role had no policy at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

WRAPPED = dict.fromkeys(("changesets", "engine", "handlers", "stacks"), ("_evaluate_conditions",))
"""The name of MiniStack's CloudFormation that is replaced, in each module that looks it up."""

Parameters = Mapping[str, Mapping[str, Any]]


def install() -> None:
    """Join before MiniStack evaluates."""
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate = _joining(engine._evaluate_conditions)
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate


def _joining(evaluate: Callable[..., dict[str, bool]]) -> Callable[..., dict[str, bool]]:
    def evaluated(template: dict[str, Any], parameters: Parameters) -> dict[str, bool]:
        conditions = joined(template.get("Conditions") or {}, parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    return evaluated


def joined(value: Any, parameters: Parameters) -> Any:
    """The value with every `Fn::Join` of texts, lists and parameters in it replaced by its text."""
    if isinstance(value, list):
        return [joined(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, items = value["Fn::Join"]
        return str(separator).join(_texts(joined(items, parameters), parameters))
    return {name: joined(item, parameters) for name, item in value.items()}


def _texts(value: Any, parameters: Parameters) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item, parameters)]
    if isinstance(value, dict) and set(value) == {"Ref"}:
        parameter = parameters.get(value["Ref"], {"Value": value["Ref"]})
        text = str(parameter["Value"])
        is_list = "List" in str(parameter.get("Type", ""))
        return [item.strip() for item in text.split(",")] if is_list else [text]
    return [str(value)]
