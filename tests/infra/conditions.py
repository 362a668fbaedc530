"""A template as CloudFormation sees it once its parameters have values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.assembly import Template

_ABSENT = object()


def deployed(template: Template, parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Logical id → the resource, of those whose condition holds, with each `Fn::If` decided."""
    defaults = {
        name: parameter["Default"]
        for name, parameter in template["Parameters"].items()
        if "Default" in parameter
    }
    unknown = parameters.keys() - defaults.keys()
    assert not unknown, f"the template has no parameter {unknown}"
    values = {**defaults, **parameters}
    holds = {
        name: _true(expression, template["Conditions"], values)
        for name, expression in template.get("Conditions", {}).items()
    }
    return {
        name: _decided(resource, holds)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds[resource["Condition"]]
    }


def references(resource: Mapping[str, Any]) -> set[str]:
    """The logical ids that a resource refers to or waits for."""
    depends = resource.get("DependsOn", [])
    return {*([depends] if isinstance(depends, str) else depends), *_named(resource)}


def _true(expression: Any, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    match expression:
        case {"Condition": name}:
            return _true(conditions[name], conditions, values)
        case {"Fn::Not": [one]}:
            return not _true(one, conditions, values)
        case {"Fn::And": list(all_of)}:
            return all(_true(one, conditions, values) for one in all_of)
        case {"Fn::Or": list(any_of)}:
            return any(_true(one, conditions, values) for one in any_of)
        case {"Fn::Equals": [left, right]}:
            return _value(left, values) == _value(right, values)
    raise ValueError(f"no condition: {expression!r}")


def _value(operand: Any, values: Mapping[str, str]) -> str:
    match operand:
        case {"Ref": name}:
            return values[name]
        case str():
            return operand
    raise ValueError(f"no operand of a condition: {operand!r}")


def _decided(value: Any, holds: Mapping[str, bool]) -> Any:
    match value:
        case {"Fn::If": [name, then, otherwise]}:
            return _decided(then if holds[name] else otherwise, holds)
        case {"Ref": "AWS::NoValue"}:
            return _ABSENT
        case Mapping():
            decided = {key: _decided(item, holds) for key, item in value.items()}
            return {key: item for key, item in decided.items() if item is not _ABSENT}
        case list():
            return [item for item in (_decided(one, holds) for one in value) if item is not _ABSENT]
    return value


def _named(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case Mapping():
            for item in value.values():
                yield from _named(item)
        case list():
            for item in value:
                yield from _named(item)
