"""What a role may do and what it did: its policies, joined with the recorded decisions. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.deployment.roles.missing_permission import missing_statement
from ratchet.local_cloud.aws_only import asked_on_aws_only
from ratchet.local_cloud.decisions import Decision


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a role's policies."""

    policy: str
    """The inline policy's name, or the managed policy's ARN."""
    name: str
    """The Sid; without one the position in the policy, from `0`."""
    effect: str = "Allow"
    actions: tuple[str, ...] = ()
    """Patterns such as `s3:Get*`; with `but_actions` those that it is not about."""
    resources: tuple[str, ...] = ()
    """Patterns of ARNs; with `but_resources` those that it is not about."""
    but_actions: bool = False
    but_resources: bool = False
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Operator, key and values."""

    def covers_action(self, action: str) -> bool:
        """Whether an action is one of the statement's. Case does not count, as in IAM."""
        matches = any(_matches(pattern.lower(), action.lower()) for pattern in self.actions)
        return matches != self.but_actions

    def covers(self, action: str, resource: str) -> bool:
        """Whether an action on a resource is one of the statement's, its conditions aside."""
        matches = any(_matches(pattern, resource) for pattern in self.resources)
        return self.covers_action(action) and matches != self.but_resources


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of the deployment."""

    name: str
    arn: str
    label: str
    """What a person calls it: `training pipeline`, `start_pipeline function`."""
    stack: str
    """The stack's name without the environment's prefix: `training`."""
    logical_id: str
    services: tuple[str, ...] = ()
    """Whom it trusts, such as `lambda.amazonaws.com`."""
    statements: tuple[Statement, ...] = ()
    boundary: str = ""
    """ARN of its permissions boundary."""


@dataclass(frozen=True, kw_only=True)
class ActionUse:
    """How often a statement's action was used. `last`: seconds since the epoch, 0 for never."""

    action: str
    count: int = 0
    last: float = 0.0
    aws_only: bool = False
    """Whether it was not used because only AWS asks for it."""


@dataclass(frozen=True, kw_only=True)
class StatementUse:
    """A statement, and the requests that it decided."""

    statement: Statement
    actions: tuple[ActionUse, ...]
    count: int = 0
    last: float = 0.0

    @property
    def unused(self) -> tuple[str, ...]:
        """The actions that were never used, of those that the local cloud asks for.

        A statement about all actions but some has none.
        """
        if self.statement.but_actions:
            return ()
        return tuple(use.action for use in self.actions if not (use.count or use.aws_only))

    @property
    def aws_only(self) -> int:
        """How many of its actions only AWS asks for."""
        return sum(use.aws_only for use in self.actions)


@dataclass(frozen=True, kw_only=True)
class RoleRefusal:
    """A kind of request that was denied to a role."""

    decision: Decision
    statement: Mapping[str, Any] | None
    """To add to the role's policies; None where no statement of theirs would help."""
    standing: bool
    """Whether the role would be refused again, as far as its policies tell."""


@dataclass(frozen=True, kw_only=True)
class RoleUse:
    """A role with what it did and was refused."""

    role: Role
    statements: tuple[StatementUse, ...] = ()
    refusals: tuple[RoleRefusal, ...] = ()
    elsewhere: tuple[Decision, ...] = ()
    """What no statement of the role allowed: a resource's policy, a key's grant, or a statement
    that is gone."""

    @property
    def actions(self) -> int:
        return sum(len(use.actions) for use in self.statements)

    @property
    def used_actions(self) -> int:
        return self.actions - sum(
            not action.count for use in self.statements for action in use.actions
        )

    @property
    def requests(self) -> int:
        """How many were allowed."""
        return sum(use.count for use in self._allowing) + _count(self.elsewhere)

    @property
    def refused(self) -> int:
        """How many were refused, of the kinds that still would be."""
        return _count(refusal.decision for refusal in self.refusals if refusal.standing)

    @property
    def last(self) -> float:
        """When the last was allowed; 0 for never."""
        return max([_last(self.elsewhere), *(use.last for use in self._allowing)])

    @property
    def _allowing(self) -> list[StatementUse]:
        return [use for use in self.statements if use.statement.effect == "Allow"]


def statements_of(policy: str, document: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of a policy's document.

    Args:
        policy: the inline policy's name, or the managed policy's ARN.
    """
    for position, statement in enumerate(_listed(document.get("Statement"))):
        conditions = statement.get("Condition") or {}
        yield Statement(
            policy=policy,
            name=statement.get("Sid") or str(position),
            effect=statement.get("Effect", "Allow"),
            actions=_texts(statement.get("Action", statement.get("NotAction"))),
            resources=_texts(statement.get("Resource", statement.get("NotResource"))),
            but_actions="Action" not in statement,
            but_resources="Resource" not in statement,
            conditions={
                operator: {key: _texts(values) for key, values in keys.items()}
                for operator, keys in conditions.items()
            },
        )


def joined(role: Role, decisions: Iterable[Decision]) -> RoleUse:
    """What each statement of the role decided, what was refused, and what was allowed elsewhere.

    Args:
        decisions: of any roles; those of others are left out.
    """
    role_decisions = [decision for decision in decisions if decision.role == role.name]
    decided: list[list[Decision]] = [[] for _ in role.statements]
    elsewhere = []
    for decision in role_decisions:
        position = _deciding(role.statements, decision)
        if position is not None:
            decided[position].append(decision)
        elif decision.allowed:
            elsewhere.append(decision)
    refusals = [
        RoleRefusal(
            decision=decision,
            statement=_lacking(decision),
            standing=_stands(role, decision, role_decisions),
        )
        for decision in role_decisions
        if not decision.allowed
    ]
    return RoleUse(
        role=role,
        statements=tuple(
            _used(role, statement, decisions)
            for statement, decisions in zip(role.statements, decided, strict=True)
        ),
        refusals=tuple(refusals),
        elsewhere=tuple(elsewhere),
    )


def _deciding(statements: Sequence[Statement], decision: Decision) -> int | None:
    """The position of the statement that decided; None if none of these did."""
    if not decision.policy:
        return None
    for position, statement in enumerate(statements):
        names = (statement.policy, statement.name)
        if names == (decision.policy, decision.statement) and statement.covers_action(
            decision.action
        ):
            return position
    policies = {statement.policy for statement in statements}
    if decision.policy.startswith("arn:") and decision.policy not in policies:
        return None  # the policy of a resource, or a key's grant
    # The policy was changed since, so what stands for the same now has another place.
    effect = "Allow" if decision.allowed else "Deny"
    for position, statement in enumerate(statements):
        if statement.effect == effect and statement.covers(decision.action, decision.resource):
            return position
    return None


def _used(role: Role, statement: Statement, decisions: Sequence[Decision]) -> StatementUse:
    def uses(pattern: str) -> ActionUse:
        matching = [
            decision
            for decision in decisions
            if _matches(pattern.lower(), decision.action.lower()) != statement.but_actions
        ]
        return ActionUse(
            action=pattern,
            count=_count(matching),
            last=_last(matching),
            aws_only=not matching
            and all(
                asked_on_aws_only(role.services, pattern, resource)
                for resource in statement.resources
            ),
        )

    return StatementUse(
        statement=statement,
        actions=tuple(uses(pattern) for pattern in statement.actions),
        count=_count(decisions),
        last=_last(decisions),
    )


def _count(decisions: Iterable[Decision]) -> int:
    return sum(decision.count for decision in decisions)


def _last(decisions: Iterable[Decision]) -> float:
    return max((decision.last for decision in decisions), default=0.0)


def _lacking(decision: Decision) -> Mapping[str, Any] | None:
    """The statement to add; None where the refusal had another reason than the role's policies."""
    if decision.message and missing_statement(decision.message) is None:
        return None
    return decision.missing_statement()


def _stands(role: Role, refused: Decision, decisions: Iterable[Decision]) -> bool:
    """Whether the role would be refused again.

    What its policies say now decides, where the request's recorded condition keys are enough to
    tell; otherwise, whether the same action was allowed on the same resource afterwards.
    """
    later = any(
        decision.allowed
        and decision.last > refused.last
        and (decision.action, decision.resource) == (refused.action, refused.resource)
        for decision in decisions
    )
    if _lacking(refused) is None:
        return not later
    verdicts = [
        _conditions_hold(statement, refused.context)
        for statement in role.statements
        if statement.effect == "Allow" and statement.covers(refused.action, refused.resource)
    ]
    if True in verdicts:
        return False
    return not (None in verdicts and later)


def _conditions_hold(statement: Statement, context: Mapping[str, Any]) -> bool | None:
    """Whether a statement's conditions hold; None if the context does not tell."""
    keys = {key.lower(): _texts(value) for key, value in context.items()}
    verdicts = [
        _condition_holds(operator, values, keys.get(key.lower()))
        for operator, tests in statement.conditions.items()
        for key, values in tests.items()
    ]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _condition_holds(
    operator: str, patterns: Sequence[str], values: Sequence[str] | None
) -> bool | None:
    if operator not in ("StringEquals", "StringLike") or not values:
        return None
    if operator == "StringEquals":
        return all(value in patterns for value in values)
    return all(any(_matches(pattern, value) for pattern in patterns) for value in values)


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@functools.lru_cache(4096)
def _expression(pattern: str) -> re.Pattern[str]:
    """IAM's `*` is anything, `?` one character, and a policy variable may be anything."""
    parts = re.split(r"(\$\{[^}]*\}|\*|\?)", pattern)
    ends = {"*": ".*", "?": "."}
    return re.compile(
        "".join(
            ends.get(part, ".*") if position % 2 else re.escape(part)
            for position, part in enumerate(parts)
        ),
        re.DOTALL,
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in _listed(value))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
