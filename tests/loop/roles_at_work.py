"""The roles of docs/guides/roles/ on a local cloud, and commands that are typed as them."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from ratchet import cdk_cli
from ratchet.cli.main import app
from ratchet.deployment.target import cdk
from ratchet.deployment.target.environment import Target, local_target
from ratchet.local_cloud.decisions import Decision
from ratchet.machinery import PACKAGES as PROJECT
from ratchet.project import current, load
from tests.loop.deployed_loop import Loop, copy_assembly

TEMPLATES = PROJECT / "docs" / "guides" / "roles"
REPOSITORY = "example/flights"


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    def data(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One statement of a role's policy, under its Sid."""

    policy: str
    """As decisions name it: an inline policy's name, a managed policy's ARN."""
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, decision: Decision) -> bool:
        """Whether it allows what was decided, were its conditions met."""
        return decision.action in self.actions and any(
            fnmatchcase(decision.resource, pattern) for pattern in self.resources
        )

    def decided(self, decision: Decision) -> bool:
        return (decision.policy, decision.statement) == (self.policy, self.sid)


@dataclass
class Stage:
    """One local cloud with the roles that a team makes by the guide."""

    folder: Path
    roles: dict[str, str] = field(default_factory=dict)
    """`deploy`, `person`, `review` and `execution` (CloudFormation's) → the role's name."""
    _targets: dict[str, Target] = field(default_factory=dict)

    @cached_property
    def loop(self) -> Loop:
        return Loop(self.folder, load("dev"))

    @property
    def administrator(self) -> Target:
        return self.loop.target

    @property
    def assembly(self) -> Path:
        """The templates that the CDK deploys."""
        return self.folder.parent / "cdk.out"

    def target(self, kind: str) -> Target:
        """One session of a role for all of the tests' own calls."""
        if kind not in self._targets:
            settings, role = self.loop.settings, self.roles[kind]
            self._targets[kind] = local_target(
                project=current(), settings=settings, folder=self.folder, role=role
            )
        return self._targets[kind]

    def type(self, kind: str, *words: str) -> Typed:
        """`ratchet …` as one of the roles."""
        variables = {
            "RATCHET_LOCAL": str(self.folder),
            "RATCHET_ROLE": self.roles[kind],
            "COLUMNS": "200",
        }
        result = CliRunner().invoke(app, list(words), env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return Typed(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)

    def works(self, kind: str, *words: str) -> Typed:
        typed = self.type(kind, *words)
        assert typed.code == 0, typed.stdout + typed.stderr
        return typed

    def refused(self, kind: str, *words: str) -> str:
        """The message of a command that the role may not use."""
        typed = self.type(kind, *words)
        assert typed.code == 1, typed.stdout + typed.stderr
        assert "Traceback" not in typed.stdout + typed.stderr
        return typed.stderr.partition("error ")[2]

    def make_role(self, kind: str, *, stack: str, **parameters: str) -> None:
        """Deploys a role's template, as the administrator."""
        arn = self.make(kind, stack=stack, **parameters)
        self.roles[kind] = arn.rpartition("/")[2]

    def make(self, kind: str, *, stack: str, **parameters: str) -> str:
        """Deploys a template of the guide's, as the administrator; the ARN of what it makes."""
        cloudformation = self.administrator.client("cloudformation")
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=(TEMPLATES / f"{kind}.yaml").read_text(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
        )
        described = self.ended(stack)
        assert described["StackStatus"] == "CREATE_COMPLETE", described
        (output,) = described["Outputs"]
        return str(output["OutputValue"])

    def ended(self, stack: str) -> dict[str, Any]:
        """A stack once nothing is under way in it."""
        cloudformation = self.administrator.client("cloudformation")
        while True:
            described: dict[str, Any]
            (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            if not described["StackStatus"].endswith("_IN_PROGRESS"):
                return described
            time.sleep(0.1)

    def decisions(self, kind: str) -> list[Decision]:
        """What the role was allowed and denied so far."""
        answer = self.administrator.ask(f"permissions/{self.roles[kind]}")
        return [Decision.of_json(decision) for decision in answer["decisions"]]

    def permissions(self, kind: str) -> list[Permission]:
        """Every statement of the role's policies."""
        return [
            Permission(
                policy=policy,
                sid=statement["Sid"],
                actions=tuple(_listed(statement["Action"])),
                resources=tuple(_listed(statement["Resource"])),
            )
            for policy, document in self._documents(kind)
            for statement in document["Statement"]
        ]

    def _documents(self, kind: str) -> Iterator[tuple[str, Any]]:
        iam, role = self.administrator.client("iam"), self.roles[kind]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield name, document
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            yield arn, answer["PolicyVersion"]["Document"]


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def recipe(name: str, **variables: str) -> list[list[str]]:
    """The commands of a Makefile's target, as words, without what they depend on."""
    settings = [f"{key}={value}" for key, value in variables.items()]
    printed = subprocess.run(
        ["make", "--dry-run", "--silent", "-o", "install", name, *settings],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [shlex.split(line, comments=True) for line in printed.stdout.splitlines()]


def build(folder: Path, *, assembly: Path) -> Stage:
    """A local cloud as the guides set it up: a policy for CloudFormation, the bootstrap stack, the
    workflow's role, a deployment by that role, the other roles."""
    stage = Stage(folder)
    copy_assembly(assembly, stage.assembly)
    administrator = stage.administrator
    printed: list[str] = []
    policy_arn = stage.make("execution", stack="flights-execution", Project="flights")
    narrow = ["--cloudformation-execution-policies", policy_arn]
    cdk.run(administrator, [*cdk.bootstrap_command(administrator), *narrow], line=printed.append)
    place = f"{administrator.account}-{administrator.region}"
    stage.roles["execution"] = f"cdk-{cdk.DEFAULT_QUALIFIER}-cfn-exec-role-{place}"
    stage.make_role(
        "deploy",
        stack="flights-ci-dev",
        Repository=REPOSITORY,
        GitHubEnvironment="dev",
        Project="flights",
        Environment="dev",
    )
    ((_, *words),) = recipe("deploy", ENV="dev")
    stage.works("deploy", *words, "--app", str(stage.assembly))
    environment = {"Project": "flights", "Environment": "dev"}
    stage.make_role("review", stack="flights-review", Repository=REPOSITORY, **environment)
    root = f"arn:aws:iam::{administrator.account}:root"
    stage.make_role("person", stack="flights-people-dev", Trusted=root, **environment)
    return stage


def run_cdk(stage: Stage, kind: str, *words: str) -> tuple[int, str]:
    """Exit status and output of the CDK CLI as one of the roles, on the deployed assembly."""
    done = subprocess.run(
        [*cdk_cli.command(), *words, "--app", str(stage.assembly)],
        cwd=PROJECT,
        env=cdk.environment(stage.target(kind)),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
