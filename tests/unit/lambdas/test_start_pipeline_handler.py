"""The entry point: messages in, one look, and what SQS is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import aws_clients
from start_pipeline import handler as entry
from start_pipeline.settings import TriggerSettingError, from_environment
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA, PIPELINE, QUEUE_URL, FakeCloud

ENVIRONMENT = {
    "DATA_BUCKET": DATA,
    "DATA_PREFIX": "raw/",
    "WINDOW": "0",
    "ARTIFACTS_BUCKET": ARTIFACTS,
    "PIPELINE_NAME": PIPELINE,
    "QUEUE_URL": QUEUE_URL,
    "SETTLE_SECONDS": "0",
    "MAX_WAIT_SECONDS": "900",
}


class LambdaContext:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    cloud = FakeCloud()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for service in ("s3", "sagemaker", "sqs"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    entry._trigger.cache_clear()
    yield cloud
    entry._trigger.cache_clear()


def batch(*bodies: object) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def s3_event(key: str) -> dict[str, Any]:
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key}}}


def decision(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_batch_of_1000_events_costs_one_listing_and_starts_one_run(cloud: FakeCloud) -> None:
    for number in range(200):
        cloud.land(f"raw/2013-01/part-{number}.csv")
    events = [s3_event(f"raw/2013-01/part-{number % 200}.csv") for number in range(1000)]
    assert entry.handler(batch(*events), LambdaContext()) == {"batchItemFailures": []}
    assert cloud.count("ListObjectsV2") == 1
    assert len(cloud.executions) == 1


def test_each_wake_logs_one_line_of_json_that_says_why(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.land("raw/2013-01/flights.csv")
    entry.handler(batch(s3_event("raw/2013-01/flights.csv")), LambdaContext())
    line = decision(capsys)
    assert line["decision"] == "start"
    assert line["why"].startswith("2013-01: 1 new object, landed.")
    assert line["execution_arn"] == cloud.executions[0].arn
    assert (line["objects"], line["looked_up"], line["messages"]) == (1, 1, 1)
    assert cloud.executions[0].manifest.split("/")[-2] == line["digest"]


@pytest.mark.parametrize("body", ["", "no json", "[1]", '{"detail": null}', '{"reason": {}}'])
def test_a_message_that_says_nothing_wakes_all_the_same(cloud: FakeCloud, body: str) -> None:
    cloud.land("raw/2013-01/flights.csv")
    entry.handler(batch(body), LambdaContext())
    assert len(cloud.executions) == 1


def test_what_an_event_says_is_not_believed(cloud: FakeCloud) -> None:
    cloud.land("raw/2013-01/flights.csv")
    entry.handler(batch(s3_event("raw/2013-09/never-landed.csv")), LambdaContext())
    (execution,) = cloud.executions
    assert execution.name.startswith("2013-01-")


def test_an_error_gives_the_whole_batch_back_and_logs_why(
    cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    del cloud.buckets[DATA]
    answer = entry.handler(batch({}, {}), LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}
    line = decision(capsys)
    assert (line["level"], line["decision"]) == ("ERROR", "fail")
    assert "KeyError" in line["traceback"]


def test_called_by_hand_it_raises_since_there_is_no_message_to_give_back(cloud: FakeCloud) -> None:
    del cloud.buckets[DATA]
    with pytest.raises(KeyError):
        entry.handler({}, LambdaContext())


def test_called_by_hand_it_looks(cloud: FakeCloud) -> None:
    cloud.land("raw/2013-01/flights.csv")
    assert entry.handler({}, LambdaContext()) == {"batchItemFailures": []}
    assert len(cloud.executions) == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATA_BUCKET", "", "DATA_BUCKET is not set"),
        ("WINDOW", "-1", "WINDOW is '-1'; expected a whole number"),
        ("SETTLE_SECONDS", "1m", "SETTLE_SECONDS is '1m'; expected a whole number"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str, message: str) -> None:
    with pytest.raises(TriggerSettingError, match=message):
        from_environment({**ENVIRONMENT, name: value})


def test_a_prefix_is_a_folder() -> None:
    assert from_environment({**ENVIRONMENT, "DATA_PREFIX": "raw"}).data_prefix == "raw/"
    assert from_environment({**ENVIRONMENT, "DATA_PREFIX": ""}).data_prefix == ""
