"""One synthesis of the whole app, in process, for all tests of a session."""

from __future__ import annotations

import pytest

from tests.infra.assembly import Assembly, read_assembly, synthesize
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return read_assembly(shared_folder(tmp_path_factory, "assembly", synthesize))
