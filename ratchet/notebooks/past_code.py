"""Whether a commit has some code: in whatever cells of a notebook, marked or not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ratchet.notebooks import cells, modules_beside, syntax, versions
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.git import Repository
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.statements import CodeStatement, places_of, statements_of
from ratchet.notebooks.step_code import ModulesBeside, code_digest
from ratchet.version import version

# What reads a notebook: another reader may answer differently.
READER = f"{version()} {sys.version_info.major}.{sys.version_info.minor}"
_YES, _NO = "yes", "no"


@dataclass(frozen=True)
class Code:
    """Code that is looked for in the history.

    Attributes:
        texts: its statements, as `Statement.text` gives them.
        digest: of the statements with their definitions.
        line: a stretch of it that looks the same in JSON, by which a file is searched for.
        modules: the files beside the notebook that it needs, relative to the notebook's folder.
    """

    texts: tuple[str, ...]
    digest: str
    line: str
    modules: tuple[str, ...] = ()


def code_of(
    every: Sequence[CodeStatement], statements: Sequence[CodeStatement], modules: ModulesBeside
) -> Code:
    """The code of some statements of a notebook."""
    files: dict[str, None] = {}

    def noting(name: str) -> dict[str, str]:
        sources = dict(modules(name))
        files.update(dict.fromkeys(sources))
        return sources

    digest = code_digest(every, statements, noting)
    return Code(tuple(s.text for s in statements), digest, _line_of(statements), tuple(files))


def _line_of(statements: Iterable[CodeStatement]) -> str:
    """The longest stretch of one line of code without what JSON writes otherwise."""
    lines = (
        line
        for statement in statements
        for line in statement.cell.source.splitlines()[
            statement.node.lineno - 1 : statement.node.end_lineno
        ]
    )
    stretches = (part.strip() for line in lines for part in re.split(r"[^ !$-\[\]-~]", line))
    return max(stretches, key=len, default="")


class ContentMissingError(Exception):
    """A clone has a commit, but not the contents of its files."""


class PastCode:
    """The notebooks of a repository, as its commits have them."""

    def __init__(self, repository: Repository, remembered: Remembered) -> None:
        self._repository = repository
        self._remembered = remembered
        self._statements: dict[tuple[str, str], tuple[CodeStatement, ...]] = {}
        self._folder_ids: dict[tuple[str, str], str | None] = {}

    def prepare(self, places: Iterable[tuple[str, str]]) -> None:
        """Asks git at once for what `has` will need for these commits and paths."""
        keys = dict.fromkeys((commit, _folder(path)) for commit, path in places)
        new = [key for key in keys if key not in self._folder_ids]
        if new:
            names = [f"{commit}:{folder}" for commit, folder in new]
            ids = versions.ids_of(self._repository, names)
            self._folder_ids.update(zip(new, ids, strict=True))

    def has(self, code: Code, commit: str, path: str) -> bool:
        """Whether the notebook at a path of a commit has the code.

        Raises:
            ContentMissingError: this clone does not have the file's content.
        """
        self.prepare([(commit, path)])
        # All that the answer depends on: the notebook and what lies beside it.
        folder_id = self._folder_ids[commit, _folder(path)]
        key = syntax.digest([str(folder_id), PurePosixPath(path).name, code.digest, READER])
        remembered = self._remembered.get(key) if folder_id else None
        if remembered is not None:
            return remembered == _YES
        answer = self._compare(code, commit, path)
        if folder_id:
            self._remembered.put(key, _YES if answer else _NO)
        return answer

    def lists(self, commit: str, path: str) -> bool:
        """Whether a commit has a file at this path."""
        return versions.ids_of(self._repository, [f"{commit}:{path}"]) != [None]

    def _compare(self, code: Code, commit: str, path: str) -> bool:
        every = self._statements_in(commit, path)
        modules = modules_beside.in_commit(self._repository, commit, _folder(path))
        places = places_of(every, code.texts)
        return any(code_digest(every, place, modules) == code.digest for place in places)

    def _statements_in(self, commit: str, path: str) -> tuple[CodeStatement, ...]:
        """The statements of a version; none of what was no notebook then."""
        key = (commit, path)
        if key not in self._statements:
            text = self._repository.read(commit, path)
            if text is None:
                raise ContentMissingError
            try:
                self._statements[key] = statements_of(cells.read(path, text))
            except NotebookError:
                self._statements[key] = ()
        return self._statements[key]


def _folder(path: str) -> str:
    parent = str(PurePosixPath(path).parent)
    return "" if parent == "." else parent
