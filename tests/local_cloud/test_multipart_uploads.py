"""Bodies that are files: digests, copies, and parts that become one object."""

from __future__ import annotations

import base64
import errno
import hashlib
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.local_cloud.emulator import stored_bytes
from ratchet.local_cloud.emulator.stored_bytes import StoredBytes
from tests.local_cloud.stored_objects import content, counted, filed, installed, request

LARGE = random.Random(1).randbytes(1 << 20) + b"end"


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    yield from installed(tmp_path, monkeypatch)


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def begun(s3: Any, **headers: str) -> str:
    body = request(s3, "POST", "a", uploads="", headers=headers)[2]
    return str(s3.fromstring(body).findtext(f"{{{s3.S3_NS}}}UploadId"))


def completed(s3: Any, upload_id: str, *parts: Any, etags: list[str] | None = None) -> Any:
    sent = []
    for number, part in enumerate(parts, start=1):
        answer = request(s3, "PUT", "a", part, uploadId=upload_id, partNumber=str(number))
        sent.append(answer[1]["ETag"])
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags or sent, start=1)
    )
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    return request(s3, "POST", "a", document, uploadId=upload_id)


def files_left(s3: Any) -> list[Path]:
    folder = Path(s3.DATA_DIR).parent
    return [*folder.glob("tmp/*"), *folder.rglob("*.tmp")]


def test_the_etag_of_a_file_is_its_md5_and_the_object_is_that_file(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = filed(LARGE)
    body.digest("MD5")  # as it was received
    moved = counted(monkeypatch, "pread", "copy_file_range")
    headers = request(s3, "PUT", "a", body)[1]
    assert headers["ETag"] == f'"{md5(LARGE).hex()}"'
    assert not moved
    del body
    assert content(request(s3, "GET", "a")[2]) == LARGE
    assert not files_left(s3)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (base64.b64encode(md5(LARGE)).decode(), 200),
        (base64.b64encode(md5(b"")).decode(), 400),
        (base64.b64encode(md5(b"another")).decode(), 400),
        ("no digest", 400),
    ],
    ids=["its own", "of nothing", "of another", "malformed"],
)
def test_a_content_md5_is_held_against_the_file(s3: Any, sent: str, code: int) -> None:
    answer = request(s3, "PUT", "a", filed(LARGE), headers={"content-md5": sent})
    assert answer[0] == code
    assert request(s3, "HEAD", "a")[0] == (200 if code == 200 else 404)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_the_checksums_of_a_file_are_those_of_its_bytes(s3: Any, algorithm: str) -> None:
    data = LARGE[:5000]
    checksum = {"x-amz-sdk-checksum-algorithm": algorithm}
    mode = {"x-amz-checksum-mode": "ENABLED"}
    values = set()
    for body in (data, filed(data)):
        request(s3, "PUT", "a", body, headers=checksum)
        described = request(s3, "HEAD", "a", headers=mode)[1]
        values.add(described[f"x-amz-checksum-{algorithm.lower()}"])
    assert len(values) == 1
    wrong = {f"x-amz-checksum-{algorithm.lower()}": "AAAA"}
    assert request(s3, "PUT", "b", filed(data), headers=wrong)[0] == 400


def test_parts_become_an_object_with_s3s_etag(s3: Any) -> None:
    parts = [LARGE, b"small", LARGE[:-1]]
    upload_id = begun(s3, **{"content-type": "text/csv", "x-amz-meta-origin": "test"})
    status, _, body = completed(s3, upload_id, filed(parts[0]), parts[1], filed(parts[2]))
    etag = hashlib.md5(b"".join(map(md5, parts)), usedforsecurity=False).hexdigest()
    assert status == 200
    assert s3.fromstring(body).findtext(f"{{{s3.S3_NS}}}ETag") == f'"{etag}-3"'
    _, headers, stored = request(s3, "GET", "a")
    assert content(stored) == b"".join(parts)
    assert headers["ETag"] == f'"{etag}-3"'
    assert (headers["Content-Type"], headers["x-amz-meta-origin"]) == ("text/csv", "test")
    second = request(s3, "GET", "a", partNumber="2")
    assert (second[0], content(second[2])) == (206, b"small")
    del stored
    assert not files_left(s3)


def test_parts_of_one_file_are_not_copied(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    body = filed(LARGE)
    parts = [body[start : start + 300_000] for start in range(0, len(body), 300_000)]
    for part in parts:
        part.digest("MD5")
    moved = counted(monkeypatch, "pread", "copy_file_range")
    assert completed(s3, begun(s3), *parts)[0] == 200
    assert not moved
    assert content(request(s3, "GET", "a")[2]) == LARGE


def test_an_upload_that_is_completed_again_is_answered_again(s3: Any) -> None:
    upload_id = begun(s3)
    first = completed(s3, upload_id, filed(LARGE))
    document = b"<CompleteMultipartUpload/>"
    assert request(s3, "POST", "a", document, uploadId=upload_id)[::2] == first[::2]


@pytest.mark.parametrize("etags", [['"other"'], ['""', '""']])
def test_parts_that_did_not_come_make_no_object(s3: Any, etags: list[str]) -> None:
    upload_id = begun(s3)
    status, _, body = completed(s3, upload_id, filed(LARGE), etags=etags)
    assert (status, b"<Code>InvalidPart</Code>" in body) == (400, True)
    assert request(s3, "HEAD", "a")[0] == 404
    assert completed(s3, upload_id, filed(LARGE))[0] == 200


@pytest.mark.parametrize("versioning", ["", "Enabled"])
def test_an_upload_that_was_refused_can_be_completed_with_the_parts_that_came(
    s3: Any, versioning: str
) -> None:
    if versioning:
        s3._bucket_versioning["data"] = versioning
    upload_id = begun(s3)
    assert completed(s3, upload_id, filed(LARGE), b"end", etags=['"other"', '""'])[0] == 400
    md5s = [hashlib.md5(part, usedforsecurity=False).hexdigest() for part in (LARGE, b"end")]
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{md5}</ETag></Part>"
        for number, md5 in enumerate(md5s, start=1)
    )
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    status, headers, _ = request(s3, "POST", "a", document, uploadId=upload_id)
    assert status == 200
    version: dict[str, Any] = {"versionId": headers["x-amz-version-id"]} if versioning else {}
    assert content(request(s3, "GET", "a", **version)[2]) == LARGE + b"end"
    size = request(s3, "HEAD", "a", **version)[1]["Content-Length"]
    assert size == str(len(LARGE) + 3)


def test_a_part_that_could_not_be_written_is_refused(s3: Any) -> None:
    part = filed(LARGE)
    part.failure = OSError(errno.ENOSPC, "No space left on device")
    answer = request(s3, "PUT", "a", part, uploadId=begun(s3), partNumber="1")
    assert (answer[0], b"No space left on device" in answer[2]) == (500, True)


@pytest.mark.parametrize("name", ["_appended", "link_to", "new_file"])
def test_an_upload_that_finds_no_space_leaves_the_object_of_before_and_can_be_completed_later(
    s3: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    request(s3, "PUT", "a", b"before")
    upload_id = begun(s3)
    parts = [filed(LARGE), b"end"]

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    holder = StoredBytes if name == "link_to" else stored_bytes
    with monkeypatch.context() as patched:
        patched.setattr(holder, name, full)
        status, _, body = completed(s3, upload_id, *parts)
    assert (status, b"No space left on device" in body) == (500, True)
    assert content(request(s3, "GET", "a")[2]) == b"before"
    assert completed(s3, upload_id, *parts)[0] == 200
    assert content(request(s3, "GET", "a")[2]) == LARGE + b"end"


def test_composite_checksums_are_those_of_the_parts(s3: Any) -> None:
    upload_id = begun(s3, **{"x-amz-checksum-algorithm": "CRC32"})
    body = completed(s3, upload_id, filed(LARGE), b"end")[2]
    digests = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in (LARGE, b"end"))
    value = base64.b64encode(zlib.crc32(digests).to_bytes(4, "big")).decode()
    assert s3.fromstring(body).findtext(f"{{{s3.S3_NS}}}ChecksumCRC32") == f"{value}-2"


def test_a_part_can_be_copied_from_an_object(s3: Any) -> None:
    request(s3, "PUT", "source", filed(LARGE))
    upload_id = begun(s3)
    copied = {"x-amz-copy-source": "data/source", "x-amz-copy-source-range": "bytes=10-1000"}
    answer = request(s3, "PUT", "a", headers=copied, uploadId=upload_id, partNumber="1")
    request(s3, "PUT", "source", b"replaced")
    etag = s3.fromstring(answer[2]).findtext(f"{{{s3.S3_NS}}}ETag")
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    assert request(s3, "POST", "a", document, uploadId=upload_id)[0] == 200
    assert content(request(s3, "GET", "a")[2]) == LARGE[10:1001]


def test_an_object_is_copied_without_its_bytes(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    request(s3, "PUT", "a", filed(LARGE))
    moved = counted(monkeypatch, "pread", "copy_file_range")
    assert request(s3, "PUT", "b", headers={"x-amz-copy-source": "data/a"})[0] == 200
    assert not moved
    request(s3, "PUT", "a", b"replaced")
    assert content(request(s3, "GET", "b")[2]) == LARGE


def test_a_version_that_is_displaced_keeps_its_file(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3._bucket_versioning["data"] = "Enabled"
    version_id = request(s3, "PUT", "a", filed(LARGE))[1]["x-amz-version-id"]
    moved = counted(monkeypatch, "copy_file_range")
    request(s3, "PUT", "a", b"newer")
    assert not moved
    assert content(request(s3, "GET", "a", versionId=version_id)[2]) == LARGE
    newest = request(s3, "HEAD", "a")[1]["x-amz-version-id"]
    request(s3, "DELETE", "a", versionId=newest)
    assert content(request(s3, "GET", "a")[2]) == LARGE


def test_a_body_that_was_not_written_is_refused(s3: Any) -> None:
    body = filed(LARGE)
    body.failure = OSError(errno.ENOSPC, "No space left on device")
    status, _, answer = request(s3, "PUT", "a", body)
    assert (status, b"No space left on device" in answer) == (500, True)
    assert request(s3, "HEAD", "a")[0] == 404
