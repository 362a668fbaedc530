"""The first pipeline of the guide, done as the guide says, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.deployment.runs import executions as runs
from ratchet.local_cloud import control
from ratchet.project import load
from tests.loop.deployed_loop import Loop, write_drop
from tests.projects import MODEL, ROOT, copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.timeout(600)]

GUIDE = ROOT / "docs" / "guides" / "authoring.md"
NAME = "flights-dev-scoring"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def sides(diff: str) -> tuple[str, str]:
    """What stands there before a diff, and after it."""
    lines = [line or " " for line in diff.splitlines()]
    before, after = ("".join(f"{line[1:]}\n" for line in lines if line[0] != sign) for sign in "+-")
    return before, after


@dataclass(frozen=True)
class Project:
    """A copy of the project, in which commands are typed."""

    folder: Path
    loop: Loop

    @property
    def listing(self) -> Path:
        return self.folder / "pipeline_defs" / MODEL / "__init__.py"

    def ratchet(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ratchet.cli.main", *words],
            cwd=self.folder,
            env={
                **os.environ,
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
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    cloud = folder / ".ratchet" / "cloud"
    yield Project(folder, Loop(cloud, load("dev")))
    control.down(cloud)


@pytest.fixture(scope="module")
def listed(project: Project) -> Project:
    """What the guide says to write, written."""
    (project.listing.parent / "scoring.py").write_text(blocks("python")[0])
    text = project.listing.read_text()
    before, after = sides(blocks("diff")[0])
    assert text.count(before) == 1
    project.listing.write_text(text.replace(before, after))
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
    assert "flights-dev-scoring: new: 7 steps" in shown
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
            text.replace('"scoring":', '"later": lambda ctx: later(ctx), "scoring":')
            + "\n\nfrom ratchet.authoring import Pipeline\n\n\ndef later(ctx):\n"
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
    before, after = sides(blocks("diff")[0])
    deployed.listing.write_text(deployed.listing.read_text().replace(after, before))
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
