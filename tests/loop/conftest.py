"""The real app, deployed once a session with the real CDK CLI to a local cloud.

Each file of this folder gets a copy of that cloud. The tests of a file share the copy, so they run
in one worker (`--dist loadfile`) and in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.local_cloud import control
from ratchet.project import load
from tests.infra.assembly import synthesize
from tests.loop.copied_cloud import copy_cloud
from tests.loop.deployed_loop import Loop, deploy, write_drop
from tests.projects import copy_of_project
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session")
def drops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the drops of January to April."""

    def write(folder: Path) -> None:
        for month in range(1, 5):
            write_drop(month, folder)

    return shared_folder(tmp_path_factory, "drops", write)


@pytest.fixture(scope="session")
def assembly_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthesized app, to copy."""
    return shared_folder(tmp_path_factory, "assembly", synthesize)


@pytest.fixture(scope="session")
def deployed_cloud(assembly_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a local cloud with the dev environment. It is down: only copies are started."""

    def deploy_once(folder: Path) -> None:
        try:
            loop = deploy(folder / "cloud", assembly=assembly_folder)
            assert loop.target.ask("status")["enforced"], "the roles are not held to their policies"
            assert loop.unfit_answers() == []
        finally:
            control.down(folder / "cloud")

    return shared_folder(tmp_path_factory, "deployed", deploy_once) / "cloud"


@pytest.fixture(scope="module")
def loop(deployed_cloud: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("loop") / "cloud"
    copy_cloud(deployed_cloud, folder)
    unfit = []
    try:
        copy = Loop(folder, load("dev"))
        copy.list_prices()
        yield copy
        unfit = copy.unfit_answers()
    finally:
        control.down(folder)
    assert unfit == []


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the project, to edit its scripts."""
    return copy_of_project(tmp_path)
