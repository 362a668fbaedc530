"""Which objects are the window's data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from start_pipeline.data_bucket import DataBucket, identity_of
from start_pipeline.window import in_order, kind_of, partition_of
from tests.unit.lambdas.fake_cloud import DATA, FakeCloud

_names = st.sampled_from(["a", "b", "a-b", "a b", "2013-01", "2013-02", "year=2013", "_tmp", ""])
_keys = st.lists(_names, min_size=1, max_size=4).map(lambda names: "raw/" + "/".join(names))


def bucket_over(cloud: FakeCloud, client: Any, *, window: int) -> DataBucket:
    return DataBucket(s3=client, bucket=DATA, prefix="raw/", window=window)


@settings(max_examples=60)
@given(keys=st.sets(_keys, max_size=12), window=st.integers(min_value=1, max_value=4))
def test_walking_from_the_newest_folder_finds_what_sorting_all_partitions_finds(
    keys: set[str], window: int
) -> None:
    cloud = FakeCloud()
    client = cloud.client("s3")
    for key in keys:
        cloud.land(key)
    every = bucket_over(cloud, client, window=0).newest().objects
    partitions = in_order(partition_of(found.key, prefix="raw/") for found in every)
    newest = set(partitions[-window:])
    found = bucket_over(cloud, client, window=window).newest().objects
    assert found == [o for o in every if partition_of(o.key, prefix="raw/") in newest]


def test_a_window_does_not_list_older_partitions(cloud: FakeCloud) -> None:
    for month in range(100):
        for part in range(20):
            cloud.land(f"raw/{month:03}/part-{part}.csv")
    bucket = bucket_over(cloud, cloud.client("s3"), window=3)
    assert len(bucket.newest().objects) == 60
    assert cloud.count("ListObjectsV2") == 4, "the folders, and three of them"


def test_an_object_directly_below_the_prefix_is_in_the_oldest_partition() -> None:
    assert partition_of("raw/flights.csv", prefix="raw/") == ""
    assert in_order(["2013-01", ""]) == ["", "2013-01"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("raw/2013-01/flights.csv", "data"),
        ("raw/2013-01/a_b.csv", "data"),
        ("raw/2013-01/line\u2028separator.csv", "data"),
        ("raw/2013-01/_SUCCESS", "ignored"),
        ("raw/2013-01/../../etc/passwd", "ignored"),
        ("raw/./flights.csv", "ignored"),
        ("raw/2013-01//flights.csv", "unreadable"),
        ("raw/2013-01/\tflights.csv", "unreadable"),
        ("raw/2013-01/\rflights.csv", "unreadable"),
        ("raw/2013-01/", "unreadable"),  # a marker holds no bytes; this one holds some
    ],
)
def test_the_kind_of_an_object(key: str, kind: str) -> None:
    assert kind_of(key, size=1, prefix="raw/") == kind


def test_names_above_the_prefix_do_not_hide_data() -> None:
    assert kind_of("_in/raw/a.csv", size=1, prefix="_in/raw/") == "data"


@pytest.mark.parametrize(
    ("head", "identity"),
    [
        ({"ChecksumCRC32": "a"}, "crc32:a"),
        ({"ChecksumCRC32": "a", "ChecksumSHA256": "b"}, "sha256:b"),
        ({"ChecksumCRC64NVME": "a", "ChecksumType": "FULL_OBJECT"}, "crc64nvme:a"),
        ({"ChecksumCRC32C": "a-3", "ChecksumType": "COMPOSITE"}, "crc32c:a-3"),
        ({}, "etag:e"),
    ],
)
def test_the_strongest_checksum_identifies_content(head: dict[str, str], identity: str) -> None:
    assert identity_of(head, etag="e") == identity
