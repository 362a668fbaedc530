"""Moves data between storage and a step's folders, as SageMaker does before and after a job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ratchet.runner.errors import StepFailed
from ratchet.runner.manifests import read_manifest
from ratchet.runner.storage import Storage

T = TypeVar("T")
_THREADS = 16
_ALONE = 3  # so few transfers are not worth a pool


def stage_prefix(storage: Storage, uri: str, folder: Path) -> None:
    """Copy every object whose key starts with the URI's key into a folder.

    Below a "folder" the relative path is kept; an object named in full goes in under its file name.
    """
    listed = storage.list(uri)
    if not listed:
        raise StepFailed(
            f"ClientError: No S3 objects found under S3 URL {uri!r} given in input data source. "
            "Please ensure that the bucket exists, and that objects exist under that S3 prefix"
        )
    _download(storage, ((item.uri, relative_path(uri, item.uri)) for item in listed), folder)


def stage_manifest(storage: Storage, uri: str, folder: Path) -> None:
    """Copy every object that a manifest names into a folder, by its path below the prefix."""
    try:
        entries = read_manifest(storage, uri)
        _download(storage, ((entry.uri, entry.relative) for entry in entries), folder)
    except FileNotFoundError as error:
        raise StepFailed(f"ClientError: {error} (manifest {uri})") from None
    except ValueError as error:
        raise StepFailed(f"ClientError: {error}") from None


def relative_path(prefix: str, uri: str) -> str:
    """Where an object that matches a prefix goes below the input's folder."""
    if uri == prefix:
        return uri.rpartition("/")[2]
    if prefix.endswith("/") or uri.startswith(f"{prefix}/"):
        return uri[len(prefix) :].lstrip("/")
    return uri[len(prefix.rpartition("/")[0]) + 1 :]


def upload_folder(storage: Storage, folder: Path, uri: str) -> None:
    """Copy every file below a folder to keys below a URI."""
    base = uri.rstrip("/")
    files = [Path(parent) / name for parent, _, names in os.walk(folder) for name in sorted(names)]
    _each(lambda file: storage.upload(file, f"{base}/{file.relative_to(folder).as_posix()}"), files)


def _download(storage: Storage, items: Iterable[tuple[str, str]], folder: Path) -> None:
    wanted = []
    for uri, relative in items:
        parts = relative.split("/")
        if ".." in parts or relative.startswith("/"):
            raise StepFailed(f"ClientError: the key of {uri} leads out of the input's folder")
        if not relative or relative.endswith("/"):  # a marker for a folder
            (folder / relative).mkdir(parents=True, exist_ok=True)
        else:
            wanted.append((uri, folder / relative))
    _each(lambda pair: storage.download(*pair), wanted)


def _each(action: Callable[[T], None], items: list[T]) -> None:
    if len(items) <= _ALONE:
        for item in items:
            action(item)
        return
    with ThreadPoolExecutor(min(_THREADS, len(items))) as pool:
        for _ in pool.map(action, items):
            pass
