"""The digest names the content: the same for the same content, another for any other."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from start_pipeline import snapshot
from start_pipeline.snapshot import Content, Snapshot, SnapshotDifference
from start_pipeline.window import ListedObject

_WHEN = datetime(2013, 1, 1, tzinfo=UTC)

# Keys that look like the serialisation itself are the ones that could break it.
_keys = st.text(min_size=1, max_size=30) | st.text(alphabet='[]{}",:\n\\ a/é\ud800', min_size=1)
_contents = st.lists(
    st.builds(
        Content,
        key=_keys,
        identity=st.sampled_from(["crc32:AAAAAA==", 'etag:"', "sha256:x", "sha256:y"]),
        size=st.integers(min_value=1, max_value=10**12),
    ),
    unique_by=lambda row: row.key,
    max_size=6,
)


def snapshot_of(rows: list[Content], *, bucket: str = "data") -> Snapshot:
    objects = [ListedObject(row.key, "any", row.size, _WHEN) for row in rows]
    return snapshot.of(objects, {row.key: row.identity for row in rows}, bucket=bucket)


@given(rows=_contents, data=st.data())
def test_the_order_of_a_listing_does_not_matter(rows: list[Content], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert snapshot_of(rows).text() == snapshot_of(shuffled).text()


@given(first=_contents, second=_contents)
def test_no_two_contents_have_the_same_text(first: list[Content], second: list[Content]) -> None:
    same_text = snapshot_of(first).text() == snapshot_of(second).text()
    assert same_text == (sorted(first) == sorted(second))


@given(rows=_contents)
def test_a_snapshot_can_be_read_back(rows: list[Content]) -> None:
    written = snapshot_of(rows)
    assert snapshot.read(written.text()) == written


@given(rows=_contents)
def test_text_is_json_with_one_object_to_a_line(rows: list[Content]) -> None:
    text = snapshot_of(rows).text()
    assert text.isascii()
    assert len(json.loads(text)["objects"]) == len(rows)
    assert text.count(b"\n") == max(3, len(rows) + 2)


def test_the_digest_is_what_sha256sum_prints() -> None:
    text = snapshot_of([Content("raw/a", "crc32:x", 1)]).text()
    assert snapshot.digest_of(text) == hashlib.sha256(text).hexdigest()


def test_the_text_is_a_format_and_does_not_change_by_accident() -> None:
    """Another text would run every environment's data once more."""
    text = snapshot_of([Content("raw/ä b.csv", "crc32:AAAAAA==", 12), Content("raw/a", "e", 1)])
    assert text.text() == (
        b'{"format": 1, "bucket": "data", "objects": [\n'
        b'["raw/a", "e", 1],\n'
        b'["raw/\\u00e4 b.csv", "crc32:AAAAAA==", 12]\n'
        b"]}\n"
    )


@pytest.mark.parametrize(
    "other",
    [
        [Content("raw/a", "crc32:y", 1)],
        [Content("raw/a", "crc32:x", 2)],
        [Content("raw/b", "crc32:x", 1)],
        [Content("raw/a", "crc32:x", 1), Content("raw/b", "crc32:x", 1)],
        [],
    ],
)
def test_identity_size_key_and_number_of_objects_all_count(other: list[Content]) -> None:
    assert snapshot_of(other).text() != snapshot_of([Content("raw/a", "crc32:x", 1)]).text()


def test_the_same_keys_in_another_bucket_are_other_content() -> None:
    rows = [Content("raw/a", "crc32:x", 1)]
    assert snapshot_of(rows).text() != snapshot_of(rows, bucket="data2").text()


@given(rows=_contents)
def test_a_manifest_is_the_bucket_and_then_the_keys(rows: list[Content]) -> None:
    prefix, *keys = json.loads(snapshot_of(rows).manifest())
    assert prefix == {"prefix": "s3://data/"}
    assert keys == sorted(row.key for row in rows)


def test_text_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="not a snapshot of format 1"):
        snapshot.read(b'{"format": 2}')


def test_a_difference_tells_new_changed_and_removed() -> None:
    earlier = snapshot_of([Content("a", "x", 1), Content("b", "x", 1), Content("c", "x", 1)])
    later = snapshot_of([Content("b", "y", 1), Content("c", "x", 1), Content("d", "x", 1)])
    assert snapshot.difference(earlier, later) == SnapshotDifference(
        new=["d"], changed=["b"], removed=["a"]
    )


def test_without_an_earlier_snapshot_everything_is_new() -> None:
    later = snapshot_of([Content("a", "x", 1)])
    assert snapshot.difference(None, later) == SnapshotDifference(new=["a"], changed=[], removed=[])
