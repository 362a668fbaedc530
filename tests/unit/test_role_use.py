"""Policies joined with recorded decisions."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.deployment.roles.use import Role, RoleUse, joined, statements_of
from ratchet.local_cloud.decisions import Decision

BUCKET = "arn:aws:s3:::data"
SENTENCE = (
    "User: arn:aws:sts::000000000000:assumed-role/role/SageMaker is not authorized to perform: "
    's3:ListBucket on resource: "arn:aws:s3:::data" '
)
NO_POLICY = f"{SENTENCE}because no identity-based policy allows the s3:ListBucket action"


def role_with(*statements: dict[str, Any], service: str = "sagemaker.amazonaws.com") -> Role:
    document = {"Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    return Role(
        name="role",
        arn="arn:aws:iam::000000000000:role/role",
        label="training pipeline",
        stack="training",
        logical_id="Role",
        services=(service,),
        statements=tuple(statements_of("permissions", document)),
    )


def allowed(action: str, resource: str, statement: str = "0", **members: Any) -> Decision:
    facts = {"role": "role", "allowed": True, "policy": "permissions", "last": 10.0, **members}
    return Decision(action=action, resource=resource, statement=statement, **facts)


def refused(context: dict[str, str] | None = None, **members: Any) -> Decision:
    facts = {"role": "role", "action": "s3:ListBucket", "resource": BUCKET, "last": 20.0, **members}
    facts.setdefault("message", NO_POLICY)
    return Decision(allowed=False, context=context or {}, **facts)


READ = {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [BUCKET, f"{BUCKET}/*"]}


def test_a_request_counts_for_the_statement_that_the_record_names() -> None:
    role = role_with(READ, {**READ, "Sid": "Again"})
    use = joined(role, [allowed("s3:GetObject", f"{BUCKET}/a", "Again", count=3)])
    first, again = use.statements
    assert (first.count, again.count, again.last) == (0, 3, 10.0)
    assert (first.unused, again.unused) == (("s3:GetObject", "s3:ListBucket"), ("s3:ListBucket",))
    assert (use.actions, use.used_actions, use.requests) == (4, 1, 3)


def test_decisions_of_other_roles_do_not_count() -> None:
    use = joined(role_with(READ), [allowed("s3:GetObject", f"{BUCKET}/a", role="other")])
    assert (use.requests, use.elsewhere) == (0, ())


def test_a_record_of_a_policy_that_was_changed_counts_for_what_stands_for_the_same_now() -> None:
    role = role_with({"Action": "sqs:SendMessage", "Resource": "*"}, READ)
    use = joined(role, [allowed("s3:GetObject", f"{BUCKET}/a", "0")])
    assert [statement.count for statement in use.statements] == [0, 1]


def test_what_a_policy_of_the_resource_allowed_is_kept_apart() -> None:
    decision = allowed("s3:GetObject", f"{BUCKET}/a", "0", policy=BUCKET, count=2)
    use = joined(role_with(READ), [decision])
    assert (use.elsewhere, use.statements[0].count, use.requests) == ((decision,), 0, 2)


def test_wildcards_are_those_of_iam() -> None:
    (statement,) = statements_of(
        "p",
        {"Statement": {"Action": "S3:Get*", "Resource": "arn:aws:s3:::data/${aws:userid}/?.gz"}},
    )
    assert statement.covers("s3:GetObject", "arn:aws:s3:::data/anybody/a.gz")
    assert not statement.covers("s3:GetObject", "arn:aws:s3:::data/anybody/ab.gz")
    assert not statement.covers("s3:GetObject", "arn:aws:s3:::DATA/anybody/a.gz")
    assert not statement.covers("s3:PutObject", "arn:aws:s3:::data/anybody/a.gz")


def test_brackets_are_no_wildcards() -> None:
    (statement,) = statements_of("p", {"Statement": {"Action": "*", "Resource": "a[b].c"}})
    assert statement.covers("s3:GetObject", "a[b].c")
    assert not statement.covers("s3:GetObject", "ab.c")
    assert not statement.covers("s3:GetObject", "a[b]xc")


def test_a_statement_about_all_but_some_actions_is_used_by_the_others_and_is_never_unused() -> None:
    role = role_with({"NotAction": "iam:*", "NotResource": f"{BUCKET}/secret/*"})
    (statement,) = role.statements
    assert statement.covers("s3:GetObject", f"{BUCKET}/a")
    assert not statement.covers("s3:GetObject", f"{BUCKET}/secret/a")
    assert not statement.covers("iam:PassRole", f"{BUCKET}/a")
    use = joined(role, [allowed("s3:GetObject", f"{BUCKET}/a")])
    assert (use.statements[0].count, use.statements[0].unused) == (1, ())


def test_a_denying_statement_is_used_by_what_it_denied() -> None:
    deny = {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": BUCKET, "Sid": "No"}
    message = f"{SENTENCE}with an explicit deny in an identity-based policy"
    decision = refused(policy="permissions", statement="No", message=message)
    use = joined(role_with(READ, deny), [decision])
    assert [statement.count for statement in use.statements] == [0, 1]
    assert use.requests == 0
    (refusal,) = use.refusals
    assert (refusal.statement, refusal.standing) == (None, True), "nothing to add would help"


def test_actions_that_only_aws_asks_for_are_not_called_unused() -> None:
    jobs = {
        "Action": ["sagemaker:CreateProcessingJob", "sagemaker:StopProcessingJob"],
        "Resource": "*",
    }
    use = joined(role_with(jobs), [])
    assert use.statements[0].unused == ("sagemaker:CreateProcessingJob",)
    assert use.statements[0].aws_only == 1
    of_function = joined(role_with(jobs, service="lambda.amazonaws.com"), [])
    assert of_function.statements[0].unused == tuple(jobs["Action"])


def test_tags_are_asked_for_on_aws_only_where_all_resources_are_experiments() -> None:
    place = "arn:aws:sagemaker:us-east-1:000000000000"
    tags = {"Action": "sagemaker:AddTags", "Resource": f"{place}:experiment/*"}
    both = {**tags, "Resource": [f"{place}:experiment/*", f"{place}:processing-job/*"]}
    use = joined(role_with(tags, both), [])
    assert [statement.unused for statement in use.statements] == [(), ("sagemaker:AddTags",)]


# --- refusals -------------------------------------------------------------------------------------


def listing(prefix: str) -> dict[str, Any]:
    condition = {"StringLike": {"s3:prefix": prefix}}
    return {"Action": "s3:ListBucket", "Resource": BUCKET, "Condition": condition}


def only(use: RoleUse) -> tuple[Any, bool]:
    (refusal,) = use.refusals
    return refusal.statement, refusal.standing


def test_a_refusal_stands_with_the_statement_to_add() -> None:
    use = joined(role_with(), [refused({"s3:prefix": "raw/"}, count=4)])
    assert only(use) == ({"Effect": "Allow", **listing("raw/")}, True)
    assert use.refused == 4


@pytest.mark.parametrize(
    ("prefix", "standing"), [("raw/*", False), ("other/*", True), ("RAW/*", True)]
)
def test_a_refusal_stands_no_more_once_a_statement_grants_it(prefix: str, standing: bool) -> None:
    use = joined(role_with(listing(prefix)), [refused({"s3:prefix": "raw/2013"})])
    assert only(use)[1] is standing
    assert use.refused == int(standing)


def test_a_later_request_with_another_prefix_does_not_excuse_a_refusal() -> None:
    later = allowed("s3:ListBucket", BUCKET, last=30.0)
    use = joined(role_with(listing("raw/*")), [refused({"s3:prefix": "other/"}), later])
    assert only(use)[1] is True


def test_where_the_conditions_are_not_recorded_a_later_request_tells() -> None:
    condition = {"StringEquals": {"aws:ResourceTag/project": "flights"}}
    role = role_with({"Action": "s3:ListBucket", "Resource": BUCKET, "Condition": condition})
    assert only(joined(role, [refused()]))[1] is True
    later = allowed("s3:ListBucket", BUCKET, last=30.0)
    assert only(joined(role, [refused(), later]))[1] is False
    earlier = allowed("s3:ListBucket", BUCKET, last=10.0)
    assert only(joined(role, [refused(), earlier]))[1] is True


def test_a_boundarys_refusal_has_no_statement_to_add_and_stands_until_it_was_allowed() -> None:
    message = f"{SENTENCE}because no permissions boundary allows the s3:ListBucket action"
    role = role_with(READ)
    assert only(joined(role, [refused(message=message)])) == (None, True)
    later = allowed("s3:ListBucket", BUCKET, last=30.0)
    assert only(joined(role, [refused(message=message), later])) == (None, False)
