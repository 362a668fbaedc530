"""cdk-nag's AwsSolutions and cfn-lint have nothing to say about any environment."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from ratchet.project import load
from ratchet.settings.costs import CostSettings
from ratchet.settings.retention import NotificationSettings
from ratchet.settings.schema import MonitorSettings
from ratchet_cdk.permissions.narrow_role import NarrowRole
from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly, context
from tests.infra.loops import add_loops

SHORTEST_REASON = 25


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, synthesized with cdk-nag watching: it refuses what it finds fault with."""
    folder = tmp_path_factory.mktemp("checked")
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    add_loops(app, [load(environment) for environment in ENVIRONMENTS])
    app.synth()
    return folder


def test_cdk_nag_finds_nothing_that_is_not_explained(checked: Path) -> None:
    assert violations(checked) == []


def violations(folder: Path) -> list[tuple[str, list[str]]]:
    """Rules that were violated, each with the constructs that do."""
    report = json.loads((folder / "validation-report.json").read_text())
    return [
        (violation["ruleName"], [c["constructPath"] for c in violation["violatingConstructs"]])
        for plugin in report["pluginReports"]
        for violation in plugin.get("violations", [])
    ]


def test_both_engines_and_an_environment_without_model_monitor_pass_too(tmp_path: Path) -> None:
    """What a template leaves out is checked in the environment that has it; engines differ by a
    parameter, whose conditions cfn-lint follows both ways."""
    app = cdk.App(outdir=str(tmp_path), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    dev = load("dev")
    told = NotificationSettings(slack_workspace="T0123", slack_channel="C0456")
    engines: tuple[Literal["model-monitor", "pipeline"], ...] = ("model-monitor", "pipeline")
    add_loops(
        app,
        [
            *(
                replace(
                    dev,
                    environment=engine,
                    monitor=MonitorSettings(engine=engine),
                    costs=CostSettings(run_limit_usd=5, monthly_budget_usd=100),
                )
                for engine in engines
            ),
            replace(dev, environment="elsewhere", region="il-central-1", notifications=told),
        ],
    )
    app.synth()
    assert cfn_lint(tmp_path) == (0, "", "")


def test_cdk_nag_is_watching(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    cdk.CfnResource(cdk.Stack(app, "S"), "Queue", type="AWS::SQS::Queue")
    stack = cdk.Stack(app, "T")
    cdk.aws_sqs.CfnQueue(stack, "Queue")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_an_explained_wildcard_does_not_hide_one_beside_it(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = cdk.Stack(app, "S")
    role = NarrowRole(stack, "Role", service="lambda.amazonaws.com")
    role.allow("List", actions=["s3:ListAllMyBuckets"], resources=["*"], wildcard="It lists all.")
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    cdk.aws_iam.CfnPolicy(stack, "Unexplained", policy_name="p", policy_document=document)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert violations(tmp_path) == [("AwsSolutions-IAM5[Resource::*]", ["S/Unexplained"])]


def test_every_suppression_says_why(checked: Path) -> None:
    reasons = {
        f"{path} {rule}": reason
        for file in checked.rglob("*.metadata.json")
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
    }
    assert len(reasons) > 10
    assert [key for key, reason in reasons.items() if len(reason) < SHORTEST_REASON] == []


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    assert cfn_lint(assembly.folder) == (0, "", "")


def cfn_lint(folder: Path) -> tuple[int, str, str]:
    templates = [str(file) for file in folder.rglob("*.template.json")]
    assert len(templates) == 3 * len(STACKS)
    ran = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    return (ran.returncode, ran.stdout, ran.stderr)
