"""Moves data between storage and a step's folders, as SageMaker does before and after a job."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from ratchet.runner.errors import StepFailed
from ratchet.runner.manifests import read_manifest
from ratchet.runner.storage import Storage, split_uri

T = TypeVar("T")
Shard = tuple[int, int]
"""Which of how many parts: (0, 1) is everything."""


def stage_prefix(storage: Storage, uri: str, folder: Path, *, shard: Shard = (0, 1)) -> None:
    """Copy every object whose key starts with the URI's key into a folder.

    Below a "folder" the relative path is kept; an object named in full goes in under its file name.
    """
    listed = storage.list(uri)
    if not listed:
        raise StepFailed(
            f"ClientError: No S3 objects found under S3 URL {uri!r} given in input data source. "
            "Please ensure that the bucket exists, and that objects exist under that S3 prefix"
        )
    part = _part(listed, shard)
    _download(storage, ((item.uri, relative_path(uri, item.uri)) for item in part), folder)


def stage_manifest(storage: Storage, uri: str, folder: Path, *, shard: Shard = (0, 1)) -> None:
    """Copy every object that a manifest names into a folder, by its path below the prefix."""
    try:
        entries = _part(read_manifest(storage, uri), shard)
        _download(storage, ((entry.uri, entry.relative) for entry in entries), folder)
    except FileNotFoundError as error:
        raise StepFailed(f"ClientError: {error} (manifest {uri})") from None
    except ValueError as error:
        raise StepFailed(f"ClientError: {error}") from None


def stage_augmented_manifest(
    storage: Storage, uri: str, folder: Path, *, names: Sequence[str], shard: Shard = (0, 1)
) -> None:
    """Copy the objects that an augmented manifest's lines refer to (`…-ref` attributes) into a
    folder by the names of their keys, and the lines, with `names` only, into `<folder>-manifest`.

    Developer guide, "Provide Dataset Metadata to Training Jobs with an Augmented Manifest File".
    """
    try:
        lines = [json.loads(line) for line in storage.read_bytes(uri).splitlines() if line.strip()]
    except (ValueError, FileNotFoundError) as error:
        raise StepFailed(f"ClientError: augmented manifest {uri}: {error}") from None
    part = _part(lines, shard)
    for number, line in enumerate(part, start=1):
        if missing := [name for name in names if name not in line]:
            raise StepFailed(f"ClientError: line {number} of {uri} has no attribute {missing[0]!r}")
    kept = [{name: line[name] for name in names or line} for line in part]
    refs = {line[name] for line in kept for name in line if name.endswith("-ref")}
    try:
        _download(storage, ((ref, split_uri(ref)[1]) for ref in sorted(refs)), folder)
    except FileNotFoundError as error:
        raise StepFailed(f"ClientError: {error} (augmented manifest {uri})") from None
    text = "".join(json.dumps(line) + "\n" for line in kept)
    folder.with_name(f"{folder.name}-manifest").write_text(text)


def decompress(folder: Path) -> None:
    """Put every gzipped file's content in its place, as a channel with CompressionType Gzip has
    it."""
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        plain = file.with_name(f"{file.name}.plain")
        try:
            with gzip.open(file) as packed, plain.open("wb") as target:
                shutil.copyfileobj(packed, target)
        except gzip.BadGzipFile:
            raise StepFailed(f"ClientError: {file.name} of a Gzip channel is not gzipped") from None
        plain.replace(file)


def _part(items: Sequence[T], shard: Shard) -> Sequence[T]:
    """Every n-th of the items, beginning with the part's own number."""
    number, parts = shard
    return items[number::parts]


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
    storage.upload_all([(file, f"{base}/{file.relative_to(folder).as_posix()}") for file in files])


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
    storage.download_all(wanted)
