"""What a refusal in AWS's words says is missing."""

from __future__ import annotations

import pytest

from ratchet.deployment.roles.missing_permission import missing_statement

ROLE = "arn:aws:sts::123456789012:assumed-role/pipeline/SageMaker"
BUCKET = "arn:aws:s3:::data"


def refusal(action: str, resource: str, *, user: str = ROLE, reason: str | None = None) -> str:
    why = reason or f"because no identity-based policy allows the {action} action"
    return f"User: {user} is not authorized to perform: {action} on resource: {resource} {why}"


def test_a_refusal_of_s3_names_the_role_and_its_statement() -> None:
    sentence = (
        "ClientError: An error occurred (AccessDenied) when calling the ListObjectsV2 operation: "
        + refusal("s3:ListBucket", f'"{BUCKET}"')
    )
    assert missing_statement(sentence) == {
        "role": "pipeline",
        "statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET},
    }


def test_the_right_to_pass_a_role_is_for_sagemaker_only() -> None:
    lack = missing_statement(refusal("iam:PassRole", "arn:aws:iam::123456789012:role/jobs"))
    assert lack is not None
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert lack["statement"]["Condition"] == condition


def test_a_refusal_without_a_resource_is_for_every_resource() -> None:
    lack = missing_statement(f"User: {ROLE} is not authorized to perform: ec2:DescribeVpcs")
    assert lack is not None
    assert lack["statement"]["Resource"] == "*"


@pytest.mark.parametrize(
    "user",
    [
        "arn:aws:sts::123456789012:assumed-role/pipeline/SageMaker",
        "arn:aws-cn:iam::123456789012:role/service-role/pipeline",
    ],
)
def test_the_role_is_named_without_session_and_path(user: str) -> None:
    lack = missing_statement(refusal("kms:Encrypt", "arn:aws:kms:r:1:key/k", user=user))
    assert lack is not None
    assert lack["role"] == "pipeline"


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "AlgorithmError: KeyError: 'rows', exit code: 1",
        refusal("s3:GetObject", BUCKET, user="arn:aws:iam::123456789012:user/ada"),
        refusal("s3:GetObject", BUCKET, reason="with an explicit deny in an identity-based policy"),
        refusal("s3:GetObject", BUCKET, reason="with an explicit deny in a resource-based policy"),
        refusal(
            "kms:Decrypt",
            "arn:aws:kms:r:1:key/k",
            reason="because no resource-based policy allows it",
        ),
        refusal("s3:GetObject", BUCKET, reason="because no permissions boundary allows it"),
    ],
)
def test_where_no_statement_of_a_role_would_help_there_is_none(sentence: str) -> None:
    assert missing_statement(sentence) is None
