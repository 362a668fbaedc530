"""What the loop's tests show of dev's policies holds for the other environments: they are the same.

tests/loop/test_demo.py takes each statement out of dev's policies.
"""

from __future__ import annotations

import json

import pytest

from tests.infra.assembly import STACKS, Assembly
from tests.infra.readable import text_of

HOLDERS = (
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)
DOCUMENTS = ("PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy")


def statements(assembly: Assembly, environment: str) -> dict[str, str]:
    """Stack, logical id and position of each → the statement, without the environment's name."""
    statements_by_role = {}
    for stack in STACKS:
        for kind in HOLDERS:
            for owner, resource in assembly.resources(f"{environment}/{stack}", kind).items():
                properties = resource["Properties"]
                listed = [properties] if kind == "AWS::Lambda::Permission" else []
                for member in DOCUMENTS:
                    listed += properties.get(member, {}).get("Statement", [])
                for position, statement in enumerate(listed):
                    name = statement.get("Sid") or position
                    statements_by_role[f"{stack}/{owner} {name}"] = _as_dev(statement, environment)
    return statements_by_role


@pytest.mark.synth
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_every_statement_is_one_of_devs(assembly: Assembly, environment: str) -> None:
    assert statements(assembly, environment) == statements(assembly, "dev")


def _as_dev(statement: object, environment: str) -> str:
    text = json.dumps(_written(statement), sort_keys=True)
    for before in (f"flights-{environment}", f"flights/{environment}", f'"{environment}"'):
        text = text.replace(before, before.replace(environment, "dev"))
    return text


def _written(value: object) -> object:
    """References and functions as texts."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Join": _} | {"Fn::ImportValue": _}:
            return text_of(value)
        case {"Fn::Sub": _}:
            return text_of(value)
        case dict():
            return {key: _written(item) for key, item in value.items()}
        case list():
            return [_written(item) for item in value]
    return value
