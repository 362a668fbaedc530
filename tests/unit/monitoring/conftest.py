from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset
from ratchet.monitoring.profiles import Profile, profile


@pytest.fixture(scope="session")
def real() -> Callable[[str], Any]:
    """Output of Model Monitor itself; the folder's README names the sources."""
    folder = Path(__file__).parent / "model_monitor_output"
    return lambda name: json.loads((folder / name).read_text())


@pytest.fixture
def profiled() -> Callable[..., Profile]:
    def of(columns: dict[str, Any] | pa.Table, **options: Any) -> Profile:
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        return profile(TableDataset(table), **options)

    return of


@pytest.fixture
def baseline_of() -> Callable[[Profile], Baseline]:
    """The baseline as a monitoring run has it: out of two JSON files."""

    def of(current: Profile) -> Baseline:
        documents = json.dumps([current.statistics(), suggest(current)], allow_nan=False)
        statistics, constraints = json.loads(documents)
        return Baseline(statistics, constraints)

    return of
