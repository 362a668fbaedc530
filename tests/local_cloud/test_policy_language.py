"""Variables, NotPrincipal and PrincipalArn mean in policies what they mean on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext

from ratchet.local_cloud.emulator import evaluator, policy_language
from tests.local_cloud.sagemaker_calls import RunningCloud
from tests.local_cloud.small_stacks import ACCOUNT, unique
from tests.local_cloud.test_enforcement import denied, person_may

SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
PERSON = f"arn:aws:iam::{ACCOUNT}:user/ada"
DATA = "arn:aws:s3:::data"


def context(resource: str, **keys: Any) -> EvalContext:
    return EvalContext(
        principal_arn=SESSION,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action="s3:GetObject",
        resource_arn=resource,
        region="us-east-1",
        principal_keys={"aws:principaltag/team": "a*b", **keys},
    )


def decision(statement: dict[str, Any], resource: str) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", **statement}
    policy = evaluator.parsed("policy", json.dumps({"Statement": [statement]}))
    return str(evaluator.evaluate(context(resource), [policy]).decision)


@pytest.mark.parametrize(
    ("pattern", "resource", "covered"),
    [
        (f"{DATA}/${{aws:PrincipalAccount}}/*", f"{DATA}/{ACCOUNT}/x", True),
        (f"{DATA}/${{aws:PrincipalAccount}}/*", f"{DATA}/1/x", False),
        (f"{DATA}/${{aws:PrincipalTag/team}}", f"{DATA}/a*b", True),
        (f"{DATA}/${{aws:PrincipalTag/team}}", f"{DATA}/axxb", False),
        (f"{DATA}/${{aws:username}}", f"{DATA}/ada", False),
        (f"{DATA}/${{aws:username, 'guest'}}/?", f"{DATA}/guest/1", True),
        (f"{DATA}/${{*}}", f"{DATA}/*", True),
        (f"{DATA}/${{*}}", f"{DATA}/x", False),
    ],
)
def test_a_variable_of_a_resource_has_the_requests_value(
    pattern: str, resource: str, covered: bool
) -> None:
    assert decision({"Resource": pattern}, resource) == ("Allow" if covered else "ImplicitDeny")
    refusal = {"Effect": "Deny", "Resource": pattern}
    assert decision(refusal, resource) == ("Deny" if covered else "ImplicitDeny")


def test_a_variable_of_a_condition_has_the_requests_value() -> None:
    condition = {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}
    assert decision({"Resource": "*", "Condition": condition}, DATA) == "Allow"
    condition = {"StringEquals": {"aws:PrincipalAccount": "${aws:username}"}}
    assert decision({"Resource": "*", "Condition": condition}, DATA) == "ImplicitDeny"


@pytest.mark.parametrize(
    ("others", "refused"),
    [
        ({"AWS": PERSON}, True),
        ({"AWS": [PERSON, f"arn:aws:iam::{ACCOUNT}:root"]}, True),
        ({"AWS": [ROLE, SESSION]}, False),
        ({"AWS": "*"}, False),
        ({"Service": "events.amazonaws.com"}, True),
    ],
)
def test_a_denial_of_all_but_some_is_one_of_the_others(others: object, refused: bool) -> None:
    statement = {"Effect": "Deny", "NotPrincipal": others, "Action": "*", "Resource": "*"}
    document = policy_language.with_principals({"Statement": statement}, SESSION, None)
    verdict = iam_evaluator.evaluate_resource_policy(document, context(DATA))
    assert verdict.decision == ("Deny" if refused else "ImplicitDeny")


def test_a_service_may_be_left_out_of_a_denial() -> None:
    for name, refused in (("events.amazonaws.com", False), ("sns.amazonaws.com", True)):
        statement = {"Effect": "Deny", "NotPrincipal": {"Service": "events.amazonaws.com"}}
        document = policy_language.with_principals({"Statement": [statement]}, "*", name)
        assert bool(document["Statement"]) == refused


def test_the_principal_of_a_session_is_its_role() -> None:
    assert policy_language.principal_arn(SESSION) == ROLE
    assert policy_language.principal_arn(PERSON) == PERSON


@pytest.mark.cloud
def test_a_bucket_for_one_role_is_open_to_its_sessions_alone(cloud: RunningCloud) -> None:
    bucket = unique("bucket")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"content")
    everything = {"Action": "s3:*", "Resource": "*"}
    one, other = person_may(cloud, everything), person_may(cloud, everything)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": one.arn}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [statement]}))
    assert one.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"content"
    with pytest.raises(ClientError) as answer:
        other.client("s3").get_object(Bucket=bucket, Key="a")
    assert "explicit deny in a resource-based policy" in denied(answer)


@pytest.mark.cloud
def test_a_session_does_not_outlive_its_role_in_another_of_the_same_name(
    cloud: RunningCloud,
) -> None:
    role = person_may(cloud, {"Action": "sqs:ListQueues", "Resource": "*"})
    client = role.client("sqs")
    client.list_queues()
    iam = cloud.client("iam")
    trust = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role_policy(RoleName=role.name, PolicyName="permissions")
    iam.delete_role(RoleName=role.name)
    iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=json.dumps(trust))
    role.allow({"Action": "sqs:ListQueues", "Resource": "*"})
    with pytest.raises(ClientError) as answer:
        client.list_queues()
    assert "security token included in the request is invalid" in str(answer.value)
    role.client("sqs").list_queues()


@pytest.mark.cloud
def test_a_key_called_by_its_alias_is_the_key_that_policies_name(cloud: RunningCloud) -> None:
    kms = cloud.client("kms")
    key, alias = kms.create_key()["KeyMetadata"]["Arn"], f"alias/{unique('key')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    role = person_may(cloud, {"Action": "kms:Encrypt", "Resource": key})
    role.client("kms").encrypt(KeyId=alias, Plaintext=b"x")
    role.allow(
        {"Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": key},
    )
    with pytest.raises(ClientError) as answer:
        role.client("kms").encrypt(KeyId=alias, Plaintext=b"x")
    assert f"kms:Encrypt on resource: {key} with an explicit deny" in denied(answer)
