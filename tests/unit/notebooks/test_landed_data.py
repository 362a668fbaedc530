"""The newest landed data as a notebook gets it: what the run read, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.runs import snapshots
from ratchet.deployment.runs.snapshots import LandedSnapshot
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.notebooks import landed_data
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.landed_data import LandedData

DATA = LandedData(
    digest="d" * 64,
    manifest="s3://artifacts/manifests/d/manifest.json",
    label="2013-01",
    bucket="data",
    snapshot_bucket="artifacts",
)


def checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@dataclass
class Objects:
    """S3 as far as the module asks it. `gets` counts the objects of the data that were read."""

    data: dict[str, bytes]
    snapshot: bytes
    gets: list[str] = field(default_factory=list)

    def head_object(self, *, Key: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803
        body = self.data[Key]
        etag = hashlib.md5(body).hexdigest()
        size = len(body)
        return {"ContentLength": size, "ETag": f'"{etag}"', "ChecksumSHA256": checksum(body)}

    def get_object(self, *, Bucket: str, Key: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803
        if Bucket == "artifacts":
            return {"Body": io.BytesIO(self.snapshot)}
        self.gets.append(Key)
        return {"Body": io.BytesIO(self.data[Key])}


@pytest.fixture
def s3() -> Objects:
    data = {"raw/2013-01/flights.csv": b"1,2", "raw/2013-01/planes.csv": b"3"}
    rows = [[key, f"sha256:{checksum(body)}", len(body)] for key, body in data.items()]
    return Objects(data, json.dumps({"format": 1, "bucket": "data", "objects": rows}).encode())


@pytest.fixture
def target(s3: Objects, tmp_path: Path) -> Target:
    fake = SimpleNamespace(
        client=lambda service: s3, root=tmp_path, command=lambda text: f"ratchet {text}"
    )
    return cast(Target, fake)


def test_the_files_of_the_snapshot_lie_below_the_paths_that_a_step_sees(
    target: Target, s3: Objects
) -> None:
    s3.data["raw/2013-02/flights.csv"] = b"landed since"
    folder = landed_data.fetched(target, DATA)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"raw/2013-01/flights.csv", "raw/2013-01/planes.csv"}
    assert (folder / "raw/2013-01/flights.csv").read_bytes() == b"1,2"


def test_a_second_time_nothing_is_fetched(target: Target, s3: Objects) -> None:
    first = landed_data.fetched(target, DATA)
    s3.gets.clear()
    assert landed_data.fetched(target, DATA) == first
    assert s3.gets == []


@pytest.mark.parametrize("body", [b"9,9", b"longer"], ids=["of the same size", "of another size"])
def test_an_object_that_was_replaced_since_is_refused(
    target: Target, s3: Objects, body: bytes
) -> None:
    s3.data["raw/2013-01/flights.csv"] = body
    with pytest.raises(NotebookError, match=r"flights\.csv was changed or removed since"):
        landed_data.fetched(target, DATA)


def test_the_newest_content_is_that_of_the_training_trigger(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = LandedSnapshot(
        digest=DATA.digest,
        manifest=DATA.manifest,
        run_name=f"2013-01-{DATA.digest[:12]}",
        taken=datetime(2026, 11, 28, tzinfo=UTC),
    )
    deployed = SimpleNamespace(data_bucket="data", artifacts_bucket="artifacts")
    monkeypatch.setattr(facts, "read", lambda target: deployed)
    monkeypatch.setattr(snapshots, "newest", lambda target, deployed: snapshot)
    assert landed_data.newest(target) == DATA


def test_without_landed_data_the_message_says_how_to_go_on(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> LandedSnapshot:
        raise DeploymentError("no landed data: -p InputManifest=s3://…")

    monkeypatch.setattr(facts, "read", lambda target: None)
    monkeypatch.setattr(snapshots, "newest", none)
    with pytest.raises(NotebookError, match=r"ratchet land FILE.*-p data=FOLDER") as refused:
        landed_data.newest(target)
    assert "InputManifest" not in str(refused.value)
