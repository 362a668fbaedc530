"""`make demo` shows the whole loop, drift included, and holds itself against its claims."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.local_cloud import control

pytestmark = [pytest.mark.cloud, pytest.mark.synth]


def test_the_demo_holds(tmp_path: Path) -> None:
    ratchet = str(Path(sys.executable).with_name("ratchet"))
    folder = str(tmp_path / "demo")
    said = subprocess.run(
        [ratchet, "demo", "--folder", folder], capture_output=True, text=True, timeout=280
    )
    control.down(Path(folder))
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    assert "All of it held" in said.stdout
    assert said.stdout.count("at list prices, on instances that were not really used") == 2
