"""Synthesis acts on the project of the working directory, not on the one that Ratchet is installed
from."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ratchet import cdk_cli, node
from tests.infra.assembly import STACKS, context
from tests.projects import MODEL, copy_of_project

EDIT = "# only in the shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of another name, with another training script."""
    folder = copy_of_project(tmp_path_factory.mktemp("shop"))
    settings = folder / "config" / "base.toml"
    settings.write_text(settings.read_text().replace('project = "flights"', 'project = "shop"'))
    script = folder / "steps" / MODEL / "train.py"
    script.write_text(f"{script.read_text()}{EDIT}\n")
    return folder


def synthesize(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """What cdk.json has the CDK CLI start, in a working directory."""
    return subprocess.run(
        [sys.executable, "-m", "ratchet_cdk"],
        cwd=folder,
        env={
            **node.environment(),
            "CDK_OUTDIR": str(out),
            "CDK_CONTEXT_JSON": json.dumps({**context(), "environment": "dev"}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def training_script(bundle: Path) -> str:
    """Of a published bundle; "" if it holds none."""
    with tarfile.open(bundle) as archive:
        if "train.py" not in archive.getnames():
            return ""
        script = archive.extractfile("train.py")
        assert script is not None
        return script.read().decode()


@pytest.mark.parametrize("place", [".", f"steps/{MODEL}"])
def test_the_app_is_that_of_the_project_around_the_working_directory(
    shop: Path, tmp_path: Path, place: str
) -> None:
    done = synthesize(shop / place, tmp_path)
    assert done.returncode == 0, done.stderr
    manifests = [json.loads(file.read_text()) for file in tmp_path.rglob("manifest.json")]
    names = {
        artifact["properties"]["stackName"]
        for manifest in manifests
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert names == {f"shop-{MODEL}-dev-{stack.lower()}" for stack in STACKS}
    (script,) = [text for file in tmp_path.glob("*.gz") if (text := training_script(file))]
    assert script.endswith(f"{EDIT}\n")


def test_outside_of_every_project_synthesis_says_so_in_one_line(tmp_path: Path) -> None:
    done = synthesize(tmp_path, tmp_path / "out")
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"{tmp_path} is in no project: ")
    assert not (tmp_path / "out").exists()


def test_cdk_ls_lists_the_stacks_of_the_project_that_it_is_typed_in(shop: Path) -> None:
    done = subprocess.run(
        [*cdk_cli.command(), "ls", "dev/**", "--no-notices"],
        cwd=shop,
        env={**node.environment(), "CDK_DISABLE_VERSION_CHECK": "1", "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"dev/{MODEL}/{stack} (shop-{MODEL}-dev-{stack.lower()})" for stack in STACKS
    ]
