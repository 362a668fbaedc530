"""What each stack deploys, as files to read in review: prod whole, the other environments as their
differences from it.

    RATCHET_UPDATE_SNAPSHOTS=1 pytest tests/infra/test_stack_snapshots.py

writes them anew; the behaviour that matters is asserted in the other files of this folder.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly
from tests.infra.differences import COMPARED_WITH, differences
from tests.infra.readable import plain, readable

SNAPSHOTS = Path(__file__).parent / "snapshots"
OTHERS = [environment for environment in ENVIRONMENTS if environment != COMPARED_WITH]


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_of_prod_deploys_what_its_snapshot_shows(assembly: Assembly, stack: str) -> None:
    hold(f"prod-{stack.lower()}.json", readable(assembly.templates[f"prod/{stack}"]))


@pytest.mark.parametrize("environment", OTHERS)
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_differs_from_that_of_prod_as_its_snapshot_shows(
    assembly: Assembly, environment: str, stack: str
) -> None:
    here, prod = (plain(assembly.templates[f"{name}/{stack}"]) for name in (environment, "prod"))
    hold(f"{environment}-{stack.lower()}.txt", differences(environment, here, prod))


def hold(name: str, now: str) -> None:
    """Compare with a snapshot; with RATCHET_UPDATE_SNAPSHOTS, write it first."""
    file = SNAPSHOTS / name
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8")
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "snapshot", "now", lineterm="")
    )
    assert now == before, f"RATCHET_UPDATE_SNAPSHOTS=1 accepts this change:\n{difference}"
