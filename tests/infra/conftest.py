"""One synthesis of the whole app, in process, for all tests of a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.assembly import Assembly, read_assembly, synthesize
from tests.shared_folders import shared_folder


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the CDK."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.synth)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return read_assembly(shared_folder(tmp_path_factory, "assembly", synthesize))
