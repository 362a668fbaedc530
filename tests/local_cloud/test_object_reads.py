"""Objects are read from their files: ranges, versions, and what is replaced meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ratchet.local_cloud.emulator.object_reads import FileResponse, requested_range
from tests.local_cloud.stored_objects import content, counted, filed, installed, request

MEBIBYTE = 1 << 20


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    yield from installed(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=2-", (2, 8)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=8-30", (8, 2)),
        ("bytes=9-9", (9, 1)),
        ("bytes=0-1,4-5", None),
        ("bytes=-", None),
        ("lines=0-3", None),
        ("bytes=x-3", None),
    ],
)
def test_a_range_of_ten_bytes(header: str, part: tuple[int, int] | None) -> None:
    assert requested_range(header, 10) == part


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=5-2", 10), ("bytes=0-", 0)],
)
def test_a_range_without_a_byte_is_not_satisfiable(header: str, size: int) -> None:
    with pytest.raises(ValueError, match=header):
        requested_range(header, size)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_range_is_answered_with_its_place_and_length(s3: Any, method: str) -> None:
    request(s3, "PUT", "a", b"0123456789")
    status, headers, body = request(s3, method, "a", headers={"range": "bytes=2-4"})
    assert (status, headers["Content-Range"], headers["Content-Length"]) == (
        206,
        "bytes 2-4/10",
        "3",
    )
    assert headers["Accept-Ranges"] == "bytes"
    assert content(body) == (b"234" if method == "GET" else b"")


def test_a_range_past_the_end_is_a_416_that_names_the_size(s3: Any) -> None:
    request(s3, "PUT", "a", b"0123456789")
    status, headers, body = request(s3, "GET", "a", headers={"range": "bytes=10-"})
    error = ElementTree.fromstring(body)
    assert (status, headers["Content-Range"]) == (416, "bytes */10")
    assert [error.findtext(name) for name in ("Code", "RangeRequested", "ActualObjectSize")] == [
        "InvalidRange",
        "bytes=10-",
        "10",
    ]
    assert request(s3, "HEAD", "a", headers={"range": "bytes=10-"})[::2] == (416, b"")


def test_a_failed_condition_comes_before_the_range(s3: Any) -> None:
    etag = request(s3, "PUT", "a", b"0123456789")[1]["ETag"]
    for headers, status in (
        ({"if-match": etag, "range": "bytes=0-1"}, 206),
        ({"if-match": '"other"', "range": "bytes=0-1"}, 412),
        ({"if-match": '"other"', "range": "bytes=99-"}, 412),
        ({"if-none-match": etag, "range": "bytes=0-1"}, 304),
    ):
        assert request(s3, "GET", "a", headers=headers)[0] == status


def test_a_part_has_no_checksum_of_the_whole(s3: Any) -> None:
    request(s3, "PUT", "a", b"0123456789", headers={"x-amz-sdk-checksum-algorithm": "CRC32"})
    mode = {"x-amz-checksum-mode": "ENABLED"}
    assert "x-amz-checksum-crc32" in request(s3, "GET", "a", headers=mode)[1]
    part = request(s3, "GET", "a", headers={**mode, "range": "bytes=0-1"})[1]
    assert not [name for name in part if name.startswith("x-amz-checksum")]


def test_a_range_of_an_older_version_is_of_that_version(s3: Any) -> None:
    s3._bucket_versioning["data"] = "Enabled"
    older = request(s3, "PUT", "a", b"before")[1]["x-amz-version-id"]
    newer = request(s3, "PUT", "a", filed(b"behind"))[1]["x-amz-version-id"]
    for version_id, text in ((older, b"fore"), (newer, b"hind")):
        status, headers, body = request(
            s3, "GET", "a", headers={"range": "bytes=-4"}, versionId=version_id
        )
        assert (status, content(body), headers["x-amz-version-id"]) == (206, text, version_id)


def test_the_contents_of_versions_are_not_kept_in_memory(s3: Any) -> None:
    s3._bucket_versioning["data"] = "Enabled"
    for data in (b"one", filed(b"two"), b"three"):
        request(s3, "PUT", "a", data)
    assert [version["data"] for version in s3._object_versions["data", "a"]] == [None] * 3


def test_only_the_range_is_read(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(3 * MEBIBYTE)
    request(s3, "PUT", "a", filed(data))
    read = counted(monkeypatch, "pread", "read")
    monkeypatch.setattr(Path, "read_bytes", None)
    body = request(s3, "GET", "a", headers={"range": "bytes=100-299"})[2]
    assert (content(body), sum(read)) == (data[100:300], 200)
    read.clear()
    request(s3, "HEAD", "a", headers={"range": "bytes=100-299"})
    assert not read


def test_a_large_object_is_sent_in_pieces(s3: Any) -> None:
    import asyncio

    data = os.urandom(MEBIBYTE + 7)
    request(s3, "PUT", "a", filed(data))
    body = request(s3, "GET", "a")[2]
    assert isinstance(body, FileResponse)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    asyncio.run(body.runner(send, receive))
    assert b"".join(message["body"] for message in sent) == data
    assert max(len(message["body"]) for message in sent) <= MEBIBYTE // 4
    assert [message["more_body"] for message in sent] == [True] * 5 + [False]


def test_nothing_more_is_read_for_a_client_that_has_gone(s3: Any) -> None:
    import asyncio

    request(s3, "PUT", "a", filed(bytes(4 * MEBIBYTE)))
    body = request(s3, "GET", "a")[2]
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)
        await asyncio.sleep(0)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    asyncio.run(body.runner(send, receive))
    assert len(sent) <= 2


def test_an_object_that_is_replaced_while_it_is_read_is_read_as_it_was(s3: Any) -> None:
    old, new = b"o" * 2 * MEBIBYTE, b"n" * 2 * MEBIBYTE
    request(s3, "PUT", "a", filed(old))
    body = request(s3, "GET", "a")[2]
    request(s3, "PUT", "a", filed(new))
    assert content(body) == old
    request(s3, "DELETE", "a")
    assert content(body) == old


def test_other_services_get_an_objects_bytes(s3: Any) -> None:
    request(s3, "PUT", "a", filed(b"code"))
    assert s3._get_object_data("data", "a") == b"code"
    assert s3._get_object_data("data", "none") is None
