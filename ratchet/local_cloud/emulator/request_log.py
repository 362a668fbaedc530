"""Every request that policies decided, as lines of JSON: caller, action, resource, condition
keys.

For tests that ask again with other policies: a line holds all that a decision depends on beside the
policies themselves. Off unless ``RATCHET_RECORD_REQUESTS`` names a file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, ParsedStatement

VARIABLE = "RATCHET_RECORD_REQUESTS"
"""Environment variable of the server: the file that lines are appended to."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question, and the answer that it got."""

    principal: str
    """ARN of the session or user; of a service its name, such as ``events.amazonaws.com``."""
    principal_type: str
    account: str
    """The principal's; empty for a service."""
    action: str
    resource: str
    region: str
    service: str
    """Whose resource's own policy is asked too, as MiniStack names it: ``s3``, ``kms`` …"""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """The condition keys of the request, and those that any statement about this action names, in
    lower case. A key that the request does not have is absent."""
    allowed: bool

    def of_service(self) -> bool:
        """Whether a service asked for itself, so that only a resource's policy answers."""
        return self.principal_type == "Service"

    def context(self) -> EvalContext:
        """What MiniStack's evaluator decides about."""
        return EvalContext(
            principal_arn="*" if self.of_service() else self.principal,
            principal_type=self.principal_type,
            principal_account=self.account,
            action=self.action,
            resource_arn=self.resource,
            region=self.region,
            source_ip=str(self.keys.get("aws:sourceip", "127.0.0.1")),
            secure_transport=self.keys.get("aws:securetransport", "true") == "true",
            # A request that names no tags has no aws:TagKeys.
            service_context={"aws:tagkeys": None, **self.keys},
        )


class RequestLog:
    """Appends each different question once. Safe from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._written: set[str] = set(_lines(file))

    def record(
        self,
        context: EvalContext,
        service: str,
        statements: Iterable[ParsedStatement],
        *,
        principal: str,
        allowed: bool,
    ) -> None:
        """Write a question down. ``statements``: of all policies that were asked."""
        question = Question(
            principal=principal,
            principal_type=context.principal_type,
            account=context.principal_account,
            action=context.action,
            resource=context.resource_arn,
            region=context.region,
            service=service,
            keys=_keys(context, statements),
            allowed=allowed,
        )
        line = json.dumps(asdict(question), default=str, sort_keys=True)
        with self._lock:
            if line not in self._written:
                self._written.add(line)
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(f"{line}\n")


def read(file: Path) -> list[Question]:
    """The questions of a file; none if there is no such file."""
    return [Question(**json.loads(line)) for line in _lines(file)]


def of_environment(environment: Mapping[str, str]) -> RequestLog | None:
    """The log that the environment asks for."""
    file = environment.get(VARIABLE)
    return RequestLog(Path(file)) if file else None


def statements_of(document: Any) -> list[ParsedStatement]:
    """The statements of a resource's policy, whoever they are about."""
    parsed: list[ParsedStatement] = iam_evaluator.parse_policy_document(document or {})
    return parsed


def flat(policies: Sequence[Sequence[ParsedStatement]]) -> Iterator[ParsedStatement]:
    """The statements of several policies."""
    return (statement for policy in policies for statement in policy)


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _keys(context: EvalContext, statements: Iterable[ParsedStatement]) -> dict[str, Any]:
    resolve: Callable[[str, EvalContext], Any] = iam_evaluator._resolve_condition_key
    values = {
        key.lower(): resolve(key, context)
        for statement in statements
        if iam_evaluator._action_matches(context.action, statement.actions, statement.not_actions)
        for names in statement.conditions.values()
        if isinstance(names, dict)
        for key in names
    }
    values |= {key.lower(): value for key, value in context.service_context.items()}
    return {key: value for key, value in values.items() if value is not None}
