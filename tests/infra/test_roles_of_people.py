"""The roles of docs/guides/roles/: sound, narrow, and enough for what the command line does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.session import get_session

from ratchet.loop import names
from tests.infra.assembly import Assembly
from tests.projects import ROOT

FOLDER = ROOT / "docs" / "guides" / "roles"
FILES = sorted(FOLDER.glob("*.yaml"))
WIDE = {
    "candidates": ["ListWhatKnowsNoResource", "LogIntoRegistries"],
    "deploy": ["ListWhatKnowsNoResource"],
    "execution": ["DeployTheServicesOfTheLoop"],
    "person": ["ListWhatKnowsNoResource"],
}
"""Template → its statements on every resource, with the reason beside them there."""
LONGEST_MANAGED, LONGEST_INLINE = 6144, 10_240

# Calls of the command line that no role of these is for → who makes them.
OTHERS = {
    "ce:UpdateCostAllocationTagsStatus": "`ratchet costs setup` of the account's administrator",
    "iam:ListAccountAliases": "the name of an account is left out where it may not be read",
    "cloudformation:ListStackResources": "`ratchet permissions` of an administrator; the demo",
    "sts:AssumeRole": "the local cloud's administrator, who acts as a role",
    "sts:AssumeRoleWithWebIdentity": "likewise, in GitHub's place",
    "sts:GetCallerIdentity": "needs no permission",
}


class Loader(yaml.SafeLoader):  # type: ignore[misc] # without types of its own
    """CloudFormation's short forms: `!Sub x` is {"Fn::Sub": "x"}."""


def _short(loader: Loader, tag: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag == "Ref" else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", _short)


@cache
def template(name: str) -> Any:
    return yaml.load((FOLDER / f"{name}.yaml").read_text(), Loader)


def documents(name: str) -> Iterator[dict[str, Any]]:
    """Every policy of a template."""
    for resource in template(name)["Resources"].values():
        properties = resource["Properties"]
        if "PolicyDocument" in properties:
            yield properties["PolicyDocument"]
        yield from (policy["PolicyDocument"] for policy in properties.get("Policies", ()))


def statements(name: str) -> Iterator[dict[str, Any]]:
    for document in documents(name):
        yield from document["Statement"]


def actions(name: str) -> set[str]:
    return {
        action
        for statement in statements(name)
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }


def test_there_is_a_role_for_each_kind_of_work() -> None:
    assert [file.stem for file in FILES] == [
        "candidates",
        "deploy",
        "execution",
        "person",
        "review",
    ]


def test_cfn_lint_finds_nothing() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    ran = subprocess.run([cfn_lint, *FILES], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_every_action_is_named_and_every_policy_has_room(name: str) -> None:
    wide = [action for action in actions(name) if "*" in action]
    if name == "execution":
        services = {action.partition(":")[0] for action in wide}
        assert not services & {"iam", "sts", "organizations", "account"}
        assert all(action.endswith(":*") for action in wide)
    else:
        assert wide == []
    for document in documents(name):
        # Names of 20 characters each, a partition and a region of the longest.
        text = json.dumps(document, separators=(",", ":"))
        text = re.sub(r"\$\{(Project|Environment)\}", "x" * 20, text)
        text = re.sub(r"\$\{AWS::\w+\}|\$\{Qualifier\}", "x" * 14, text)
        managed = {"candidates", "execution", "person"}
        limit = LONGEST_MANAGED if name in managed else LONGEST_INLINE
        assert len(text) < limit


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_only_what_knows_no_resource_is_allowed_on_all(name: str) -> None:
    wide = [s["Sid"] for s in statements(name) if s["Resource"] == "*"]
    assert wide == WIDE.get(name, [])


# --- workflows


def test_a_workflow_deploys_from_its_environment_alone() -> None:
    (trust,) = template("deploy")["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    subject = "token.actions.githubusercontent.com:sub"
    assert trust["Condition"]["StringEquals"][subject] == {
        "Fn::Sub": "repo:${Repository}:environment:${GitHubEnvironment}"
    }


def test_a_workflow_is_the_roles_of_one_bootstrap_stack_and_no_other() -> None:
    (assumed,) = [s for s in statements("deploy") if s["Action"] == "sts:AssumeRole"]
    for arn in assumed["Resource"]:
        assert ":role/cdk-${Qualifier}-" in arn["Fn::Sub"]
        assert "*" not in arn["Fn::Sub"]


def test_a_workflow_itself_changes_the_pipelines_of_its_environment_and_nothing_else() -> None:
    changes = {
        action: statement["Resource"]
        for statement in statements("deploy")
        for asked in [statement["Action"]]
        for action in ([asked] if isinstance(asked, str) else asked)
        if not re.match(r"\w+:(Describe|Get|List|Assume)", action)
    }
    pipelines = ":pipeline/${Project}-${Environment}-*"
    assert changes.pop("sagemaker:UpdatePipeline")["Fn::Sub"].endswith(pipelines)
    assert changes.pop("sagemaker:DeletePipeline")["Fn::Sub"].endswith(f"{pipelines}-edits")
    assert changes.keys() == {"iam:PassRole"}  # of pipelines' roles, to SageMaker


def test_a_pull_request_reads_the_projects_stacks_and_becomes_nobody_else() -> None:
    verbs = {action.split(":")[1] for action in actions("review")}
    assert not [verb for verb in verbs if not re.match(r"Describe|Get|List", verb)]
    for statement in statements("review"):
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            text = resource["Fn::Sub"]
            assert "${Project}" in text or "${Qualifier}" in text


def test_what_a_pull_request_does_needs_no_change_set() -> None:
    """Change sets are made with the deploy role, which a pull request has not."""
    review = (ROOT / "Makefile").read_text().partition("\nreview:")[2].partition("\n.PHONY")[0]
    assert "cdk diff" in review
    assert "--method=template" in review


# --- people


def calls() -> set[str]:
    """The operations of AWS that the command line calls, by the names of IAM."""
    session = get_session()
    named: dict[str, set[str]] = {}
    for service, prefix in SERVICES.items():
        for operation in session.get_service_model(service).operation_names:
            named.setdefault(xform_name(operation), set()).add(f"{prefix}:{operation}")
    called: set[str] = set()
    for folder in ("ratchet/deployment", "ratchet/cli", "ratchet/costs"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text()
            clients = set(re.findall(r'client\("([a-z-]+)"', text)) or set(SERVICES)
            known = {SERVICES[client] for client in clients if client in SERVICES}
            for match in re.finditer(r'\.([a-z_0-9]+)\(|get_paginator\(\s*"([a-z_0-9]+)"', text):
                method = match[1] or match[2] or ""
                found = set() if method in OF_PYTHON else named.get(method, set())
                called |= {c for c in found if c.split(":")[0] in known}
    return {ALIASES.get(call, call) for call in called}


SERVICES = {
    "ce": "ce",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "lambda": "lambda",
    "logs": "logs",
    "pricing": "pricing",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "scheduler": "scheduler",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
}
OF_PYTHON = {"search", "invoke"}  # of regular expressions, and of the command line itself
ALIASES = {"s3:HeadObject": "s3:GetObject", "s3:ListObjectsV2": "s3:ListBucket"}


def test_a_person_may_do_all_that_the_command_line_asks_of_aws() -> None:
    called = calls()
    assert len(called) > 20
    assert {"sagemaker:UpdateModelPackage", "sagemaker:InvokeEndpoint"} <= called
    assert called - actions("person") - OTHERS.keys() == set()


def test_approving_and_changing_pipelines_are_granted_apart() -> None:
    resources = template("person")["Resources"]
    assert resources["Approve"]["Condition"] == "MayApprove"
    assert resources["Change"]["Condition"] == "MayChange"
    work = {
        action
        for name in ("See", "Work")
        for statement in resources[name]["Properties"]["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    assert not work & {"sagemaker:UpdateModelPackage", "sagemaker:UpdatePipeline", "iam:PassRole"}


def test_no_person_changes_a_pipeline_that_was_deployed() -> None:
    (edits,) = [s for s in statements("person") if "sagemaker:UpdatePipeline" in s["Action"]]
    assert edits["Resource"]["Fn::Sub"].endswith(":pipeline/${Project}-${Environment}-*-edits")
    assert names.holds_edits(edits["Resource"]["Fn::Sub"])


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_a_persons_role_imports_is_exported(assembly: Assembly, environment: str) -> None:
    text = (FOLDER / "person.yaml").read_text()
    imports = set(re.findall(r"\$\{Project\}-\$\{Environment\}-(foundation-[a-z-]+)", text))
    outputs = assembly.templates[f"{environment}/Foundation"]["Outputs"].values()
    exports = {output["Export"]["Name"] for output in outputs}
    assert {f"flights-{environment}-{name}" for name in imports} <= exports
    assert len(imports) == 3
