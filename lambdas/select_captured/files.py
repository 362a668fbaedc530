"""The artifact bucket: captured files and labels by the hour, records, manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import stored
from ratchet.loop import folders, names
from select_captured import window

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True, kw_only=True)
class File:
    key: str
    hour: datetime
    landed: datetime


@dataclass(frozen=True, kw_only=True)
class Files:
    s3: S3Client
    bucket: str
    endpoint: str

    def captured(self, start: datetime, end: datetime) -> list[File]:
        """Files that may hold records from the window: those of each hour that it touches."""
        return [file for file in self._captured_from(start) if file.hour < end]

    def first_captured(self, since: datetime) -> datetime | None:
        """The first hour with a captured file, from this one on."""
        first = next(iter(self._captured_from(since)), None)
        return first.hour if first else None

    def labels(self, since: datetime) -> list[File]:
        return list(self._by_hour(folders.GROUND_TRUTH, since))

    def record(self, kind: str) -> Mapping[str, Any]:
        """The newest record of `publish_monitoring`; empty if there is none."""
        key = folders.published(self.endpoint, kind)
        content = stored.read(self.s3, bucket=self.bucket, key=key)
        entries: Mapping[str, Any] = json.loads(content.body) if content else {}
        return entries

    def write_manifest(self, files: Sequence[File]) -> str:
        """URI of a manifest (SageMaker's ManifestFile format) of these files, named by its content;
        "none" for no files, since a manifest of nothing is not valid."""
        if not files:
            return names.NONE
        entries = [{"prefix": f"s3://{self.bucket}/"}, *sorted(file.key for file in files)]
        text = json.dumps(entries, indent=0).encode("ascii") + b"\n"
        key = folders.manifest(hashlib.sha256(text).hexdigest())
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text)
        return f"s3://{self.bucket}/{key}"

    def _captured_from(self, start: datetime) -> Iterator[File]:
        yield from self._by_hour(folders.captured(self.endpoint), start)

    def _by_hour(self, prefix: str, since: datetime) -> Iterator[File]:
        """The files by hour, oldest first. Earlier hours are not even listed."""
        paginator: Any = self.s3.get_paginator("list_objects_v2")
        pages = paginator.paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=f"{prefix}{window.folder_of(since)}"
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                hour = window.hour_in(entry["Key"], prefix=prefix)
                if hour and entry["Size"] > 0:
                    yield File(key=entry["Key"], hour=hour, landed=entry["LastModified"])
