"""The checkpoint folder of a training job: what was there before, and what it writes meanwhile.

Developer guide, "Use Checkpoints in Amazon SageMaker": what is below the S3 URI is in the folder
when the job starts, and what the script writes there is copied to S3 while it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ratchet.runner.container import Container
from ratchet.runner.staging import relative_path
from ratchet.runner.step_types.contract import Attempt
from ratchet.runner.storage import Storage

_FOLDER = "/opt/ml/checkpoints"
_SYNC_SECONDS = 1.0


class Checkpoints:
    """A context around the job's programs; each host's folder goes to the same place."""

    @classmethod
    def of(cls, attempt: Attempt, containers: Sequence[Container]) -> AbstractContextManager[Any]:
        """The job's, or nothing where it has no CheckpointConfig."""
        config = attempt.arguments.get("CheckpointConfig")
        if not config:
            return nullcontext()
        inside = config.get("LocalPath", _FOLDER)
        folders = [container.folder(inside) for container in containers]
        return cls(attempt.storage, config["S3Uri"].rstrip("/"), folders)

    def __init__(self, storage: Storage, uri: str, folders: Sequence[Path]) -> None:
        self._storage = storage
        self._uri = uri
        self._folders = folders
        self._sent: dict[Path, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="checkpoints", daemon=True)

    def __enter__(self) -> Checkpoints:
        for item in self._storage.list(f"{self._uri}/"):
            for folder in self._folders:
                target = folder / relative_path(f"{self._uri}/", item.uri)
                self._storage.download(item.uri, target)
                self._sent[target] = _stamp(target)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._send()

    def _keep_up(self) -> None:
        while not self._ended.wait(_SYNC_SECONDS):
            # A file that goes away or a store that falters in the middle: the next turn has it.
            with suppress(OSError):
                self._send()

    def _send(self) -> None:
        for folder in self._folders:
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                stamp = _stamp(file)
                if self._sent.get(file) != stamp:
                    self._storage.upload(file, f"{self._uri}/{file.relative_to(folder).as_posix()}")
                    self._sent[file] = stamp


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns
