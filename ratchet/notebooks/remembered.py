"""Answers about old versions of notebooks, kept in a file: an old version does not change."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

_MOST = 50_000


class Remembered:
    """Answers by a key that names all that they depend on.

    Losing the file costs time and nothing else, so whatever is wrong with it is passed over.
    """

    def __init__(self, file: Path | None) -> None:
        """Args: `file` that holds the answers; None keeps them in memory alone."""
        self._file = file
        self._answers: dict[str, str] = {}
        self._new = False
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                entries = json.loads(file.read_text())
                if isinstance(entries, dict):
                    self._answers = {key: str(answer) for key, answer in entries.items()}

    def get(self, key: str) -> str | None:
        return self._answers.get(key)

    def put(self, key: str, answer: str) -> None:
        self._answers[key] = answer
        self._new = True

    def save(self) -> None:
        """Writes the answers, in one piece; the newest stay when there are too many."""
        if self._file is None or not self._new:
            return
        newest = dict([*self._answers.items()][-_MOST:])
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(newest, stream)
            Path(name).replace(self._file)
