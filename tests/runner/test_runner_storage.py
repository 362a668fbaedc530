"""Storage: a folder answers as S3 does, and a step runs on any storage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ratchet.runner import FolderStorage, RunnerError, Storage
from ratchet.runner.errors import SERVICE_FAULT, THROTTLING, ServiceError, fault_kind
from ratchet.runner.staging import relative_path, upload_folder
from tests.runner.memory_storage import MemoryStorage
from tests.runner.workbench import Workbench, definition, processing, python

KEYS = ["raw/a b.csv", "raw/2013-01/ä+%.csv", "raw-old/x.csv", "other/深.csv", "raw/z.csv"]


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return FolderStorage(tmp_path / "s3") if request.param == "folder" else MemoryStorage()


def test_what_is_written_is_read_back(storage: Storage, tmp_path: Path) -> None:
    storage.write_bytes("s3://data/raw/a b+ä.csv", b"rows")
    assert storage.read_bytes("s3://data/raw/a b+ä.csv") == b"rows"
    assert storage.exists("s3://data/raw/a b+ä.csv")
    storage.download("s3://data/raw/a b+ä.csv", tmp_path / "new" / "folder" / "a.csv")
    assert (tmp_path / "new" / "folder" / "a.csv").read_bytes() == b"rows"


def test_what_is_not_there_is_a_missing_file(storage: Storage, tmp_path: Path) -> None:
    storage.write_bytes("s3://data/raw/a.csv", b"")
    for uri in ("s3://data/nope", "s3://data/raw"):
        assert not storage.exists(uri)
        with pytest.raises(FileNotFoundError, match=f"no object {uri}"):
            storage.read_bytes(uri)
        with pytest.raises(FileNotFoundError, match=f"no object {uri}"):
            storage.download(uri, tmp_path / "x")
    assert storage.list("s3://no-such-bucket/") == []


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", KEYS),
        ("raw/", ["raw/2013-01/ä+%.csv", "raw/a b.csv", "raw/z.csv"]),
        ("raw", ["raw-old/x.csv", "raw/2013-01/ä+%.csv", "raw/a b.csv", "raw/z.csv"]),
        ("raw/2", ["raw/2013-01/ä+%.csv"]),
        ("raw/z.csv", ["raw/z.csv"]),
        ("raw/z.csv/", []),
        ("nothing/here", []),
    ],
)
def test_a_listing_has_every_key_with_the_prefix_in_order(
    storage: Storage, prefix: str, found: list[str]
) -> None:
    for key in KEYS:
        storage.write_bytes(f"s3://data/{key}", key.encode())
    listed = storage.list(f"s3://data/{prefix}")
    assert [item.uri for item in listed] == sorted(f"s3://data/{key}" for key in found)
    assert all(item.size == len(item.uri.removeprefix("s3://data/").encode()) for item in listed)


def test_a_digest_follows_the_content(storage: Storage) -> None:
    def digest() -> str:
        return storage.list("s3://data/a")[0].digest

    storage.write_bytes("s3://data/a", b"one")
    first = digest()
    storage.write_bytes("s3://data/a", b"two")
    assert digest() != first
    storage.write_bytes("s3://data/a", b"one")
    assert digest() == first


def test_a_step_runs_on_any_storage_and_is_handed_every_object(
    workbench: Workbench, storage: Storage
) -> None:
    for number in range(40):
        storage.write_bytes(f"s3://data/raw/{number}.csv", str(number).encode())
    count = """
        import os, sys
        names = os.listdir(sys.argv[1])
        open(sys.argv[2] + "/count", "w").write(str(len(names)))
    """
    step = processing(
        "count",
        python(count),
        arguments=["/opt/ml/processing/input/raw", "/opt/ml/processing/output/out"],
        inputs={"raw": "s3://data/raw/"},
        outputs=["out"],
        cached=True,
    )
    assert workbench.run(definition(step), storage=storage).status == "Succeeded"
    assert storage.read_bytes("s3://artifacts/runs/run1/count/out/count") == b"40"
    again = workbench.run(definition(step), storage=storage)
    assert again.step("count").cache_explanation == "hit: same as run run1"


def test_the_markers_that_consoles_put_for_folders_become_folders(
    workbench: Workbench,
) -> None:
    storage = MemoryStorage(
        {"data/raw/": b"", "data/raw/2013-01/": b"", "data/raw/2013-01/a.csv": b"1"}
    )
    show = "import os, sys; print([(sorted(d), sorted(f)) for _, d, f in os.walk(sys.argv[1])])"
    step = processing(
        "show",
        python(show),
        arguments=["/opt/ml/processing/input/raw"],
        inputs={"raw": "s3://data/raw/"},
    )
    result = workbench.run(definition(step), storage=storage)
    assert result.status == "Succeeded", result.failure_reason
    assert workbench.observer.output("show") == ["[(['2013-01'], []), ([], ['a.csv'])]"]


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_a_service_is_a_fault_that_may_be_retried(status: int) -> None:
    answer: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert fault_kind(ClientError(answer, "GetObject")) == SERVICE_FAULT


def test_a_service_that_cannot_be_reached_is_a_fault() -> None:
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    assert fault_kind(error) == SERVICE_FAULT


def test_throttling_and_plain_errors_are_told_apart() -> None:
    class Refused(Exception):  # noqa: N818
        response = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {}}  # noqa: RUF012

    assert fault_kind(Refused()) == THROTTLING
    assert fault_kind(ValueError("x")) is None


def test_a_step_survives_a_fault_of_the_service(workbench: Workbench) -> None:
    storage = MemoryStorage({"data/raw/a": b"1"})
    storage.faults = [ServiceError("an internal error")]
    step = processing("a", python("pass"), inputs={"raw": "s3://data/raw/"})
    record = workbench.run(definition(step), storage=storage).step("a")
    assert (record.status, record.attempt) == ("Succeeded", 2)


@pytest.mark.parametrize("uri", ["http://b/k", "s3:/b/k", "b/k", "s3:///k"])
def test_what_is_no_s3_uri_is_refused(storage: Storage, uri: str) -> None:
    with pytest.raises(RunnerError, match="is not an S3 URI"):
        storage.read_bytes(uri)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "a//b", "a/", ""])
def test_a_key_with_no_place_in_a_folder_is_refused(tmp_path: Path, key: str) -> None:
    storage = FolderStorage(tmp_path / "s3")
    with pytest.raises(RunnerError, match="has no place in a folder"):
        storage.write_bytes(f"s3://data/{key}", b"")


def test_a_large_file_is_hashed_again_only_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    from ratchet.runner import storage as module

    original = module.sha256_of

    def counting(path: str) -> str:
        hashed.append(path)
        return original(path)

    monkeypatch.setattr(module, "sha256_of", counting)
    data = b"x" * (2 << 20)
    FolderStorage(tmp_path).write_bytes("s3://data/large", data)
    digests = {FolderStorage(tmp_path).list("s3://data/")[0].digest for _ in range(3)}
    assert len(digests) == len(hashed) == 1
    FolderStorage(tmp_path).write_bytes("s3://data/large", b"y" + data[1:])
    assert FolderStorage(tmp_path).list("s3://data/")[0].digest not in digests


@pytest.mark.parametrize(
    ("prefix", "uri", "relative"),
    [
        ("s3://b/raw/", "s3://b/raw/a/b.csv", "a/b.csv"),
        ("s3://b/raw", "s3://b/raw/a.csv", "a.csv"),
        ("s3://b/raw", "s3://b/raw2/a.csv", "raw2/a.csv"),
        ("s3://b/x/raw", "s3://b/x/raw2/a.csv", "raw2/a.csv"),
        ("s3://b/x/a.csv", "s3://b/x/a.csv", "a.csv"),
        ("s3://b", "s3://b/x/a.csv", "x/a.csv"),
    ],
)
def test_the_path_below_a_prefix(prefix: str, uri: str, relative: str) -> None:
    assert relative_path(prefix, uri) == relative


def test_a_folder_is_uploaded_with_its_tree(storage: Storage, tmp_path: Path) -> None:
    for name in ("a.txt", "b/c d.txt", "b/e/f.txt"):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(name)
    upload_folder(storage, tmp_path / "out", "s3://artifacts/run/")
    assert [item.uri for item in storage.list("s3://artifacts/")] == [
        "s3://artifacts/run/a.txt",
        "s3://artifacts/run/b/c d.txt",
        "s3://artifacts/run/b/e/f.txt",
    ]


def test_importing_the_runner_imports_no_sdk() -> None:
    heavy = ["boto3", "botocore", "sqlite3", "jsonpath", "aws_cdk", "sagemaker", "ministack"]
    code = f"import ratchet.runner, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
