"""What policies can say that MiniStack's evaluator does not understand.

Variables such as ``${aws:PrincipalTag/team}`` in resources and conditions
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html), and
``NotPrincipal`` in the policy of a resource.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext

_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
_LITERAL = ("*", "?", "$")
"""``${*}`` is an asterisk."""


def regex(pattern: str) -> str:
    """A pattern of IAM as a regular expression: `*` is anything, `?` one character."""
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def has_variables(value: Any) -> bool:
    """Whether there is a variable in a text, or anywhere in lists and mappings."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(has_variables(item) for item in value.values())
    return isinstance(value, Sequence) and any(has_variables(item) for item in value)


def any_covers(patterns: Sequence[str], resource: str, context: EvalContext) -> bool:
    """Whether a resource is one of the patterns', which may have variables.

    A pattern with a variable that the request has no value for covers nothing.
    """
    return any(_covers(pattern, resource, context) for pattern in patterns)


def filled(conditions: Any, context: EvalContext) -> Any:
    """Conditions with the values of their variables. A variable without one stays as it is."""
    if isinstance(conditions, str):
        return _VARIABLE.sub(lambda match: _value(match, context) or match[0], conditions)
    if isinstance(conditions, Mapping):
        return {name: filled(value, context) for name, value in conditions.items()}
    if isinstance(conditions, list):
        return [filled(value, context) for value in conditions]
    return conditions


def with_principals(document: Any, principal_arn: str, service: str | None) -> Any:
    """A resource's policy in which each ``NotPrincipal`` that means a principal is ``*``.

    Statements whose ``NotPrincipal`` names the principal, or the service that asks, are left out.
    """
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not any("NotPrincipal" in item for item in statements):
        return document
    meant = []
    for statement in statements:
        if "NotPrincipal" not in statement:
            meant.append(statement)
        elif not _names(statement["NotPrincipal"], principal_arn, service):
            others = {name: value for name, value in statement.items() if name != "NotPrincipal"}
            meant.append({**others, "Principal": "*"})
    return {**document, "Statement": meant}


def _names(principals: Any, principal_arn: str, service: str | None) -> bool:
    """Whether principals are named by their own ARNs. The account's means its root alone here, and
    a role's not its sessions:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html.
    """
    if not isinstance(principals, Mapping):
        return bool(principals == "*")
    kind, name = ("Service", service) if service else ("AWS", principal_arn)
    named = principals.get(kind) or ()
    return {name, "*"} & {*([named] if isinstance(named, str) else named)} != set()


def principal_arn(arn: str) -> str:
    """``aws:PrincipalArn`` of a principal: of a role's session, it is the role's ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    start, assumed, session = arn.partition(":assumed-role/")
    if not assumed:
        return arn
    from ministack.services import iam

    account, name = start.rpartition(":")[2], session.partition("/")[0]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")


def _covers(pattern: str, resource: str, context: EvalContext) -> bool:
    expression, position = "", 0
    for match in _VARIABLE.finditer(pattern):
        value = _value(match, context)
        if value is None:
            return False
        expression += regex(pattern[position : match.start()]) + re.escape(value)
        position = match.end()
    expression += regex(pattern[position:])
    return re.fullmatch(expression, resource, re.DOTALL) is not None


def _value(match: re.Match[str], context: EvalContext) -> str | None:
    name, default = match[1].strip(), match[2]
    if name in _LITERAL:
        return name
    value = iam_evaluator._resolve_condition_key(name, context)
    return default if value is None or isinstance(value, list) else str(value)
