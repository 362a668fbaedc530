"""A permission of a role, and a need that a definition does not spell out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

TO_FILL_IN = "…"
"""Stands in a statement where only a person knows what stands there."""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One statement of a policy. `sid`: what it is for, in CamelCase."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    wildcard: str = ""
    """Why a resource with a `*` in it cannot be narrower."""

    def statement(self) -> dict[str, Any]:
        """As IAM takes it."""
        statement = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return {**statement, "Condition": dict(self.conditions)} if self.conditions else statement


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What a step needs and its definition does not say: a person has to."""

    step: str
    argument: str
    value: Any
    why: str
    permission: Permission
    """The statement to add, with TO_FILL_IN in it."""

    def __str__(self) -> str:
        statement = json.dumps(self.permission.statement(), ensure_ascii=False)
        return f"step {self.step!r}, {self.argument} = {self.value!r}: {self.why}\n    {statement}"


Needs = Iterator[Permission | Missing]


def missing(step: str, argument: str, value: Any, why: str, template: Permission) -> Missing:
    """A need of this step alone, so that two steps need not share an answer.

    `template`: the statement, without the step in its name.
    """
    name = "".join(part.capitalize() for part in re.split(r"\W+|_", step))
    permission = replace(template, sid=f"{template.sid}For{name}", wildcard="")
    return Missing(step=step, argument=argument, value=value, why=why, permission=permission)


def merged(permissions: Iterable[Permission]) -> list[Permission]:
    """Those of one name together, with the resources and condition values of all, in order."""
    by_sid: dict[str, Permission] = {}
    for permission in permissions:
        earlier = by_sid.get(permission.sid)
        if earlier is None:
            by_sid[permission.sid] = permission
            continue
        by_sid[permission.sid] = Permission(
            sid=permission.sid,
            actions=_union(earlier.actions, permission.actions),
            resources=_union(earlier.resources, permission.resources),
            conditions=_conditions(earlier.conditions, permission.conditions),
            wildcard=earlier.wildcard or permission.wildcard,
        )
    return list(by_sid.values())


def _conditions(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the same keys together: they are alternatives to IAM."""
    if {o: set(keys) for o, keys in first.items()} != {o: set(keys) for o, keys in second.items()}:
        raise ValueError(f"permissions of one name have different conditions: {first}, {second}")
    return {
        operator: {key: _union(_listed(value), _listed(second[operator][key]))}
        for operator, keys in first.items()
        for key, value in keys.items()
    }


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _union(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys([*first, *second]))
