"""The newest landed data on this machine: the content that a run last read, by its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.deployment import objects
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.runs import fetching, snapshots
from ratchet.deployment.runs.outputs import OutputFile
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import folders
from ratchet.notebooks.errors import NotebookError

_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class LandedData:
    """One content of the training window.

    Attributes:
        digest: of the snapshot.
        manifest: the URI that a run would get as `InputManifest`.
        label: which data it is, such as `2013-03`.
        bucket: that the data landed in.
        snapshot_bucket: that the snapshot is in.
    """

    digest: str
    manifest: str
    label: str
    bucket: str
    snapshot_bucket: str


def newest(target: Target) -> LandedData:
    """The content that the training trigger ran last.

    Raises:
        DeploymentError: nothing is deployed, or no landed data has been run yet.
    """
    deployed = facts.read(target)
    try:
        snapshot = snapshots.newest(target, deployed)
    except DeploymentError:
        raise NotebookError(
            "no landed data has been run yet, so there is no data for the notebook. Land some: "
            f"`{target.command('land FILE…')}`. Or name a folder: -p data=FOLDER"
        ) from None
    return LandedData(
        digest=snapshot.digest,
        manifest=snapshot.manifest,
        label=snapshot.label,
        bucket=deployed.data_bucket,
        snapshot_bucket=deployed.artifacts_bucket,
    )


def fetched(
    target: Target, data: LandedData, *, progress: Callable[[int], None] = lambda size: None
) -> Path:
    """The folder with the files of the data, below the paths that a step sees them at: what is
    missing is fetched, once for a content.

    Raises:
        DeploymentError: an object is not any more what it was when the run read it.
    """
    s3 = target.client("s3")
    key = folders.snapshot(data.digest)
    text = s3.get_object(Bucket=data.snapshot_bucket, Key=key)["Body"].read()
    rows = json.loads(text)["objects"]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        files = list(pool.map(lambda row: _file(s3, data.bucket, *row), rows))
    return fetching.fetch(s3, files, target.root / fetching.FOLDER, progress=progress).folder


def _file(s3: Any, bucket: str, key: str, identity: str, size: int) -> OutputFile:
    """An object of the snapshot. `identity`: `<algorithm>:<checksum>`, of S3."""
    there = objects.describe(s3, bucket, key, ChecksumMode="ENABLED")
    if there is None or there["ContentLength"] != size or not _is_same(there, identity):
        raise NotebookError(
            f"s3://{bucket}/{key} was changed or removed since the newest run read it. Wait until "
            "the run of the newer data has begun, and try again"
        )
    etag = there["ETag"].strip('"')
    return OutputFile(bucket=bucket, key=key, path=key, size=size, etag=etag)


def _is_same(there: Any, identity: str) -> bool:
    algorithm, _, checksum = identity.partition(":")
    if algorithm == "etag":
        return bool(there["ETag"].strip('"') == checksum)
    return bool(there.get(f"Checksum{algorithm.upper()}") == checksum)
