"""Since when the code of a step has been as it is, from git.

A commit has a step if its notebook holds the step's statements in this order, marked or not, in
whatever cells and with whatever between them, and the same definitions for them. So the history of
a step reaches back before its mark, and over moves, splits, renames, copies and conversions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath

from ratchet.notebooks import syntax, versions
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.git import GitError, NoRepository, Repository, repository_of
from ratchet.notebooks.past_code import READER, Code, ContentMissingError, PastCode
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.versions import NotebookVersion, Stretch


@dataclass(frozen=True)
class CodeAge:
    """Since when some code has been in the newest commit without a break.

    Attributes:
        since: the date of the oldest commit of the unbroken line; None when the newest commit does
            not have the code.
        commits: how many commits that touched the notebook have the code, from the newest on.
        of_commits: how many commits touched it, as far as the code was looked for.
        at_least: why the code may be older than `since`, or "".
        came_from: other paths of the notebook in that time.
    """

    since: datetime | None
    commits: int = 0
    of_commits: int = 0
    at_least: str = ""
    came_from: tuple[str, ...] = ()

    def days(self, now: datetime) -> int:
        """The whole days since then; 0 for code that is not committed."""
        return max(0, (now - self.since).days) if self.since else 0


@dataclass
class _Line:
    """The unbroken line of versions with the code, from the newest back."""

    same: list[NotebookVersion] = field(default_factory=list)
    of_commits: int = 0
    broken: bool = False
    contents_missing: bool = False


class StepHistory:
    """The history of one notebook."""

    def __init__(self, repository: Repository, path: str, remembered: Remembered) -> None:
        """Args: `path` of the notebook in the repository; `remembered` from earlier times."""
        self._repository = repository
        self._path = path
        self._remembered = remembered
        self._past = PastCode(repository, remembered)
        self._shallow = versions.shallow_commits(repository)
        self._stretches: dict[tuple[str, str, tuple[str, ...]], Stretch] = {}

    @cached_property
    def committed(self) -> bool:
        """Whether the newest commit has the notebook at its path."""
        return self._past.lists("HEAD", self._path)

    def age(self, code: Code) -> CodeAge:
        """Since when the newest commit has had the code.

        Raises:
            NotebookError: git cannot read the history.
        """
        line = _Line()
        try:
            self._follow(code, line)
        except ContentMissingError:
            line.contents_missing = True
        except GitError as problem:
            raise NotebookError(f"git cannot read the history of {self._path}: {problem}") from None
        return CodeAge(
            since=line.same[-1].when if line.same else None,
            commits=len(line.same),
            of_commits=line.of_commits,
            at_least=self._end_of_clone(line),
            came_from=tuple(dict.fromkeys(v.path for v in line.same if v.path != self._path)),
        )

    def _end_of_clone(self, line: _Line) -> str:
        if line.contents_missing:
            return "this clone lacks the contents of older commits"
        if line.same and not line.broken and line.same[-1].commit in self._shallow:
            return "this clone is shallow; to fetch all: git fetch --unshallow"
        return ""

    def _follow(self, code: Code, line: _Line) -> None:
        for part in self._stretches_back(code):
            line.of_commits += len(part.versions)
            self._past.prepare((version.commit, version.path) for version in part.versions)
            for version in part.versions:
                if not self._past.has(code, version.commit, version.path):
                    line.broken = True
                    return
                line.same.append(version)

    def _stretches_back(self, code: Code) -> Iterator[Stretch]:
        """The stretches of the notebook's history, from the newest, over its changes of name."""
        start: str | None = "HEAD"
        path: str | None = self._path
        if not self.committed:  # renamed since the last commit?
            there = versions.paths_with(self._repository, "HEAD", code.line)
            path = self._first_with(code, "HEAD", there)
        while start is not None and path is not None:
            part = self._stretch(start, path, code)
            yield part
            if not part.begins:
                return
            first = part.versions[-1]
            start = versions.parent_of(self._repository, first.commit)
            if start is not None:
                path = self._path_before(code, first, start)

    def _path_before(self, code: Code, first: NotebookVersion, parent: str) -> str | None:
        """The path that the notebook had in the commit before the one that added it here."""
        key = syntax.digest(["path before", parent, first.path, code.digest, READER])
        path = self._remembered.get(key)
        if path is None:
            before = versions.paths_before(self._repository, first, parent, code.line)
            path = self._first_with(code, parent, before)
            if path is not None:
                self._remembered.put(key, path)
        return path

    def _first_with(self, code: Code, commit: str, paths: Iterable[str]) -> str | None:
        return next((path for path in paths if self._past.has(code, commit, path)), None)

    def _stretch(self, start: str, path: str, code: Code) -> Stretch:
        folder = PurePosixPath(path).parent
        beside = tuple(str(folder / module) for module in code.modules)
        key = (start, path, beside)
        if key not in self._stretches:
            self._stretches[key] = versions.stretch(self._repository, start, path, beside)
        return self._stretches[key]


def history_of(notebook: Path, remembered: Remembered) -> StepHistory | NoRepository:
    """The history of a notebook.

    Args:
        notebook: its path, with links resolved.
        remembered: answers about old versions, from earlier times.

    Raises:
        NotebookError: git cannot read the history.
    """
    repository = repository_of(notebook.parent)
    if isinstance(repository, NoRepository):
        return repository
    try:
        history = StepHistory(repository, repository.path_of(notebook), remembered)
        if not history.committed and repository.ignores(notebook):
            return NoRepository("git ignores it")
    except GitError as problem:
        raise NotebookError(f"git cannot read the history of {notebook}: {problem}") from None
    return history
