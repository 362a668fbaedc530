"""The real app, deployed once with the real CDK CLI to a local cloud, for the tests of this folder.

The tests of a file share one cloud, so they run in one worker (`--dist loadfile`) and in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.local_cloud import control
from tests.loop.deployed_loop import Loop, copy_source, deploy, write_drop


@pytest.fixture(scope="session")
def drops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the drops of January to April."""
    folder = tmp_path_factory.mktemp("drops")
    for month in range(1, 5):
        write_drop(month, folder)
    return folder


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("loop") / "cloud"
    unfit = []
    try:
        deployed = deploy(folder)
        assert deployed.target.ask("status")["enforced"], "the roles are not held to their policies"
        yield deployed
        unfit = deployed.unfit_answers()
    finally:
        control.down(folder)
    assert unfit == []


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the team's scripts to edit."""
    return copy_source(tmp_path)
