"""Storage: a folder and S3 answer alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.runner import FolderStorage, RunnerError, S3Storage, Storage
from ratchet.runner.errors import SERVICE_FAULT, THROTTLING, fault_kind
from ratchet.runner.staging import relative_path, upload_folder
from tests.runner.s3_server import S3Server
from tests.runner.workbench import Workbench, definition, processing, python

KEYS = ["raw/a b.csv", "raw/2013-01/ä+%.csv", "raw-old/x.csv", "other/深.csv", "raw/z.csv"]


@pytest.fixture(scope="module")
def running_server() -> Iterator[S3Server]:
    server = S3Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(running_server: S3Server) -> S3Server:
    running_server.objects.clear()
    running_server.parts.clear()
    running_server.requests.clear()
    running_server.most_at_once = 0
    return running_server


@pytest.fixture
def s3(server: S3Server) -> S3Storage:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            max_pool_connections=20,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
    return S3Storage(client)


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "s3")
    found: S3Storage = request.getfixturevalue("s3")
    return found


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


def test_a_file_of_many_megabytes_goes_in_parts_and_comes_back_whole(
    s3: S3Storage, server: S3Server, tmp_path: Path
) -> None:
    data = os.urandom(1 << 20) * 18
    (tmp_path / "large").write_bytes(data)
    s3.upload(tmp_path / "large", "s3://data/large")
    assert server.objects["data/large"][1].startswith("multi-")
    s3.download("s3://data/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert s3.list("s3://data/large")[0].digest.startswith("multi-")


def test_a_small_file_takes_one_request_each_way(
    s3: S3Storage, server: S3Server, tmp_path: Path
) -> None:
    (tmp_path / "small").write_bytes(b"rows")
    s3.upload(tmp_path / "small", "s3://data/small")
    s3.download("s3://data/small", tmp_path / "back")
    assert server.requests == ["PUT data/small", "GET data/small"]


def test_a_step_runs_on_s3_and_fetches_many_objects_at_once(
    workbench: Workbench, s3: S3Storage, server: S3Server
) -> None:
    for number in range(40):
        server.put(f"data/raw/{number}.csv", str(number).encode())
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
    assert workbench.run(definition(step), storage=s3).status == "Succeeded"
    assert s3.read_bytes("s3://artifacts/runs/run1/count/out/count") == b"40"
    assert server.most_at_once > 1
    again = workbench.run(definition(step), storage=s3)
    assert again.step("count").cache_explanation == "hit: same as run run1"


def test_the_markers_that_consoles_put_for_folders_become_folders(
    workbench: Workbench, s3: S3Storage, server: S3Server
) -> None:
    for key, body in (("raw/", b""), ("raw/2013-01/", b""), ("raw/2013-01/a.csv", b"1")):
        server.put(f"data/{key}", body)
    show = "import os, sys; print([(sorted(d), sorted(f)) for _, d, f in os.walk(sys.argv[1])])"
    step = processing(
        "show",
        python(show),
        arguments=["/opt/ml/processing/input/raw"],
        inputs={"raw": "s3://data/raw/"},
    )
    result = workbench.run(definition(step), storage=s3)
    assert result.status == "Succeeded", result.failure_reason
    assert workbench.observer.output("show") == ["[(['2013-01'], []), ([], ['a.csv'])]"]


@pytest.mark.parametrize(("status", "kind"), [(500, SERVICE_FAULT), (503, SERVICE_FAULT)])
def test_an_error_of_the_service_is_a_fault_that_may_be_retried(
    s3: S3Storage, server: S3Server, status: int, kind: str
) -> None:
    server.fail_next = [status]
    with pytest.raises(Exception, match=str(status)) as raised:
        s3.read_bytes("s3://data/x")
    assert fault_kind(raised.value) == kind


def test_a_service_that_cannot_be_reached_is_a_fault() -> None:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Exception, match="connect") as raised:
        S3Storage(client).list("s3://data/")
    assert fault_kind(raised.value) == SERVICE_FAULT


def test_throttling_and_plain_errors_are_told_apart() -> None:
    class Refused(Exception):  # noqa: N818
        response = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {}}  # noqa: RUF012

    assert fault_kind(Refused()) == THROTTLING
    assert fault_kind(ValueError("x")) is None


def test_a_step_survives_a_fault_of_the_service(
    workbench: Workbench, s3: S3Storage, server: S3Server
) -> None:
    server.put("data/raw/a", b"1")
    server.fail_next = [500]
    step = processing("a", python("pass"), inputs={"raw": "s3://data/raw/"})
    record = workbench.run(definition(step), storage=s3).step("a")
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
