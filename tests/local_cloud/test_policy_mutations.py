"""A piece of a policy is noticed if a recorded question is answered otherwise without it."""

from __future__ import annotations

from typing import Any

from ratchet.local_cloud.emulator.request_log import Question
from tests.loop.deployed_policies import Kind, Policies, Policy
from tests.loop.mutations import Piece, Survey, survey

ACCOUNT = "000000000000"
BUCKET = "arn:aws:s3:::data"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"


def allow(sid: str, *actions: str, on: str, **members: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": [on], **members}


def role_with(*statements: dict[str, Any]) -> Policy:
    return Policy(kind=Kind.ROLE, owner="s/Role", holder="role", name="p", statements=statements)


def of_resource(arn: str, *statements: dict[str, Any]) -> Policy:
    return Policy(
        kind=Kind.RESOURCE, owner="s/Resource", holder=arn, name="policy", statements=statements
    )


def asked(action: str, resource: str, **keys: str) -> Question:
    return Question(
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
        principal_type="AssumedRole",
        account=ACCOUNT,
        action=action,
        resource=resource,
        region="us-east-1",
        service=action.partition(":")[0],
        keys=keys,
        allowed=True,
    )


def asked_by_a_service(action: str, resource: str, **keys: str) -> Question:
    return Question(
        principal="events.amazonaws.com",
        principal_type="Service",
        account="",
        action=action,
        resource=resource,
        region="us-east-1",
        service=resource.split(":")[2],
        keys=keys,
        allowed=True,
    )


def surveyed(*policies: Policy, questions: list[Question]) -> Survey:
    return survey(Policies(policies), questions)


def test_what_was_asked_is_noticed_in_a_sentence_and_what_was_not_is_not() -> None:
    role = role_with(allow("Read", "s3:GetObject", "s3:PutObject", on=f"{BUCKET}/*"))
    result = surveyed(role, questions=[asked("s3:GetObject", f"{BUCKET}/a")])
    assert result.noticed["s/Role p Read"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/role/session is not authorized to perform: "
        f's3:GetObject on resource: "{BUCKET}/a" because no identity-based policy allows the '
        "s3:GetObject action"
    )
    assert "s/Role p Read s3:GetObject" in result.noticed
    assert list(result.unnoticed) == ["s/Role p Read s3:PutObject"]
    assert (result.count(Piece.STATEMENT), result.count(Piece.ACTION)) == ((1, 1), (1, 2))


def test_of_two_statements_that_allow_the_same_neither_is_noticed() -> None:
    twice = [allow(sid, "kms:Decrypt", on=KEY) for sid in ("ReadDecrypt", "WriteDecrypt")]
    key = of_resource(
        KEY, {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    )
    result = surveyed(role_with(*twice), key, questions=[asked("kms:Decrypt", KEY)])
    assert {"s/Role p ReadDecrypt", "s/Role p WriteDecrypt"} <= set(result.unnoticed)
    assert "s/Resource policy 0" in result.noticed, "a key's own policy has to allow too"


def test_a_condition_counts_with_the_keys_that_were_recorded() -> None:
    listing = {"StringLike": {"s3:prefix": "raw/*"}}
    role = role_with(allow("List", "s3:ListBucket", on=BUCKET, Condition=listing))
    inside, outside = (asked("s3:ListBucket", BUCKET, **{"s3:prefix": p}) for p in ("raw/a", "b"))
    assert "s/Role p List" in surveyed(role, questions=[inside]).noticed
    assert "s/Role p List" in surveyed(role, questions=[outside]).unnoticed


def test_what_a_service_asked_for_itself_is_answered_by_the_resources_policy() -> None:
    send = {
        "Sid": "RulesSend",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
    }
    question = asked_by_a_service("sqs:SendMessage", QUEUE, **{"aws:sourcearn": RULE})
    result = surveyed(of_resource(QUEUE, send), questions=[question])
    assert result.noticed["s/Resource policy RulesSend"].startswith(
        "User: events.amazonaws.com is "
    )
    other = asked_by_a_service("sqs:SendMessage", QUEUE, **{"aws:sourcearn": f"{RULE}2"})
    assert not surveyed(of_resource(QUEUE, send), questions=[other]).noticed


def test_a_rule_against_plain_http_is_noticed_without_a_question() -> None:
    guard = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [BUCKET, f"{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    result = surveyed(of_resource(BUCKET, guard), questions=[])
    assert (
        "with an explicit deny in a resource-based policy" in result.noticed["s/Resource policy 0"]
    )
    never = {**guard, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert not surveyed(of_resource(BUCKET, never), questions=[]).noticed


def test_what_is_neither_noticed_nor_listed_is_told_apart_from_what_is_both() -> None:
    role = role_with(
        allow("Read", "s3:GetObject", on=f"{BUCKET}/*"), allow("Log", "logs:PutLogEvents", on="*")
    )
    result = surveyed(role, questions=[asked("s3:GetObject", f"{BUCKET}/a")])
    assert result.compared(Piece.STATEMENT, []) == (["s/Role p Log"], [])
    assert result.compared(Piece.STATEMENT, ["* Log"]) == ([], [])
    assert result.compared(Piece.STATEMENT, ["* Log", "* Read"]) == ([], ["s/Role p Read"])
    assert result.compared(Piece.ACTION, [], statements=["* Log"]) == ([], [])
