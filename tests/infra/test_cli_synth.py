"""The CDK's command line, as a person calls it, with its own validation on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.assembly import STACKS, loop_folder
from tests.projects import MODEL, ROOT

pytestmark = pytest.mark.synth

CDK = ROOT / "node_modules/aws-cdk/bin/cdk"


@pytest.fixture(scope="module")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "cdk.out"
    cdk("synth", "dev/**", "--quiet", "--output", str(folder))
    return folder


def cdk(*arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "CDK_VALIDATION"}
    ran = subprocess.run(
        ["node", str(CDK), "--app", f"{sys.executable} -m ratchet_cdk", *arguments],
        cwd=ROOT,
        env={**environment, "CDK_DISABLE_VERSION_CHECK": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_command_line_synthesizes_an_environment(cloud_assembly: Path) -> None:
    templates = list(loop_folder(cloud_assembly, "dev").glob("*.template.json"))
    assert len(templates) == len(STACKS)


def test_stacks_are_listed_by_environment(cloud_assembly: Path) -> None:
    environment_stacks = [
        f"{environment}/{MODEL}/{stack} (flights-{environment}-{stack.lower()})"
        for environment in ("dev", "prod", "staging")
        for stack in STACKS
    ]
    listed = subprocess.run(
        ["node", str(CDK), "ls", "--app", str(cloud_assembly)],
        cwd=cloud_assembly.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(listed.stdout.split("\n")[:-1]) == sorted(environment_stacks)


def test_the_validation_of_the_cdk_finds_nothing(cloud_assembly: Path) -> None:
    file = cloud_assembly / "validation-report.json"
    report = json.loads(file.read_text()) if file.exists() else {"pluginReports": []}
    assert [p for p in report["pluginReports"] if p.get("violations")] == []
