"""MiniStack's policy evaluator, with its reasons, its records, and parsed policies kept.

MiniStack parses every policy anew for each request and forgets which statement decided. The names
replaced here are those that it looks up at each request; ``WRAPPED`` lists them for the tests.
"""

from __future__ import annotations

import functools
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult, ParsedStatement

from ratchet.local_cloud.decisions import DecisionLog
from ratchet.local_cloud.emulator import policy_language, role_sessions
from ratchet.local_cloud.emulator.operations import AMBIGUOUS, AMBIGUOUS_MESSAGE
from ratchet.local_cloud.emulator.request_log import RequestLog, flat, statements_of
from ratchet.local_cloud.emulator.role_sessions import role_of

WRAPPED = {
    iam_evaluator: (
        "_gather_role_policies",
        "_permissions_boundary",
        "_resolve_condition_key",
        "_session_policy_limits",
        "enforce",
        "evaluate",
        "evaluate_resource_policy",
        "resolve_principal",
    ),
    iam_actions: ("access_denied_response", "identity_denial_message"),
}
"""The names of MiniStack's that are replaced, by their module."""

_LOG = logging.getLogger("ratchet.authority")
_IDENTITY = "identity-based policy"
_RESOURCE = "resource-based policy"
_BOUNDARY = "permissions boundary"
_SESSION = "session policy"
_CACHED_POLICIES = 4096
_CACHED_ACTIONS = 256

ConditionKey = Callable[[str, str], object]
"""Given the end of a condition key's name and the resource's ARN: the key's value."""

Granted = Callable[[str, str, str], str]
"""Given principal, action and resource: the ARN of a KMS grant that allows it, or nothing."""


class PolicyStatements(list[ParsedStatement]):
    """The statements of one document, with its name, and those of them that match an action."""

    def __init__(self, name: str, statements: Sequence[ParsedStatement]) -> None:
        super().__init__(statements)
        self.name = name
        self._by_action: dict[tuple[str, str], list[_Candidate]] = {}

    def matching(self, effect: str, action: str) -> list[_Candidate]:
        """Statements of an effect whose actions match."""
        statements = self._by_action.get((effect, action))
        if statements is None:
            statements = [
                _Candidate(statement.sid or str(position), statement)
                for position, statement in enumerate(self)
                if statement.effect == effect
                and iam_evaluator._action_matches(action, statement.actions, statement.not_actions)
            ]
            if len(self._by_action) < _CACHED_ACTIONS:
                self._by_action[effect, action] = statements
        return statements


class _Candidate:
    """A statement whose action matches; its resources are one pattern."""

    def __init__(self, name: str, statement: ParsedStatement) -> None:
        self.name = name
        self._conditions = statement.conditions
        self._patterns = statement.resources or statement.not_resources
        self._negated = not statement.resources
        expression = "|".join(map(policy_language.regex, self._patterns))
        self._matches = re.compile(expression, re.DOTALL).fullmatch
        self._any = not self._patterns or statement.resources == ["*"]
        self._variable_resource = policy_language.has_variables(self._patterns)
        self._variable_conditions = policy_language.has_variables(self._conditions)

    def holds(self, context: EvalContext) -> bool:
        """Whether the statement is about a request's resource, and its conditions are met."""
        if not self._any and self._names(context) == self._negated:
            return False
        conditions = self._conditions
        if self._variable_conditions:
            conditions = policy_language.filled(conditions, context)
        return bool(iam_evaluator._conditions_met(conditions, context))

    def _names(self, context: EvalContext) -> bool:
        resource = context.resource_arn
        if self._variable_resource:
            return policy_language.any_covers(self._patterns, resource, context)
        return self._matches(resource) is not None


class _Layer(list[list[ParsedStatement]]):
    """A limit of a principal's policies, with AWS's word for it."""

    def __init__(self, kind: str, policies: Sequence[list[ParsedStatement]]) -> None:
        super().__init__(policies)
        self.kind = kind


@dataclass
class Verdict(EvalResult):  # type: ignore[misc]  # MiniStack has no types
    """A decision, and the statement that made it: kind of policy, name, and Sid or position."""

    kind: str = _IDENTITY
    policy: str = ""
    statement: str = ""

    def reason_of(self, action: str) -> str:
        """The end of AWS's sentence about a denial."""
        if self.decision == "Deny":
            article = "an" if self.kind == _IDENTITY else "a"
            return f"with an explicit deny in {article} {self.kind}"
        return f"because no {self.kind} allows the {action} action"


@dataclass
class _Trace:
    """What was decided during one call of ``enforce``."""

    verdicts: list[Verdict] = field(default_factory=list)
    context: EvalContext | None = None
    policies: Sequence[Sequence[ParsedStatement]] = ()
    action: str = ""
    sentence: str = ""


_trace: ContextVar[_Trace | None] = ContextVar("ratchet_evaluation", default=None)


def install(
    log: DecisionLog,
    *,
    keys: Mapping[str, ConditionKey],
    granted: Granted,
    requests: RequestLog | None = None,
) -> None:
    """Replace the names.

    Args:
        keys: suppliers of condition keys by the lower-case start of a key.
        granted: what allows beside policies, for decisions that no policy made.
        requests: where every question is written down; None for nowhere.
    """
    iam_evaluator._gather_role_policies = _role_policies
    iam_evaluator._permissions_boundary = _limits(iam_evaluator._permissions_boundary, _BOUNDARY)
    iam_evaluator._session_policy_limits = _limits(iam_evaluator._session_policy_limits, _SESSION)
    iam_evaluator._resolve_condition_key = _resolving(iam_evaluator._resolve_condition_key, keys)
    iam_evaluator.resolve_principal = role_sessions.once(iam_evaluator.resolve_principal)
    iam_evaluator.evaluate = evaluate
    iam_evaluator.evaluate_resource_policy = _resource_policies(
        iam_evaluator.evaluate_resource_policy, requests
    )
    iam_evaluator.enforce = _enforcing(iam_evaluator.enforce, log, granted, requests)
    iam_actions.access_denied_response = _responding(iam_actions.access_denied_response)
    iam_actions.identity_denial_message = _sentences(iam_actions.identity_denial_message)


def evaluate(
    context: EvalContext, policies: Sequence[list[ParsedStatement]], *limits: Any
) -> Verdict:
    """IAM's order: an explicit deny anywhere, else an allow that no limit leaves out."""
    verdict = _decided(context, _Layer(_IDENTITY, policies), limits)
    trace = _trace.get()
    if trace is not None:
        if not trace.verdicts:
            trace.context, trace.policies = context, policies
        trace.verdicts.append(verdict)
    return verdict


def _decided(context: EvalContext, identity: _Layer, limits: Sequence[Any]) -> Verdict:
    layers: tuple[_Layer, ...] = (identity, *limits)
    for layer in layers:
        if verdict := _first(context, layer, "Deny"):
            return verdict
    allowed = [_first(context, layer, "Allow") for layer in layers]
    for layer, verdict in zip(layers, allowed, strict=True):
        if verdict is None:
            return Verdict("ImplicitDeny", context.principal_arn, kind=layer.kind)
    assert allowed[0] is not None
    return allowed[0]


def _first(context: EvalContext, layer: _Layer, effect: str) -> Verdict | None:
    """The layer's first statement of an effect that matches, as a verdict."""
    for policy in layer:
        policy = policy if isinstance(policy, PolicyStatements) else PolicyStatements("", policy)
        for candidate in policy.matching(effect, context.action):
            if candidate.holds(context):
                return Verdict(
                    effect,
                    context.principal_arn,
                    kind=layer.kind,
                    policy=policy.name,
                    statement=candidate.name,
                )
    return None


# --- policies, parsed once ------------------------------------------------------------------------


@functools.lru_cache(_CACHED_POLICIES)
def parsed(name: str, document: str) -> PolicyStatements:
    """The policy of a name, given its JSON."""
    return PolicyStatements(name, iam_evaluator.parse_policy_document(document))


def _named(name: str, document: str | Mapping[str, Any] | None) -> PolicyStatements:
    return parsed(name, document if isinstance(document, str) else json.dumps(document or {}))


def _role_policies(role_name: str, account_id: str) -> list[PolicyStatements]:
    """A role's inline and attached policies, in place of ``_gather_role_policies``."""
    from ministack.services import iam

    role = iam._roles.get_scoped(account_id, None, role_name) or {}
    policies = [_named(name, text) for name, text in (role.get("InlinePolicies") or {}).items()]
    for arn in role.get("AttachedPolicies", []):
        document = iam_evaluator._resolve_managed_policy_document(arn, account_id)
        policies.append(_named(arn, document))
    return policies


def _limits(gather: Callable[..., list[Any]], kind: str) -> Callable[..., list[_Layer]]:
    def gathered(*arguments: Any) -> list[_Layer]:
        return [_Layer(kind, layer) for layer in gather(*arguments)]

    return gathered


def _resource_policies(
    decide: Callable[..., Any], requests: RequestLog | None
) -> Callable[..., Verdict]:
    """The policy of a resource, which names itself as the one that decided."""

    def decided(document: Any, context: EvalContext, *selection: Any, **options: Any) -> Verdict:
        if isinstance(document, str):
            document = _loaded(document)
        service = options.get("service")
        document = policy_language.with_principals(document, context.principal_arn, service)
        verdict: Verdict = decide(document, context, *selection, **options)
        if requests is not None and service:
            requests.record(
                context,
                context.resource_arn.split(":")[2],
                statements_of(document),
                principal=service,
                allowed=verdict.decision == "Allow",
            )
        verdict.kind = _RESOURCE
        verdict.policy = "" if verdict.decision == "ImplicitDeny" else context.resource_arn
        return verdict

    return decided


@functools.lru_cache(_CACHED_POLICIES)
def _loaded(document: str) -> Any:
    try:
        return json.loads(document)
    except ValueError:
        return None


# --- condition keys -------------------------------------------------------------------------------


def _resolving(
    resolve: Callable[[str, EvalContext], Any], keys: Mapping[str, ConditionKey]
) -> Callable[[str, EvalContext], Any]:
    """The keys that MiniStack does not know, looked up only where a policy asks for one."""

    def resolved(key: str, context: EvalContext) -> Any:
        if key.lower() == "aws:principalarn":
            return policy_language.principal_arn(context.principal_arn)
        value = resolve(key, context)
        if value is not None:
            return value
        for start, supply in keys.items():
            if key.lower().startswith(start):
                return supply(key[len(start) :], context.resource_arn)
        return None

    return resolved


# --- decisions: recorded, and told in AWS's words -------------------------------------------------


def _enforcing(
    enforce: Callable[..., Any],
    log: DecisionLog,
    granted: Granted,
    requests: RequestLog | None,
) -> Callable[..., Any]:
    def enforced(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        namespace, _, operation = action.partition(":")
        if operation == AMBIGUOUS:
            return AuthError("AccessDenied", AMBIGUOUS_MESSAGE)
        if service == "s3" and namespace == "kms":
            service = namespace  # so that the key's own policy is asked
            service_context = {"kms:ViaService": f"s3.{region}.amazonaws.com"}
        trace = _Trace(action=action)
        _trace.set(trace)
        denial = enforce(access_key, action, service, region, resource_arn, service_context)
        if not trace.verdicts or isinstance(denial, AuthError):
            return denial  # the account's root, or nobody
        principal = trace.verdicts[0].principal_arn
        verdict = denial or next(v for v in trace.verdicts if v.decision == "Allow")
        if requests is not None:
            _record(requests, trace, service, allowed=denial is None)
        if verdict.decision == "ImplicitDeny" and namespace == "kms":
            grant = granted(principal, action, resource_arn)
            if grant:
                denial, verdict = None, Verdict("Allow", principal, policy=grant)
        if denial is not None:
            trace.sentence = sentence(principal, action, resource_arn, verdict)
            _LOG.warning("denied: %s", trace.sentence)
        role = role_of(principal)
        if role:
            log.record(
                role,
                action,
                resource_arn,
                allowed=denial is None,
                policy=verdict.policy,
                statement=verdict.statement,
                message=trace.sentence,
                context=None if denial is None else service_context,
            )
        return denial

    return enforced


def _record(requests: RequestLog, trace: _Trace, service: str, *, allowed: bool) -> None:
    assert trace.context is not None
    resource = iam_evaluator._resource_policy(service, trace.context.resource_arn)
    statements = [*flat(trace.policies), *statements_of(resource[0] if resource else None)]
    principal = trace.context.principal_arn
    requests.record(trace.context, service, statements, principal=principal, allowed=allowed)


def sentence(principal_arn: str, action: str, resource: str, verdict: Verdict) -> str:
    """AWS's message for a denied request."""
    shown = f'"{resource}"' if action.startswith("s3:") else resource
    return (
        f"User: {principal_arn} is not authorized to perform: {action} on resource: {shown} "
        f"{verdict.reason_of(action)}"
    )


def denial_sentence(action: str) -> str:
    """The sentence about the last denial of an action; empty if the last decision is no such."""
    trace = _trace.get()
    return trace.sentence if trace is not None and trace.action == action else ""


def denied_action() -> str:
    """The action of the last decision of this request or thread."""
    trace = _trace.get()
    return trace.action if trace is not None else ""


def _responding(respond: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack names the resource for a few services only; AWS does for all."""

    def responded(
        service: str, action: str, principal: str, request_id: str, **options: Any
    ) -> Any:
        if not options.get("error_code"):
            options["message"] = denial_sentence(action) or options.get("message", "")
        return respond(service, action, principal, request_id, **options)

    return responded


def _sentences(identity_denial: Callable[..., str]) -> Callable[..., str]:
    def message(action: str, *arguments: Any) -> str:
        return denial_sentence(action) or identity_denial(action, *arguments)

    return message
