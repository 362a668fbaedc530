"""A window of 100,000 objects, measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "trigger_snapshot.py"
SMALLEST_FUNCTION_MIB = 512


def measured(objects: int) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARK), "--objects", str(objects), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    results: dict[str, Any] = json.loads(ran.stdout)
    return results


def test_a_window_of_100_000_objects_fits_into_a_small_function() -> None:
    whole = measured(100_000)
    assert whole["requests"] == {"listing": 100, "all new": 100_000, "one new": 1}
    assert whole["peak MiB"] < SMALLEST_FUNCTION_MIB * 0.75
