"""The first pipeline of the guide, done as the guide says, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.deployment.runs import executions as runs
from ratchet.local_cloud import control
from ratchet.machinery import PACKAGES as PROJECT
from ratchet.project import load
from tests.loop.deployed_loop import Loop, write_drop

pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.timeout(600)]

GUIDE = PROJECT / "docs" / "guides" / "authoring.md"
COPIED = ("config", "constructs", "lambdas", "pipeline_defs", "ratchet", "stacks", "steps")
NAME = "flights-dev-scoring"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def with_lines_added(text: str, diff: str) -> str:
    """The text with each `+` line of a diff after the line that stands before it there."""
    lines, place = text.splitlines(), -1
    for line in diff.splitlines():
        sign, rest = line[:1], line[1:]
        if sign == "+":
            # The first line of a diff has only one after it to go by.
            place = place + 1 if place >= 0 else lines.index(following(diff, line))
            lines.insert(place, rest)
        elif line.strip() != "...":
            place = lines.index(rest)
    return "\n".join(lines) + "\n"


def following(diff: str, line: str) -> str:
    lines = diff.splitlines()
    return lines[lines.index(line) + 1][1:]


@dataclass(frozen=True)
class Project:
    """A copy of the project, in which commands are typed."""

    folder: Path
    loop: Loop

    @property
    def listing(self) -> Path:
        return self.folder / "pipeline_defs" / "__init__.py"

    def ratchet(self, *words: str) -> subprocess.CompletedProcess[str]:
        roots = (self.folder, self.folder / "constructs", self.folder / "lambdas")
        return subprocess.run(
            [sys.executable, "-m", "ratchet.cli.main", *words],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, roots)),
                "RATCHET_LOCAL": "1",
                "COLUMNS": "100",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str) -> str:
        ended = self.ratchet(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in ("app.py", "cdk.json"):
        shutil.copy2(PROJECT / name, folder / name)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(PROJECT / name)
    cloud = folder / ".ratchet" / "cloud"
    yield Project(folder, Loop(cloud, load("dev")))
    control.down(cloud)


@pytest.fixture(scope="module")
def listed(project: Project) -> Project:
    """What the guide says to write, written."""
    (project.folder / "pipeline_defs" / "scoring.py").write_text(blocks("python")[0])
    text = project.listing.read_text()
    project.listing.write_text(with_lines_added(text, blocks("diff")[0]))
    return project


@pytest.fixture(scope="module")
def deployed(listed: Project) -> Project:
    listed.done("deploy")
    return listed


def test_before_anything_is_deployed_every_pipeline_is_new_and_said_so(listed: Project) -> None:
    shown = listed.done("diff")
    assert re.findall(r"^(\S+): new: \d+ steps$", shown, re.MULTILINE) == [
        f"flights-dev-{name}" for name in ("training", "evaluation", "monitoring", "scoring")
    ]
    assert "flights-dev-scoring: new: 6 steps" in shown
    refused = listed.ratchet("run", "scoring")
    assert refused.returncode == 1
    assert "run `ratchet deploy`" in refused.stderr
    priced = listed.done("costs", "estimate", "scoring")
    assert "no past runs" in priced
    assert "package's own table" in priced


def test_after_the_deployment_the_source_and_what_is_deployed_are_the_same(
    deployed: Project,
) -> None:
    assert [line for line in deployed.done("diff").splitlines() if line] == [
        f"flights-dev-{name}: the same"
        for name in ("training", "evaluation", "monitoring", "scoring")
    ]


def test_it_runs_to_a_registered_model_and_its_cost_is_recorded(
    deployed: Project, tmp_path: Path
) -> None:
    loop = deployed.loop
    loop.land(write_drop(1, tmp_path))
    loop.finished(loop.next_run(0))  # the snapshot of what landed is there since its start
    deployed.done("run", "scoring")
    (run,) = runs.listed(loop.target, pipeline=NAME)
    register = runs.read(loop.target, run).step("register")
    assert register is not None
    arn = register.metadata.model_package_arn
    package = loop.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert package["ModelPackageGroupName"] == "flights-dev"
    assert {row.step for row in loop.recorded(run)} >= {"prepare", "train", "evaluate"}


def test_a_pipeline_that_is_new_hides_nothing_of_the_others(deployed: Project) -> None:
    text = deployed.listing.read_text()
    try:
        deployed.listing.write_text(
            text.replace(
                '    "scoring":',
                '    "later": PipelineEntry(lambda ctx: later(ctx)),\n    "scoring":',
            )
            + "\n\ndef later(ctx: Context) -> Pipeline:\n"
            '    p = Pipeline("later", ctx)\n    p.halt("stop", "never")\n    return p\n'
        )
        shown = deployed.done("diff", "--format", "markdown")
    finally:
        deployed.listing.write_text(text)
    assert "### flights-dev-later\n\nnew: 1 step\n" in shown
    assert "**flights-dev-scoring**: the same" in shown


def test_the_deployment_after_its_line_went_removes_it_and_what_belonged_to_it(
    deployed: Project,
) -> None:
    """The last test of this file: what it removes is not put back."""
    lines = deployed.listing.read_text().splitlines(keepends=True)
    deployed.listing.write_text("".join(line for line in lines if "scoring" not in line))
    assert "flights-dev-scoring: the source has it no longer" in deployed.done("diff")
    deployed.done("deploy")
    target = deployed.loop.target
    assert NAME not in runs.pipelines(target)
    resources = target.client("cloudformation").list_stack_resources(
        StackName="flights-dev-pipelines"
    )["StackResourceSummaries"]
    assert [resource["ResourceType"] for resource in resources] == ["AWS::SSM::Parameter"]
    fact = target.client("ssm").get_parameter(Name="/flights/dev/pipelines")["Parameter"]["Value"]
    assert json.loads(fact)["pipelines"] == []
