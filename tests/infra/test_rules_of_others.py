"""cdk-nag's AwsSolutions and cfn-lint have nothing to say about any environment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from app import add_loops
from config.settings import load
from tests.infra.assembly import ENVIRONMENTS, Assembly, context

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
    report = json.loads((checked / "validation-report.json").read_text())
    found = [
        (violation["ruleName"], [c["constructPath"] for c in violation["violatingConstructs"]])
        for plugin in report["pluginReports"]
        for violation in plugin.get("violations", [])
    ]
    assert found == []


def test_cdk_nag_is_watching(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    cdk.CfnResource(cdk.Stack(app, "S"), "Queue", type="AWS::SQS::Queue")
    stack = cdk.Stack(app, "T")
    cdk.aws_sqs.CfnQueue(stack, "Queue")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_every_suppression_says_why(checked: Path) -> None:
    reasons = {
        f"{path} {rule}": reason
        for file in checked.glob("assembly-*/*.metadata.json")
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
    }
    assert len(reasons) > 10
    assert [key for key, reason in reasons.items() if len(reason) < SHORTEST_REASON] == []


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    templates = [str(file) for file in assembly.folder.glob("assembly-*/*.template.json")]
    assert len(templates) == len(assembly.templates)
    ran = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
