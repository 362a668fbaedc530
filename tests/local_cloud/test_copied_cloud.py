"""Copies of a cloud's folder, with which the tests of tests/loop begin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud
from tests.loop.copied_cloud import copy_cloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Of a cloud with a queue whose URL is in a parameter, and of its copy. Both are down."""
    first, second = tmp_path / "first", tmp_path / "second"
    cloud = RunningCloud(control.up(first, region=REGION), first)
    url = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    cloud.client("ssm").put_parameter(Name="/url", Value=url, Type="String")
    control.down(first)
    copy_cloud(first, second)
    yield first, second
    for folder in (first, second):
        control.down(folder)


def test_a_copy_has_what_the_first_cloud_had_at_a_port_of_its_own(
    folders: tuple[Path, Path],
) -> None:
    urls = []
    for folder in folders:
        cloud = RunningCloud(control.up(folder, region=REGION), folder)
        url = cloud.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        parameter = cloud.client("ssm").get_parameter(Name="/url")["Parameter"]["Value"]
        assert parameter == url
        assert f"{cloud.endpoint.url.rpartition(':')[2]}/" in url
        urls.append(url)
    assert urls[0] != urls[1]


def test_a_copy_shares_nothing_with_the_first_cloud(folders: tuple[Path, Path]) -> None:
    first, second = (
        RunningCloud(control.up(folder, region=REGION), folder).client("sqs") for folder in folders
    )
    url = second.get_queue_url(QueueName="q")["QueueUrl"]
    second.send_message(QueueUrl=url, MessageBody="hello")
    assert "Messages" in second.receive_message(QueueUrl=url)
    url = first.get_queue_url(QueueName="q")["QueueUrl"]
    assert "Messages" not in first.receive_message(QueueUrl=url)
