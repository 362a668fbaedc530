"""The default experiment of a run by hand: the branch that is checked out.

A synthesis never looks at git: the definition's default is the settings' `experiment`. What a
person tries out on a branch is told apart from it, so that its cost is.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_SHARED = frozenset({"HEAD", "main", "master", "trunk", "develop"})
_LONGEST = 120  # botocore's model of SageMaker, ExperimentEntityName


def of_checkout(folder: Path) -> str | None:
    """The branch as the name of an experiment; None on a shared branch, or outside of a
    checkout."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "symbolic-ref", "--short", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None  # no git here
    return named(answer.stdout.strip())


def named(branch: str) -> str | None:
    """`feature/deeper_trees` → `feature-deeper-trees`."""
    if branch in _SHARED:
        return None
    words = re.findall(r"[a-zA-Z0-9]+", branch)
    return "-".join(words)[:_LONGEST].rstrip("-") or None
