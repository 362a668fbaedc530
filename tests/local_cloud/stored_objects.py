"""MiniStack's S3 in this process, with bodies that are files, on a disk of its own."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.core.responses import request_scope

from ratchet.local_cloud.emulator import (
    multipart_uploads,
    object_digests,
    object_reads,
    objects,
)
from ratchet.local_cloud.emulator.object_reads import FileResponse
from ratchet.local_cloud.emulator.stored_bytes import (
    DiskFile,
    StoredBytes,
    temporary_file,
    write_all,
)
from ratchet.local_cloud.sagemaker.outbox import Outbox
from ratchet.local_cloud.sagemaker.store import Store
from tests.local_cloud.sagemaker_calls import REGION, SCOPE

REPLACED = (
    "_atomic_write",
    "_persist_object",
    "_key_disk_path",
    "hashlib",
    "_fire_s3_event_async",
    "_parse_notification_config_raw",
    *objects._WRITERS,
    *object_digests.WRAPPED,
    *object_reads.WRAPPED,
    *multipart_uploads.WRAPPED,
)


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module ``ministack.services.s3``; it has a bucket named ``data``."""
    module: Any = importlib.import_module("ministack.services.s3")
    monkeypatch.setattr(module, "DATA_DIR", str(folder / "s3"))
    monkeypatch.setattr(module, "S3_PERSIST", True)
    for name in set(REPLACED):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    (folder / "tmp").mkdir()
    store = Store(folder / "events.sqlite3")
    object_digests.install(module)
    object_reads.install(module)
    multipart_uploads.install(module)
    objects.install(module, Outbox(store, lambda scope, event, delivered: None))
    with request_scope(SCOPE.account, REGION):
        module._create_bucket("data", b"", {})
        yield module
        module.reset()
    store.close()


def filed(data: bytes) -> StoredBytes:
    """A body as a large request has it."""
    descriptor, path = temporary_file()
    write_all(descriptor, data)
    os.close(descriptor)
    return StoredBytes(DiskFile(path, temporary=True), 0, len(data))


def content(body: Any) -> bytes:
    """An answer's body."""
    return bytes(body.stored if isinstance(body, FileResponse) else body)


def request(
    s3: Any,
    method: str,
    key: str,
    body: Any = b"",
    *,
    headers: dict[str, str] | None = None,
    **query: str,
) -> tuple[int, dict[str, str], Any]:
    """What MiniStack's S3 answers in the bucket."""
    listed = {name: [value] for name, value in query.items()}
    answer: tuple[int, dict[str, str], Any] = asyncio.run(
        s3.handle_request(method, f"/data/{key}", headers or {}, body, listed, internal=True)
    )
    return answer


def counted(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[int]:
    """How many bytes each call of these functions of ``os`` reads or copies from now on."""
    counts: list[int] = []
    for name in names:
        original = getattr(os, name)

        def counting(*arguments: Any, original: Any = original) -> Any:
            result = original(*arguments)
            counts.append(len(result) if isinstance(result, bytes) else result)
            return result

        monkeypatch.setattr(os, name, counting)
    return counts
