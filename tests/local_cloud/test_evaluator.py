"""Our evaluation decides as the emulator's does, and sees a changed role at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from ratchet.local_cloud.emulator import evaluator, policy_language, role_sessions
from ratchet.local_cloud.emulator.evaluator import parsed
from tests.local_cloud.small_stacks import ACCOUNT

ACTIONS = ("s3:GetObject", "s3:ListBucket", "kms:Decrypt")
RESOURCES = ("arn:aws:s3:::data", "arn:aws:s3:::data/a.csv", "arn:aws:s3:::other/a", "*")
ACTION_PATTERNS = st.sampled_from((*ACTIONS, "s3:*", "s3:get*", "*", "kms:?ecrypt"))
RESOURCE_PATTERNS = st.sampled_from((*RESOURCES, "arn:aws:s3:::data*", "arn:aws:s3:::?ata/*", "*"))


def some(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(patterns, min_size=1, max_size=3)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": draw(st.sampled_from(("Allow", "Deny")))}
    statement[draw(st.sampled_from(("Action", "NotAction")))] = draw(some(ACTION_PATTERNS))
    statement[draw(st.sampled_from(("Resource", "NotResource")))] = draw(some(RESOURCE_PATTERNS))
    if draw(st.booleans()):
        statement["Condition"] = {"StringLike": {"s3:prefix": draw(some(st.just("a*")))}}
    return statement


DOCUMENTS = st.lists(statements(), min_size=1, max_size=4).map(
    lambda listed: json.dumps({"Version": "2012-10-17", "Statement": listed})
)


def context(action: str, resource: str, **keys: str) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="us-east-1",
        service_context=keys,
    )


@given(
    st.lists(DOCUMENTS, max_size=3),
    st.none() | DOCUMENTS,
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from((None, "a/b", "c")),
)
def test_the_decision_is_the_emulators(
    documents: list[str], boundary: str | None, action: str, resource: str, prefix: str | None
) -> None:
    request = context(action, resource, **({"s3:prefix": prefix} if prefix else {}))
    plain = [iam_evaluator.parse_policy_document(text) for text in documents]
    limits = [[iam_evaluator.parse_policy_document(boundary)]] if boundary else []
    expected = iam_evaluator.evaluate(request, plain, *limits)
    verdict = evaluator.evaluate(
        request,
        [parsed(f"p{number}", text) for number, text in enumerate(documents)],
        *(evaluator._Layer("permissions boundary", limit) for limit in limits),
    )
    assert verdict.decision == expected.decision


def test_a_statement_is_named_by_its_sid_or_its_position() -> None:
    listed = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"},
    ]
    policy = parsed("permissions", json.dumps({"Statement": listed}))
    names = [
        (verdict.policy, verdict.statement)
        for action in ("s3:GetObject", "s3:ListBucket")
        for verdict in [evaluator.evaluate(context(action, "*"), [policy])]
    ]
    assert names == [("permissions", "0"), ("permissions", "List")]


@pytest.fixture
def role() -> Iterator[dict[str, Any]]:
    role: dict[str, Any] = {"RoleName": "changing", "InlinePolicies": {}, "AttachedPolicies": []}
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/changing/s"
    with request_scope(ACCOUNT, "us-east-1"):
        iam._roles["changing"] = role
        sts.register_session(
            "ASIACHANGING",
            {"Arn": arn, "UserId": "u", "AccountId": ACCOUNT, "SecretAccessKey": "s"},
        )
        yield role
        del iam._roles["changing"]
        del sts._sessions["ASIACHANGING"]


def policies_of(resolve: Any) -> list[str]:
    principal = resolve("ASIACHANGING", ACCOUNT)
    return [statement.actions[0] for policy in principal.policies for statement in policy]


def allow(action: str) -> Mapping[str, str]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"permissions": json.dumps({"Statement": [statement]})}


def test_a_change_of_a_role_counts_from_the_next_request(role: dict[str, Any]) -> None:
    calls = []

    def counted(*request: Any) -> Any:
        calls.append(request)
        return iam_evaluator.resolve_principal(*request)

    resolve = role_sessions.once(counted)
    role["InlinePolicies"].update(allow("s3:GetObject"))
    assert policies_of(resolve) == policies_of(resolve) == ["s3:GetObject"]
    assert len(calls) == 1
    role["InlinePolicies"].update(allow("s3:PutObject"))
    assert policies_of(resolve) == ["s3:PutObject"]
    role["InlinePolicies"].clear()
    assert policies_of(resolve) == []


def test_a_pattern_is_no_regular_expression() -> None:
    assert re.fullmatch(policy_language.regex("a.b*"), "axb") is None
    assert re.fullmatch(policy_language.regex("a.b*"), "a.b/c")
