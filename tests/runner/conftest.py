"""Fixtures of the runner's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.workbench import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)
