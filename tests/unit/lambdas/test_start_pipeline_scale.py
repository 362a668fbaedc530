"""A window of 100,000 objects, measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "trigger_snapshot.py"
WHOLE = 100_000
FITS_MIB = 512 * 0.75
"""Of the smallest function that is deployed, with room to spare."""


def measured(objects: int) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARK), "--objects", str(objects), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    results: dict[str, Any] = json.loads(ran.stdout)
    pages = -(-objects // 1000)
    assert results["requests"] == {"listing": pages, "all new": objects, "one new": 1}
    return results


def test_a_window_of_100_000_objects_fits_into_a_small_function() -> None:
    """Reckoned from two small windows: memory is a constant and so much an object."""
    small, large = 5_000, 15_000
    base, peak = measured(small)["peak MiB"], measured(large)["peak MiB"]
    assert peak + (peak - base) / (large - small) * (WHOLE - large) < FITS_MIB


@pytest.mark.storm
def test_a_whole_window_of_100_000_objects_fits_into_a_small_function() -> None:
    assert measured(WHOLE)["peak MiB"] < FITS_MIB
