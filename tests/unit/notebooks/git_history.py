"""A git repository that a test writes, a commit at a time, with dates of its own."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ratchet.notebooks.history import CodeAge
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.status import NotebookStatus, StepStatus, notebook_status

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
"""The time from which the tests count days back."""


@dataclass(frozen=True)
class GitHistory:
    """A repository in a folder; `now` is the time from which days count back."""

    root: Path
    now: datetime = NOW

    @classmethod
    def start(cls, root: Path, *, now: datetime = NOW) -> GitHistory:
        history = cls(root, now)
        root.mkdir(parents=True, exist_ok=True)
        history.git("init", "-q", "-b", "main")
        return history

    def git(self, *arguments: str, days_ago: int = 0) -> str:
        """Runs git as nobody in particular, with both dates so many days ago."""
        date = (self.now - timedelta(days=days_ago)).isoformat()
        environment = {name: text for name, text in os.environ.items() if name[:4] != "GIT_"} | {
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        return subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.root,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, days_ago: int) -> None:
        """Commits all that is in the work tree."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"{days_ago} days ago", days_ago=days_ago)

    def save(self, days_ago: int, path: str, text: str) -> None:
        """Writes one file and commits."""
        self.write(path, text)
        self.commit(days_ago)

    def status(
        self, path: str = "a.ipynb", *, remembered: Remembered | None = None
    ) -> NotebookStatus:
        return notebook_status(
            self.root / path,
            root=self.root,
            now=self.now,
            promote_after_days=30,
            remembered=remembered or Remembered(None),
        )

    def step(self, path: str = "a.ipynb", name: str = "x") -> StepStatus:
        return next(step for step in self.status(path).steps if step.name == name)

    def age(self, path: str = "a.ipynb", name: str = "x") -> CodeAge:
        """The age of a step by git."""
        age = self.step(path, name).age
        assert age is not None
        return age

    def days(self, path: str = "a.ipynb", name: str = "x") -> int | None:
        """For how many days the step has been the same; 0 for one that is moving."""
        return self.step(path, name).judgement.days
