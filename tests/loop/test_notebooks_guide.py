"""The guide on notebooks, walked from top to bottom in a copy of the project with a history."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.local_cloud.test_guide_pipeline import sides
from tests.loop.deployed_loop import Loop
from tests.projects import ROOT, copy_of_project
from tests.unit.notebooks.git_history import GitHistory
from tests.unit.notebooks.test_flights_history import write_history

pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.timeout(600)]

GUIDE = ROOT / "docs" / "guides" / "notebooks.md"
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(console|diff)\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
PIPELINE = "pipeline_defs/flights/training.py"


@dataclass(frozen=True)
class Typed:
    """A command of the guide, and what the guide shows of its output."""

    command: str
    shown: str


@dataclass(frozen=True)
class Project:
    """A copy of the project, in which the guide's commands are typed."""

    root: Path
    loop: Loop

    def type(self, command: str) -> str:
        """What a command prints on its standard output, in a terminal of 80 columns."""
        environment = {
            **os.environ,
            "RATCHET_LOCAL": str(self.loop.folder),
            "COLUMNS": "80",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        ended = subprocess.run(
            command,
            shell=True,
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def edit(self, diff: str) -> None:
        """Does what a diff of the pipeline says."""
        definition = self.root / PIPELINE
        text = definition.read_text()
        before, after = sides(diff)
        assert text.count(before) == 1, diff
        definition.write_text(text.replace(before, after))


def typed(block: str) -> Iterator[Typed]:
    """The commands of a console block, each with the lines that follow it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield Typed(command, shown)


def pattern(shown: str) -> re.Pattern[str]:
    """What an output must be: `…` is anything, on a line of its own any lines; where a line ends
    and how many blank lines stand between others does not count."""
    lines = [line.rstrip() for line in shown.splitlines() if line.strip()]
    parts = [
        r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in lines
    ]
    return re.compile("".join(parts))


def without_blank_ends(output: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines() if line.strip())


@pytest.fixture(scope="module")
def project(loop: Loop, drops: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = copy_of_project(tmp_path_factory.mktemp("project"))
    shutil.copy(ROOT / ".gitignore", root)
    write_history(GitHistory.start(root, now=datetime.now(UTC) - timedelta(hours=1)))
    loop.land(drops / "2013-01")
    loop.land(drops / "2013-02")
    loop.finished(loop.next_run(0))
    return Project(root, loop)


def test_the_commands_of_the_guide_print_what_it_shows(project: Project) -> None:
    commands = 0
    for language, block in BLOCKS:
        if language == "diff":
            project.edit(block)
            continue
        for each in typed(block):
            commands += 1
            output = without_blank_ends(project.type(each.command))
            assert pattern(each.shown).fullmatch(output), f"$ {each.command}\n{output}"
    assert commands >= 7
    assert project.loop.registered() == [1, 2]
