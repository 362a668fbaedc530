"""The versions of a file in git, along the first parents, and where the file came from.

Along the first parents a branch counts from the day when it was merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ratchet.notebooks.git import GitError, Repository, literal

_NOTEBOOKS = ("*.ipynb", "*.py")
_SIMILAR = "-M40%"  # outputs are most of a notebook, and they change
_EQUAL = "-M100%"


@dataclass(frozen=True)
class NotebookVersion:
    """A commit that touched a file, or one that it imports.

    Attributes:
        when: the committer's date. It moves forward when history is rewritten, never back.
        path: of the file in this commit.
    """

    commit: str
    when: datetime
    path: str


@dataclass(frozen=True)
class Stretch:
    """The versions of a file under one path, the newest first.

    Attributes:
        begins: whether the last version added the file.
    """

    versions: tuple[NotebookVersion, ...]
    begins: bool


def stretch(repository: Repository, start: str, path: str, beside: Sequence[str] = ()) -> Stretch:
    """The versions of a file from a commit back to where it was added under this path.

    Args:
        start: the newest commit that counts.
        path: of the file in the repository.
        beside: paths of files whose commits count too.

    Raises:
        GitError: git cannot read the history.
    """
    answer = repository.ask(
        *("log", start, "--first-parent", "--diff-merges=first-parent", "--no-renames"),
        *("--name-status", "-z", "--format=%x01%H %cI", "-O/dev/null", "--"),
        *(literal(name) for name in (path, *beside)),
    )
    versions: list[NotebookVersion] = []
    for entry in answer.split("\x01")[1:]:
        head, *fields = entry.split("\0")
        commit, when = head.split()
        changes = _changes(fields)
        if changes.get(path) == "D":
            return Stretch(tuple(versions), begins=False)
        versions.append(NotebookVersion(commit, datetime.fromisoformat(when).astimezone(UTC), path))
        if changes.get(path) == "A":
            return Stretch(tuple(versions), begins=True)
    return Stretch(tuple(versions), begins=False)


def _changes(fields: Sequence[str]) -> dict[str, str]:
    """The letter of each changed path, from `letter NUL path NUL …`."""
    fields = [field.lstrip("\n") for field in fields if field.strip()]
    return {path: letter[0] for letter, path in zip(fields[::2], fields[1::2], strict=False)}


def parent_of(repository: Repository, commit: str) -> str | None:
    """The first parent of a commit; None at the beginning of the history."""
    try:
        return repository.ask("rev-parse", "--verify", "--quiet", f"{commit}^1").strip()
    except GitError:
        return None


def paths_before(
    repository: Repository, first: NotebookVersion, parent: str, line: str
) -> Iterator[str]:
    """The paths in the parent commit from which a file may have come: the one that it was renamed
    from, then those that hold a line of it."""
    renamed = _renamed_from(repository, first, parent)
    if renamed is not None:
        yield renamed
    yield from (path for path in paths_with(repository, parent, line) if path != renamed)


def _renamed_from(repository: Repository, first: NotebookVersion, parent: str) -> str | None:
    for similar in (_SIMILAR, _EQUAL):  # a partial clone lacks the contents to compare
        try:
            answer = repository.ask(
                *("diff-tree", "-r", "-z", similar, "-l5000", "--diff-filter=R", "--name-status"),
                *("-O/dev/null", parent, first.commit, "--", *_NOTEBOOKS),
            )
        except GitError:
            continue
        fields = answer.split("\0")
        renames = zip(fields[1::3], fields[2::3], strict=False)
        return next((old for old, new in renames if new == first.path), None)
    return None


def paths_with(repository: Repository, commit: str, line: str) -> list[str]:
    """The notebooks of a commit that hold a stretch of text; none when it is too short to tell."""
    if len(line) < _TELLING:
        return []
    try:
        answer = repository.ask("grep", "-lzF", "-e", line, commit, "--", *_NOTEBOOKS)
    except GitError:  # also when nothing holds it
        return []
    return [name.split(":", 1)[1] for name in answer.split("\0") if ":" in name][:_MOST_PATHS]


_TELLING = 12
_MOST_PATHS = 20


def shallow_commits(repository: Repository) -> frozenset[str]:
    """The commits at which a shallow clone ends."""
    name = repository.ask("rev-parse", "--git-path", "shallow").strip()
    file = repository.root / name
    return frozenset(file.read_text().split()) if file.is_file() else frozenset()


def ids_of(repository: Repository, names: Sequence[str]) -> list[str | None]:
    """The ids of objects such as `commit:folder`; None for one that is not there."""
    answer = repository.ask("cat-file", "--batch-check=%(objectname)", text="\n".join(names) + "\n")
    lines = answer.splitlines()
    if len(lines) != len(names):
        return [None] * len(names)
    return [None if line.endswith((" missing", " ambiguous")) else line for line in lines]
