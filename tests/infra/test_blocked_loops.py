"""A settings file with a mistake blocks what it is of, for the CDK's command line too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.project import Project
from ratchet_cdk.app import add_chosen
from stacks.loop import ModelLoop
from tests.infra.assembly import STACKS, context
from tests.projects import MODEL, ROOT, copy_of_project

pytestmark = pytest.mark.synth

CDK = ROOT / "node_modules/aws-cdk/bin/cdk"
MISTAKE = "\n[steps.trian]\nvolume_gb = 50\n"
WORDS = (
    f"settings: config/prod.toml: [steps.trian]: no pipeline of {MODEL} has such a step; "
    "did you mean [steps.train]?"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a slip in prod that is seen when its stacks are made."""
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    with (folder / "config/prod.toml").open("a") as prod:
        prod.write(MISTAKE)
    (folder / "config/staging.toml").unlink()
    return folder


@pytest.fixture(scope="module")
def assembly(folder: Path) -> Path:
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(context()),
    }
    subprocess.run([sys.executable, "-m", "ratchet_cdk"], cwd=folder, env=environment, check=True)
    return folder / "cdk.out"


def command(assembly: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", str(CDK), *words, "--app", str(assembly), "--no-notices"],
        cwd=assembly,  # where no cdk.json says how to build the project
        env={**os.environ, "CDK_DISABLE_VERSION_CHECK": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rest_is_synthesized_as_if_there_were_no_mistake(assembly: Path) -> None:
    ended = command(assembly, "synth", "--quiet", "dev/**")
    assert ended.returncode == 0, ended.stderr
    listed = command(assembly, "ls").stdout
    assert all(f"dev/{MODEL}/{stack}" in listed for stack in STACKS)


@pytest.mark.parametrize(
    "words",
    [("synth", "--quiet"), ("synth", "prod/**"), ("deploy", "prod/**"), ("deploy", "--all")],
)
def test_the_cdk_refuses_with_the_words_of_the_mistake(
    assembly: Path, words: tuple[str, ...]
) -> None:
    ended = command(assembly, *words)
    assert ended.returncode != 0
    assert WORDS in " ".join((ended.stdout + ended.stderr).split())


def test_nothing_stays_of_the_stacks_that_were_made_before_the_mistake(folder: Path) -> None:
    app = cdk.App(context=context())
    add_chosen(app, ModelLoop, Project(folder))
    paths = [each.node.path for each in app.node.find_all() if isinstance(each, cdk.Stack)]
    assert [path for path in paths if not path.startswith("dev/")] == [
        f"prod/{MODEL}/Mistakes",
        "Mistakes",
    ]


def test_a_mistake_in_all_that_is_asked_for_ends_synth(folder: Path) -> None:
    app = cdk.App(context={**context(), "environment": "prod"})
    with pytest.raises(SystemExit) as ended:
        add_chosen(app, ModelLoop, Project(folder))
    assert ended.value.code == WORDS
