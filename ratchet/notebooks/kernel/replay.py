"""Runs the cells of a step once more: on other values, in an empty folder, with other seeds."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import time
import types
from typing import Any, Callable, Iterator, Mapping, Sequence

from .digest import random_state, seed

DAYS_LATER = 400 * 86400
"""A replay believes that it is that many seconds later, by the clock that `time.time` reads."""


class ReplayError(Exception):
    """The cells fail; the text says how."""


class Replay:
    """One run. Afterwards `made` holds the outputs, by name.

    Args:
        scope: the notebook's names. They are copied, and functions of the notebook see the copy.
        values: names that get another value.
        outputs: names that are wanted; each starts without a value unless it is in `values`.
        files: a folder with the files that the cells read, at the paths that the code names.
    """

    def __init__(
        self,
        scope: Mapping[str, Any],
        values: dict[str, Any],
        outputs: Sequence[str],
        files: str,
        reads: Sequence[str],
    ) -> None:
        self.values, self.outputs, self.files, self.reads = values, outputs, files, reads
        self.scope = _copied(scope, {**dict.fromkeys(outputs, _NOTHING), **values})
        self.made: dict[str, Any] = {}
        self.paths: list[str] = []
        self.draws = False

    def run(self, source: str, number: int) -> None:
        """Executes the cells.

        Raises:
            ReplayError: they fail.
        """
        seed(number)
        before = random_state()
        # Deep enough for paths that begin with ../..
        self.folder = tempfile.mkdtemp()
        self.place = os.path.join(self.folder, "a", "b", "c", "d")
        os.makedirs(self.place)
        self._bring_files()
        try:
            with _inside(self.place), _clock(number), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(source, "<step>", "exec"), self.scope)  # noqa: S102
        except BaseException as error:
            self.remove()
            raise ReplayError(f"{type(error).__name__}: {str(error)[:200]}") from None
        self.draws = random_state() != before
        self.made = {name: self.scope[name] for name in self.outputs if name in self.scope}
        for folder, _, names in os.walk(self.folder):
            self.paths += [os.path.join(folder, name) for name in names]

    def path(self, text: str) -> str:
        return os.path.normpath(os.path.join(self.place, text))

    def wrote(self, text: str) -> bool:
        return os.path.isfile(self.path(text))

    def keep_files(self, texts: Sequence[str], folder: str) -> None:
        """Copies the files that the cells wrote to `folder`, at the paths that the code names."""
        for text in texts:
            if self.wrote(text):
                target = os.path.join(folder, text)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(self.path(text), target)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _bring_files(self) -> None:
        for text in self.reads:
            source = os.path.join(self.files, text)
            if os.path.isfile(source):
                os.makedirs(os.path.dirname(self.path(text)), exist_ok=True)
                shutil.copyfile(source, self.path(text))


_NOTHING = object()


def _copied(scope: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The names with other values. A function looks its globals up in the copy."""
    copy = dict(scope)
    for name, value in values.items():
        if value is _NOTHING:
            copy.pop(name, None)
        else:
            copy[name] = value
    for name, value in list(copy.items()):
        if isinstance(value, types.FunctionType) and value.__globals__ is scope:
            function = types.FunctionType(
                value.__code__, copy, value.__name__, value.__defaults__, value.__closure__
            )
            function.__kwdefaults__ = value.__kwdefaults__
            function.__dict__.update(value.__dict__)
            copy[name] = function
    return copy


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    home = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(home)


@contextlib.contextmanager
def _clock(number: int) -> Iterator[None]:
    """`time.time` as of another day in each replay: a result must not depend on it."""
    real: Callable[[], float] = time.time
    time.time = lambda: real() + number * DAYS_LATER
    try:
        yield
    finally:
        time.time = real


def unlisted_files(replay: Replay, reads: Sequence[str], writes: Sequence[str]) -> list[str]:
    """Names of files that appeared without standing in the code."""
    listed = {replay.path(text) for text in [*reads, *writes]}
    return sorted({os.path.basename(path) for path in replay.paths if path not in listed})
