"""A full disk: what cannot be kept is refused, and what was there before stays."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.core.responses import request_scope

from ratchet.local_cloud import control
from ratchet.local_cloud.emulator import objects, space, stored_bytes
from ratchet.local_cloud.emulator.stored_bytes import Content
from ratchet.local_cloud.sagemaker.outbox import Outbox
from ratchet.local_cloud.sagemaker.store import Store
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud

MEBIBYTE = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "small", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def refusals(cloud: RunningCloud) -> dict[str, str]:
    """The error of each kind of request that changes something: S3, JSON, query, SageMaker."""
    requests: dict[str, Callable[[], Any]] = {
        "s3": lambda: cloud.client("s3").put_object(Bucket="data", Key="a", Body=b"new"),
        "ssm": lambda: cloud.client("ssm").put_parameter(
            Name="/a", Value="new", Type="String", Overwrite=True
        ),
        "sns": lambda: cloud.client("sns").create_topic(Name="topic"),
        "cloudformation": lambda: cloud.client("cloudformation").create_stack(
            StackName="s", TemplateBody='{"Resources": {}}'
        ),
        "sagemaker": lambda: cloud.client("sagemaker").create_model_package_group(
            ModelPackageGroupName="group"
        ),
    }
    errors = {}
    for name, request in requests.items():
        with pytest.raises(ClientError) as caught:
            request()
        errors[name] = f"{caught.value.response['Error']}"
    return errors


@pytest.mark.cloud
def test_a_full_disk_refuses_changes_and_keeps_what_was_there(small_disk: Path) -> None:
    folder = small_disk / "cloud"
    cloud = RunningCloud(control.up(folder, region=REGION), folder)
    try:
        s3, ssm = cloud.client("s3"), cloud.client("ssm")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="a", Body=b"before")
        s3.put_object(Bucket="data", Key="b", Body=b"before")
        ssm.put_parameter(Name="/a", Value="before", Type="String")
        with pytest.raises(ClientError, match="this request needs 66 MiB"):
            s3.put_object(Bucket="data", Key="large", Body=b"x" * 50 * MEBIBYTE)

        filling = small_disk / "filling"
        fill(filling)
        for name, error in refusals(cloud).items():
            assert "InternalError" in error, name
            assert "Nothing was changed: the disk of" in error, name
        assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"before"
        assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "before"
        assert cloud.client("cloudformation").describe_stacks()["Stacks"] == []
        s3.delete_object(Bucket="data", Key="b")

        filling.unlink()
        ssm.put_parameter(Name="/b", Value="after", Type="String")
        control.down(folder)
        cloud = RunningCloud(control.up(folder, region=REGION), folder)
        s3, ssm = cloud.client("s3"), cloud.client("ssm")
        assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"before"
        assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "before"
        assert ssm.get_parameter(Name="/b")["Parameter"]["Value"] == "after"
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="data")["Contents"]] == ["a"]
    finally:
        control.down(folder)


def fill(path: Path) -> None:
    """Leave a quarter of a mebibyte of a disk: too little for any change, enough for the few pages
    of state that a deletion writes."""
    with path.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65536)
        file.truncate(file.tell() - MEBIBYTE // 4)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """MiniStack's S3 with our writing, on a disk of its own."""
    from ministack.services import s3 as module

    monkeypatch.setattr(module, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(module, "S3_PERSIST", True)
    replaced = ("_atomic_write", "_persist_object", "_key_disk_path", "_fire_s3_event_async")
    for name in (*replaced, "_parse_notification_config_raw", *objects._WRITERS):
        monkeypatch.setattr(module, name, getattr(module, name))
    store = Store(tmp_path / "events.sqlite3")
    objects.install(module, Outbox(store, lambda scope, event, delivered: None))
    with request_scope("000000000000", REGION):
        yield module
        module.reset()


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("part", ["a.csv.tmp", "a.csv.meta.json.tmp"])
def test_an_object_that_cannot_be_written_leaves_the_one_of_before(
    s3: Any, monkeypatch: pytest.MonkeyPatch, versioned: bool, part: str
) -> None:
    s3._create_bucket("data", b"", {})
    if versioned:
        s3._bucket_versioning["data"] = "Enabled"
    assert s3._put_object("data", "a.csv", b"before", {})[0] == 200
    described = s3._head_object("data", "a.csv", {})[1]
    new_file = stored_bytes.new_file

    def full(path: str, content: Content) -> None:
        if Path(path).name == part:
            raise OSError(errno.ENOSPC, "No space left on device")
        new_file(path, content)

    monkeypatch.setattr(stored_bytes, "new_file", full)
    status, _, body = s3._put_object("data", "a.csv", b"after", {})
    assert status == 500
    assert b"InternalError" in body
    assert b"No space left on device" in body
    assert s3._read_body("data", "a.csv", s3._buckets["data"]["objects"]["a.csv"]) == b"before"
    assert s3._head_object("data", "a.csv", {})[1]["ETag"] == described["ETag"]
    assert len(s3._object_versions.get(("data", "a.csv")) or []) == int(versioned)
    assert not list(Path(s3.DATA_DIR).rglob("*.tmp"))


@pytest.mark.parametrize(
    ("method", "target", "changes", "frees"),
    [
        ("GET", "", False, False),
        ("PUT", "", True, False),
        ("DELETE", "", True, True),
        ("POST", "AmazonSSM.GetParameter", False, False),
        ("POST", "SageMaker.DeleteModel", True, True),
        ("POST", "SageMaker.CreateModel", True, False),
    ],
)
def test_what_reads_or_deletes_is_answered_on_a_full_disk(
    method: str, target: str, changes: bool, frees: bool
) -> None:
    scope = {"method": method, "headers": [(b"x-amz-target", target.encode())]}
    assert space.changes_something(scope) is changes
    assert space.makes_room(scope) is frees
