"""What git's history of the flights' notebook says of its steps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.projects import ROOT
from tests.unit.notebooks.git_history import GitHistory

EXPLORE = "notebooks/flights/explore.ipynb"
OLDER = "notebooks/flights/delays.ipynb"
TEXT = (ROOT / EXPLORE).read_text()
CALM = "calm = rows[late_share <= 0.3]"
LOAD = '3, labels=[\\"quiet\\", \\"busy\\", \\"full\\"]'


def edited(text: str, before: str, after: str) -> str:
    assert text.count(before) == 1, before
    return text.replace(before, after)


def write_history(history: GitHistory) -> None:
    """A past of the notebook: calm days are as they are since 60 days, busy hours since 10."""
    two_loads = edited(TEXT, LOAD, '2, labels=[\\"quiet\\", \\"busy\\"]')
    history.save(400, OLDER, edited(two_loads, CALM, "calm = rows[late_share <= 0.5]"))
    history.save(60, OLDER, two_loads)
    history.save(40, OLDER, edited(two_loads, CALM, f"{CALM}  # by trial"))
    history.git("mv", OLDER, EXPLORE)
    history.commit(20)
    history.save(10, EXPLORE, TEXT)


@pytest.fixture
def history(tmp_path: Path) -> GitHistory:
    history = GitHistory.start(tmp_path / "project")
    write_history(history)
    return history


def verdicts(history: GitHistory) -> dict[str, tuple[str, int | None]]:
    steps = history.status(EXPLORE).steps
    return {step.name: (str(step.judgement.verdict), step.judgement.days) for step in steps}


def test_a_comment_and_a_rename_leave_a_step_its_age_and_an_edit_does_not(
    history: GitHistory,
) -> None:
    assert verdicts(history) == {
        "prepare": ("promoted", None),
        "calm_days": ("promote", 60),
        "busy_hours": ("wait", 10),
    }


def test_an_edit_that_is_not_committed_moves_its_own_step_only(history: GitHistory) -> None:
    history.write(EXPLORE, edited(TEXT, LOAD, '2, labels=[\\"quiet\\", \\"busy\\"]'))
    after = verdicts(history)
    assert after["calm_days"] == ("promote", 60)
    assert after["busy_hours"][0] == "moving"


def test_the_step_that_reads_what_is_edited_keeps_its_age(history: GitHistory) -> None:
    history.write(EXPLORE, edited(TEXT, CALM, "calm = rows[late_share <= 0.2]"))
    after = verdicts(history)
    assert after["calm_days"][0] == "moving"
    assert after["busy_hours"] == ("wait", 10)


def test_a_shallow_clone_cannot_tell_how_old_a_step_is(history: GitHistory, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    source = f"file://{history.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, clone], check=True)
    assert verdicts(GitHistory(clone))["calm_days"][0] == "unknown"
