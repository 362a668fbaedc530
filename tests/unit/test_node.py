"""The Node and the CDK CLI that come with the environment."""

import subprocess
import sys
from pathlib import Path

import pytest

from ratchet import node


def test_the_cdk_command_of_the_environment_is_the_pinned_one() -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("cdk"), "--version"], capture_output=True, text=True
    )
    pinned = (node.PROJECT / "package.json").read_text()
    assert said.stdout.split()[0] in pinned


def test_without_the_cdk_command_line_the_way_to_install_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node, "PROJECT", tmp_path)
    with pytest.raises(node.NodeMissingError, match="Run: make install"):
        node.cdk_command()


def test_an_unknown_program_is_refused_with_what_there_is() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "ratchet.node", "yarn"], capture_output=True, text=True
    )
    assert said.returncode == 1
    assert said.stderr.strip() == "python -m ratchet.node: expected one of npm, cdk, got 'yarn'"
