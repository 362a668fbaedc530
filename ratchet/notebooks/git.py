"""Questions to git, which never write to the repository.

Whoever asks may have set anything in the environment (a hook sets `GIT_DIR`) or in their
configuration. Both are overruled where they would change an answer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_OVERRULED = (
    ("core.quotepath", "off"),
    ("core.fsmonitor", "false"),
    ("color.ui", "false"),
    ("diff.renames", "false"),
    ("log.showSignature", "false"),
    ("log.showRoot", "true"),
    ("log.follow", "false"),
    ("grep.lineNumber", "false"),
    ("grep.fullName", "true"),
)
_SECONDS = 300


class GitError(Exception):
    """git refused a question; the message is its own."""


@dataclass(frozen=True)
class Repository:
    """A repository with at least one commit.

    Attributes:
        root: the folder of its work tree.
    """

    root: Path

    def ask(self, *arguments: str, text: str | None = None) -> str:
        """What git prints.

        Args:
            arguments: a command of git with its arguments.
            text: its standard input.

        Raises:
            GitError: the command failed.
        """
        return _ask(self.root, *arguments, text=text)

    def read(self, commit: str, path: str) -> str | None:
        """A file as a commit has it; None when it is not there, or not text."""
        try:
            return self.ask("cat-file", "blob", f"{commit}:{path}")
        except GitError:
            return None

    def path_of(self, file: Path) -> str:
        """The path of a file in the repository."""
        return file.resolve().relative_to(self.root.resolve()).as_posix()

    def ignores(self, file: Path) -> bool:
        """Whether a `.gitignore` keeps a file out of the repository."""
        try:
            return bool(self.ask("check-ignore", "--", self.path_of(file)))
        except GitError:  # it is not ignored
            return False


@dataclass(frozen=True)
class NoRepository:
    """Why git knows nothing of a folder, in words."""

    reason: str


def repository_of(folder: Path) -> Repository | NoRepository:
    """The repository that a folder lies in."""
    if shutil.which("git") is None:
        return NoRepository("git is not installed")
    try:
        root = Path(_ask(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    except GitError as problem:
        if "not a git repository" in str(problem):
            return NoRepository("it lies in no git repository")
        return NoRepository(f"git refuses to read the repository: {problem}")
    try:
        _ask(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError:
        return NoRepository("the git repository has no commit yet")
    return Repository(root)


def literal(path: str) -> str:
    """A path for git's commands that take patterns, without a pattern in it."""
    return f":(top,literal){path}"


def _ask(folder: Path, *arguments: str, text: str | None = None) -> str:
    options = [part for key, value in _OVERRULED for part in ("-c", f"{key}={value}")]
    try:
        answer = subprocess.run(
            ["git", "--no-pager", *options, *arguments],
            cwd=folder,
            env=_environment(),
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise GitError(str(problem)) from None
    if answer.returncode:
        raise GitError(
            answer.stderr.strip() or f"git {arguments[0]} ended with {answer.returncode}"
        )
    return answer.stdout


def _environment() -> dict[str, str]:
    """The environment without what names another repository; git locks, asks, fetches nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",  # a partial clone fetches nothing
        "LC_ALL": "C.UTF-8",
    }
