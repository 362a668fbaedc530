"""Every call of AWS in a function's code is one that its role may make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from ratchet_cdk.functions.function_code import function_code
from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly
from tests.projects import ROOT

# Operation → what IAM calls the permissions for it.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:CopyObject": ("s3:GetObject", "s3:PutObject"),  # of the source, and of the copy
    "s3:UploadPart": ("s3:PutObject",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
}
ONLY_WITH = {"record_run": {"sagemaker:StopPipelineExecution"}}
"""With `costs.run_limit_usd`, which no environment here has: test_operations_stack.py."""
SERVICES = (
    "cloudformation",
    "cloudwatch",
    "pricing",
    "s3",
    "sagemaker",
    "sns",
    "sqs",
    "ssm",
)
OF_PYTHON = {"search", "publish"}  # of regular expressions, and of our own classes


@cache
def operations() -> dict[str, set[str]]:
    """Method of a client → the operations that are called so."""
    operations_by_method: dict[str, set[str]] = {}
    for service in SERVICES:
        for name in get_session().get_service_model(service).operation_names:
            operations_by_method.setdefault(xform_name(name), set()).add(f"{service}:{name}")
    return operations_by_method


def calls(name: str) -> Iterator[str]:
    """What a function's own folder needs for its calls, where the client's name says of what."""
    for file, content in function_code(ROOT / "lambdas", name).files.items():
        if not file.startswith(f"{name}/") or not file.endswith(".py"):
            continue
        text = content.decode()
        pattern = r'(\w+)\.get_paginator\(\s*"(\w+)"|(\w+)?\.(\w+)\('
        for pager, paginated, called, plain in re.findall(pattern, text):
            client, method = pager or called, paginated or plain
            if method in OF_PYTHON:
                continue
            names = operations().get(method, set())
            named = {operation for operation in names if operation.split(":")[0] == client}
            for operation in named or names:
                yield from PERMISSIONS.get(operation, (operation,))


def roles(assembly: Assembly, environment: str) -> Iterator[tuple[str, set[str]]]:
    """(function, what its role may do)."""
    for stack in STACKS:
        policies: dict[str, set[str]] = {}
        for policy in assembly.resources(f"{environment}/{stack}", "AWS::IAM::Policy").values():
            properties: dict[str, Any] = policy["Properties"]
            allowed = {
                action
                for statement in properties["PolicyDocument"]["Statement"]
                for action in statement["Action"]
            }
            for role in properties["Roles"]:
                policies.setdefault(role["Ref"], set()).update(allowed)
        functions = assembly.resources(f"{environment}/{stack}", "AWS::Lambda::Function")
        for function in functions.values():
            name = function["Properties"]["Handler"].split(".")[0]
            yield name, policies[function["Properties"]["Role"]["Fn::GetAtt"][0]]


def names() -> list[str]:
    return sorted(folder.parent.name for folder in (ROOT / "lambdas").glob("*/handler.py"))


@pytest.mark.parametrize("name", names())
def test_a_functions_role_may_make_each_call_of_its_code(assembly: Assembly, name: str) -> None:
    """Of all the pipelines that a function serves together: one may want less of it."""
    deployed = [
        allowed
        for environment in ENVIRONMENTS
        for function, allowed in roles(assembly, environment)
        if function == name
    ]
    assert deployed
    assert set(calls(name)) - set().union(*deployed) - ONLY_WITH.get(name, set()) == set()


def test_the_calls_are_found() -> None:
    assert {"sagemaker:StartPipelineExecution", "s3:ListBucket"} <= set(calls("start_pipeline"))
    assert "cloudformation:UpdateStack" in set(calls("reconcile_champion"))
    assert {"s3:GetObject", "s3:PutObject"} <= set(calls("resolve_champion"))
