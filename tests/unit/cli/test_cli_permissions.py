"""`ratchet permissions`, and what `ratchet status` says of refusals."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.cli.views import permissions_view as view
from ratchet.deployment import standing
from ratchet.deployment.roles import policies as roles
from ratchet.local_cloud.admin_client import AdminError
from tests.unit.cli.conftest import Type, typing_at
from tests.unit.cli.fake_deployment import ACCOUNT, START, World, world_of
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=1)
ROLE = "flights-dev-training-PipelineRoleDA659D31-9F96DBCA78680"
BUCKET = "arn:aws:s3:::flights-dev-foundation-artifactsbucket88671897-c15eb437b3d22"
LISTING = {
    "Sid": "ListOwn",
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": BUCKET,
    "Condition": {"StringLike": {"s3:prefix": ["manifests/", "manifests/*"]}},
}
POLICY = [
    {
        "Sid": "RunJobs",
        "Effect": "Allow",
        "Action": ["sagemaker:CreateProcessingJob", "sagemaker:StopProcessingJob"],
        "Resource": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/pipelines-*",
    },
    LISTING,
    {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost",
    },
]
SENTENCE = (
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/SageMaker is not authorized to perform: "
    f's3:ListBucket on resource: "{BUCKET}" because no identity-based policy allows the '
    "s3:ListBucket action"
)


def decision(action: str, resource: str, **members: Any) -> dict[str, Any]:
    facts = {"role": ROLE, "allowed": True, "policy": "permissions", "count": 1}
    return {**facts, "action": action, "resource": resource, "last": START.timestamp(), **members}


CREATED = decision(
    "sagemaker:CreateProcessingJob",
    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/pipelines-abc",
    statement="RunJobs",
    count=1204,
)
REFUSED = decision(
    "s3:ListBucket",
    BUCKET,
    allowed=False,
    policy="",
    count=2,
    message=SENTENCE,
    context={"s3:prefix": "runs/"},
)


class Iam:
    """One role with one inline policy."""

    def __init__(self) -> None:
        self.policies: dict[str, Any] = {"permissions": {"Statement": POLICY}}

    def get_role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        if RoleName != ROLE:
            error: Any = {"Error": {"Code": "NoSuchEntity", "Message": "no"}}
            raise ClientError(error, "GetRole")
        trust = {"Statement": [{"Principal": {"Service": "sagemaker.amazonaws.com"}}]}
        arn = f"arn:aws:iam::{ACCOUNT}:role/{RoleName}"
        return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": trust}}

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "list_role_policies": {"PolicyNames": list(self.policies)},
            "list_attached_role_policies": {"AttachedPolicies": []},
        }
        return SimpleNamespace(paginate=lambda **_: [pages[operation]])

    def get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803
        return {"PolicyDocument": self.policies[PolicyName]}


class CloudFormation:
    """The Training stack with its pipeline, its role, and a role that is gone."""

    def __init__(self) -> None:
        self.deployed = True

    def get_paginator(self, operation: str) -> Any:
        resources = {"PipelineRoleDA659D31": ROLE, "Pipeline": "flights-dev-training", "Old": "old"}
        names = ["flights-dev-training", "CDKToolkit"] if self.deployed else ["CDKToolkit"]
        pages = {
            "describe_stacks": {"Stacks": [{"StackName": name} for name in names]},
            "list_stack_resources": {
                "StackResourceSummaries": [
                    {"LogicalResourceId": logical_id, "PhysicalResourceId": name}
                    for logical_id, name in resources.items()
                ]
            },
        }
        return SimpleNamespace(paginate=lambda **_: [pages[operation]])

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        role = {"Fn::GetAtt": ["PipelineRoleDA659D31", "Arn"]}
        return {
            "TemplateBody": {
                "Resources": {
                    "PipelineRoleDA659D31": {"Type": "AWS::IAM::Role"},
                    "Old": {"Type": "AWS::IAM::Role"},
                    "Pipeline": {
                        "Type": "AWS::SageMaker::Pipeline",
                        "Properties": {"RoleArn": role},
                    },
                }
            }
        }


def with_roles(world: World, *records: dict[str, Any]) -> World:
    world.target._clients.update(iam=Iam(), cloudformation=CloudFormation())
    world.target.answers["permissions"] = {"decisions": list(records)}
    return world


@pytest.fixture
def typed(world: World, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types where a role did something and was refused something."""
    return typing_at(with_roles(world, CREATED, REFUSED), monkeypatch)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_roles_and_one_of_them_at_every_width(world: World, width: int) -> None:
    (use,) = roles.uses(with_roles(world, CREATED, REFUSED).target)
    parts = [
        view.overview([use], now=NOW, width=width, recorded=True),
        *view.detail(use, now=NOW, width=width, account=ACCOUNT, recorded=True),
        *view.unused([use], width=width, account=ACCOUNT),
    ]
    text = drawn(parts, width=width)
    hold(f"permissions_{width}.txt", text)
    for name in ("training pipeline", ROLE, BUCKET, "sagemaker:CreateProcessingJob"):
        assert name in text, "names do not break"
    assert not re.search(r"(sagemaker|s3|ecr):\w*…", text)


def test_a_role_prints_json_for_scripts(typed: Type) -> None:
    (listed,) = json.loads(typed("permissions", "--json").stdout)
    assert (listed["role"], listed["statements"], listed["used_actions"]) == (
        "training pipeline",
        3,
        1,
    )
    assert (listed["requests"], listed["refused"]) == (1204, 2)
    shown = json.loads(typed("permissions", "training", "pipeline", "--json").stdout)
    assert shown["statements"][1]["conditions"] == LISTING["Condition"]
    (refusal,) = shown["refusals"]
    assert refusal["missing_statement"] == {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": BUCKET,
        "Condition": {"StringLike": {"s3:prefix": "runs/"}},
    }
    unused = json.loads(typed("permissions", "training", "--unused", "--json").stdout)
    actions = {
        statement["statement"]: [a["action"] for a in statement["actions"]]
        for statement in unused["statements"]
    }
    assert actions == {
        "ListOwn": ["s3:ListBucket"],
        "2": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }, "what only AWS asks for is no unused action"


def test_the_next_command_is_about_the_role_that_was_refused(typed: Type) -> None:
    assert "ratchet permissions training pipeline --local" in typed("permissions").stderr


def test_refusals_of_one_action_are_one_statement_to_add(world: World) -> None:
    context: dict[str, Any] = {}
    objects = [
        decision(
            "s3:GetObject",
            f"{BUCKET}/{key}",
            allowed=False,
            policy="",
            context=context,
            message=SENTENCE.replace("ListBucket", "GetObject"),
        )
        for key in "ab"
    ]
    (use,) = roles.uses(with_roles(world, *objects).target)
    assert view.additions(use.refusals) == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [f"{BUCKET}/a", f"{BUCKET}/b"],
        }
    ]


def test_a_role_that_does_not_exist_is_told_with_the_nearest(typed: Type) -> None:
    result = typed("permissions", "trainign")
    assert result.exit_code == 1
    assert "no role 'trainign'. Did you mean training pipeline?" in result.stderr
    assert "ratchet permissions --local" in result.stderr


def test_nothing_deployed_is_told_with_the_command_that_deploys(typed: Type, world: World) -> None:
    world.target._clients["cloudformation"].deployed = False
    result = typed("permissions")
    assert result.exit_code == 1
    assert "dev has no roles in the local cloud" in result.stderr
    assert "ratchet deploy --local" in result.stderr


def test_a_cloud_of_an_older_version_is_told_with_the_commands_that_start_it_anew(
    typed: Type, world: World
) -> None:
    world.target.answers["permissions"] = AdminError("no GET /_ratchet/permissions", status=404)
    result = typed("permissions")
    assert result.exit_code == 1
    assert "started by an older ratchet" in result.stderr
    assert "ratchet cloud down" in result.stderr


def test_on_aws_the_policies_are_shown_and_usage_is_not_known(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = typing_at(with_roles(world_of(settings, folder=None)), monkeypatch)
    result = typed("permissions")
    assert result.exit_code == 0, result.output
    assert re.search(r"training pipeline +training +3 +5\n", result.stdout), result.stdout
    (listed,) = json.loads(typed("permissions", "--json").stdout)
    assert (listed["requests"], listed["used_actions"]) == (None, None)
    detail = typed("permissions", "training", "pipeline")
    assert "never" not in detail.stdout


def test_status_names_the_roles_whose_refusals_stand(serving: ServingWorld) -> None:
    with_roles(serving.world, CREATED, REFUSED)
    serving.world.target._clients["cloudformation"] = _both(serving)
    seen = standing.look(serving.world.target)
    assert seen.refused == {"training pipeline": 2}
    (first, *_) = standing.explanations(seen)
    assert first == (
        "training pipeline was refused 2 requests: ratchet permissions training pipeline"
    )
    serving.world.target.client("iam").policies["pasted"] = {
        "Statement": {**LISTING, "Condition": {"StringLike": {"s3:prefix": "runs/*"}}}
    }
    assert standing.look(serving.world.target).refused == {}


def _both(serving: ServingWorld) -> Any:
    """CloudFormation as the serving world has it, with the Training stack's roles."""
    roles_of, stack = CloudFormation(), serving.cloudformation
    return SimpleNamespace(
        get_paginator=roles_of.get_paginator,
        get_template=roles_of.get_template,
        describe_stacks=stack.describe_stacks,
    )


def test_a_cloud_that_enforces_nothing_says_so_and_has_no_refusals_in_the_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.target = replace(with_roles(world, REFUSED).target, enforced=False)
    assert roles.refused(world.target) == {}
    result = typing_at(world, monkeypatch)("permissions")
    assert "permissions not enforced" in result.stderr
    assert "nothing is refused and nothing is recorded" in result.stderr


def test_status_is_silent_where_nothing_was_refused(serving: ServingWorld) -> None:
    with_roles(serving.world, CREATED)
    serving.world.target._clients["cloudformation"] = _both(serving)
    assert standing.look(serving.world.target).refused == {}


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (f"{BUCKET}/raw/*", f"s3://{BUCKET[13:]}/raw/*"),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue", "sqs queue"),
        (
            "arn:aws:ecr:us-east-1:683313688378:repository/x",
            "ecr repository/x in 683313688378",
        ),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "iam policy/ReadOnlyAccess"),
        ("*", "*"),
    ],
)
def test_an_arn_is_shortened_to_what_tells_it_apart(arn: str, text: str) -> None:
    assert view.readable(arn, ACCOUNT) == text


def test_a_time_is_the_viewers() -> None:
    assert view._time(datetime(2013, 4, 2, 8, tzinfo=UTC).timestamp(), NOW) == "08:00:00"
    assert drawn([view._number(0)]).strip() == "–"
