"""Where an object's files are, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_cloud.stored_objects import content, installed, request

KEYS = ("a", "a/b", "a/b/c", "x y/ä", "d/", "//", "../a", "n.tmp", "n.meta.json", "l" * 300)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    yield from installed(tmp_path, monkeypatch)


@pytest.fixture
def folder(s3: Any) -> Path:
    """Of the bucket."""
    return Path(s3.DATA_DIR, s3.get_account_id(), "data")


@pytest.mark.parametrize("keys", [KEYS, KEYS[::-1]], ids=["files first", "folders first"])
def test_every_key_has_files_of_its_own(s3: Any, keys: tuple[str, ...]) -> None:
    for key in keys:
        assert request(s3, "PUT", key, key.encode())[0] == 200
    assert {key: content(request(s3, "GET", key)[2]) for key in keys} == {
        key: key.encode() for key in keys
    }


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("present", [(), ("a",), ("a/b",), ("a/b/c", "../a"), ("d/", "n.tmp")])
def test_an_object_is_where_ministack_looks_for_it(
    s3: Any, folder: Path, key: str, present: tuple[str, ...]
) -> None:
    for other in present:
        request(s3, "PUT", other, b"other")
    find = s3._key_disk_path.__wrapped__
    assert s3._key_disk_path(str(folder), key) == find(str(folder), key)


def test_a_folder_that_is_a_link_leads_to_no_object(s3: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "below").mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    for key in ("link/below/a", "link/a"):
        assert request(s3, "PUT", key, b"data")[0] == 200
        assert content(request(s3, "GET", key)[2]) == b"data"
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["below"]


def test_an_object_stays_where_it_is_when_its_path_becomes_free(s3: Any) -> None:
    for key in ("a", "a/b"):
        request(s3, "PUT", key, key.encode())
    request(s3, "DELETE", "a")
    request(s3, "PUT", "a/c", b"makes a folder of a")
    assert content(request(s3, "GET", "a/b")[2]) == b"a/b"


def test_what_a_killed_server_left_half_written_is_replaced(s3: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "other").write_bytes(b"of another object")
    (folder / "a.tmp").hardlink_to(folder / "other")
    assert request(s3, "PUT", "a", b"data")[0] == 200
    assert content(request(s3, "GET", "a")[2]) == b"data"
    assert (folder / "other").read_bytes() == b"of another object"
    assert not list(folder.glob("*.tmp"))


def test_a_key_that_was_a_folder_can_become_a_file_and_again_a_folder(s3: Any) -> None:
    for key in ("a/b", "a", "a/b"):
        assert request(s3, "PUT", key, key.encode())[0] == 200
        assert content(request(s3, "GET", key)[2]) == key.encode()
        assert request(s3, "DELETE", key)[0] == 204
