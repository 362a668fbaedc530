"""A role refuses a permission that is wider than it says."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from ratchet_cdk.permissions.narrow_role import NarrowRole


@pytest.fixture(scope="module")
def role() -> NarrowRole:
    return NarrowRole(cdk.Stack(cdk.App(), "S"), "Role", service="lambda.amazonaws.com")


def test_an_action_by_wildcard_is_refused(role: NarrowRole) -> None:
    with pytest.raises(ValueError, match=r"Read allows \['s3:Get\*'\]; name each action"):
        role.allow("Read", actions=["s3:Get*"], resources=["arn:aws:s3:::b/k"])


def test_a_resource_by_wildcard_needs_its_reason(role: NarrowRole) -> None:
    with pytest.raises(ValueError, match=r"S/Role: Read allows \['arn:.*/\*'\]; say why"):
        role.allow("Read", actions=["s3:GetObject"], resources=["arn:aws:s3:::b/*"])


def test_a_refused_permission_is_not_granted() -> None:
    app = cdk.App()
    stack = cdk.Stack(app, "S")
    role = NarrowRole(stack, "Role", service="lambda.amazonaws.com")
    with pytest.raises(ValueError, match="say why"):
        role.allow("Read", actions=["s3:GetObject"], resources=["*"])
    role.allow("ReadOne", actions=["s3:GetObject"], resources=["arn:aws:s3:::b/k"])
    template = app.synth().get_stack_by_name("S").template
    (policy,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::IAM::Policy"]
    sids = [s["Sid"] for s in policy["Properties"]["PolicyDocument"]["Statement"]]
    assert sids == ["ReadOne"]
