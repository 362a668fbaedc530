"""The role in a refusal, and the statement that its policy lacks."""

from __future__ import annotations

import re
from typing import Any

_REFUSAL = re.compile(
    r"User: (?P<principal>arn:[^\s]+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+)\"?)?"
    r"(?: (?P<reason>because no .+? (?=allows)|with an explicit deny))?"
)
_ROLE = re.compile(r"arn:[^:]+:(?:sts|iam)::\d+:(?:assumed-role/([^/]+)/|role/(?:.+/)?([^/]+)$)")
_OWN_POLICY = "because no identity-based policy "
_PASSED_TO = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def missing_statement(sentence: str) -> dict[str, Any] | None:
    """The role and the IAM statement in the first refusal that a text holds.

    The sentence is AWS's: ``User: <ARN> is not authorized to perform: <action> on resource: <ARN>
    because no identity-based policy allows the <action> action``.

    Returns:
        ``{"role": <name>, "statement": {"Effect": "Allow", "Action": …, "Resource": …}}``, with a
        ``Condition`` where the action should have one. None for a text without a refusal, for a
        principal that is no role, and where no statement of the role would help: an explicit deny,
        or a policy of the resource, a boundary or an organization.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    match = _REFUSAL.search(sentence)
    if match is None or (match["reason"] or _OWN_POLICY) != _OWN_POLICY:
        return None
    role = _ROLE.match(match["principal"])
    if role is None:
        return None
    action = match["action"]
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": action,
        "Resource": (match["resource"] or "*").rstrip("."),
    }
    if action == "iam:PassRole":
        statement["Condition"] = _PASSED_TO
    return {"role": role[1] or role[2], "statement": statement}
