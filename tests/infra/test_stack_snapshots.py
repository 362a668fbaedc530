"""What each stack deploys, as files to read in review.

    RATCHET_UPDATE_SNAPSHOTS=1 pytest tests/infra/test_stack_snapshots.py

writes them anew; the behaviour that matters is asserted in the other files of this folder.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from tests.infra.assembly import STACKS, Assembly
from tests.infra.readable import readable

SNAPSHOTS = Path(__file__).parent / "snapshots"


# Between the laxest and the strictest environment; staging differs from them by numbers only.
@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_deploys_what_its_snapshot_shows(
    assembly: Assembly, environment: str, stack: str
) -> None:
    now = readable(assembly.templates[f"{environment}/{stack}"])
    file = SNAPSHOTS / f"{environment}-{stack.lower()}.json"
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8")
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "snapshot", "now", lineterm="")
    )
    assert now == before, f"RATCHET_UPDATE_SNAPSHOTS=1 accepts this change:\n{difference}"
