"""What the monitoring pipeline is given to analyze."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import aws_clients
from select_captured import handler as entry
from select_captured import window
from select_captured.answer import SelectionAnswer
from select_captured.window import WindowError
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ENDPOINT, arn_of

PARAMETER = "/flights/dev/champion"
NOW = datetime(2013, 8, 2, 13, 20, 30, 500, tzinfo=UTC)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    cloud = FakeCloud(now=NOW)
    environment = {
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "ENDPOINT_NAME": ENDPOINT,
        "CHAMPION_PARAMETER": PARAMETER,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for service in ("sagemaker", "s3", "ssm"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    entry._selection.cache_clear()
    cloud.parameters[PARAMETER] = cloud.register(3, "Approved")
    yield cloud
    entry._selection.cache_clear()


def capture(cloud: FakeCloud, hour: str, name: str = "a.jsonl", body: bytes = b"{}") -> str:
    key = f"capture/{ENDPOINT}/AllTraffic/{hour}/{name}"
    cloud._store(ARTIFACTS, key, body)
    return key


def label(cloud: FakeCloud, hour: str, name: str = "l.jsonl") -> str:
    key = f"ground-truth/{hour}/{name}"
    cloud._store(ARTIFACTS, key, b"{}")
    return key


def publish(cloud: FakeCloud, kind: str, **record: str) -> None:
    text = json.dumps(record).encode()
    cloud._store(ARTIFACTS, f"monitoring/{ENDPOINT}/{kind}.json", text)


def select(start: str = "last", end: str = "hour") -> dict[str, Any]:
    selection = entry._selection()
    answer = selection.select({"start": start, "end": end}, now=NOW).outputs()
    assert all(value not in ("", None) for value in answer.values())
    return answer


def listed(cloud: FakeCloud, uri: str) -> list[str]:
    key = uri.removeprefix(f"s3://{ARTIFACTS}/")
    prefix, *keys = json.loads(cloud.buckets[ARTIFACTS][key].body)
    assert prefix == {"prefix": f"s3://{ARTIFACTS}/"}
    return list(keys)


def test_the_window_goes_from_where_the_last_one_ended_to_this_hour(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/10")
    wanted = [capture(cloud, "2013/08/02/11"), capture(cloud, "2013/08/02/12")]
    capture(cloud, "2013/08/02/13")
    publish(cloud, "data-quality", next="2013-08-02T11:00:00Z")
    answer = select()
    assert (answer["start"], answer["end"]) == ("2013-08-02T11:00:00Z", "2013-08-02T13:00:00Z")
    assert (answer["objects"], listed(cloud, answer["manifest"])) == (2, wanted)
    assert answer["baseline"] == "s3://artifacts/runs/3/ModelDataQuality"
    assert answer["package_arn"] == arn_of(3)


def test_the_first_window_begins_with_the_first_captured_hour_within_reach(
    cloud: FakeCloud,
) -> None:
    capture(cloud, "2013/07/01/10")
    capture(cloud, "2013/08/02/09")
    assert select()["start"] == "2013-08-02T09:00:00Z"


def test_until_now_takes_the_hour_that_is_not_over(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/13")
    assert select(end="hour")["objects"] == 0
    answer = select(end="now")
    assert (answer["objects"], answer["end"]) == (1, "2013-08-02T13:20:30Z")


def test_a_window_that_begins_within_an_hour_takes_that_hours_files(cloud: FakeCloud) -> None:
    """Its earlier records are left out by their inferenceTime."""
    capture(cloud, "2013/08/02/12")
    assert select(start="2013-08-02T12:30:00Z")["objects"] == 1


def test_given_times_are_taken_as_they_are(cloud: FakeCloud) -> None:
    capture(cloud, "2013/07/01/10")
    answer = select("2013-07-01T10:00:00Z", "2013-07-01T11:00:00Z")
    assert (answer["objects"], answer["start"]) == (1, "2013-07-01T10:00:00Z")


def test_the_same_files_give_the_same_answer(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/12")
    assert select() == select()


def test_no_traffic_is_nothing_to_analyze(cloud: FakeCloud) -> None:
    answer = select()
    assert (answer["objects"], answer["manifest"]) == (0, "none")
    assert answer["start"] == answer["end"]


def test_a_window_that_has_not_begun_is_empty(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/13")
    publish(cloud, "data-quality", next="2013-08-02T13:10:00Z")
    assert select(end="hour")["objects"] == 0


def test_empty_and_foreign_files_are_left_out(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/12", body=b"")
    capture(cloud, "2013/08/02/x2")
    cloud._store(ARTIFACTS, "capture/flights-dev-other/AllTraffic/2013/08/02/12/a.jsonl", b"{}")
    assert select()["objects"] == 0


@pytest.mark.parametrize("state", ["no parameter", "none", "deleted", "no baseline"])
def test_without_a_champion_or_its_baseline_there_is_nothing_to_analyze(
    cloud: FakeCloud, state: str
) -> None:
    capture(cloud, "2013/08/02/12")
    label(cloud, "2013/08/02/12")
    if state == "no parameter":
        del cloud.parameters[PARAMETER]
    elif state == "none":
        cloud.parameters[PARAMETER] = "none"
    elif state == "deleted":
        del cloud.packages[arn_of(3)]
    else:
        del cloud.packages[arn_of(3)]["DriftCheckBaselines"]
    answer = select()
    assert (answer["objects"], answer["labelled"], answer["baseline"]) == (0, 0, "none")


def test_months_of_captured_traffic_are_not_listed(cloud: FakeCloud) -> None:
    for number in range(3000):
        capture(cloud, "2013/07/01/10", f"{number}.jsonl")
    capture(cloud, "2013/08/02/12")
    select()
    assert cloud.count("ListObjectsV2") <= 3


# -- labels -------------------------------------------------------------------------------------


def test_labels_that_landed_are_held_against_the_answers_of_the_last_days(
    cloud: FakeCloud,
) -> None:
    captured = [capture(cloud, "2013/07/28/12"), capture(cloud, "2013/08/02/12")]
    landed = [label(cloud, "2013/07/30/12")]
    publish(cloud, "data-quality", next="2013-08-02T12:00:00Z")
    answer = select()
    assert (answer["labelled"], listed(cloud, answer["labels"])) == (1, landed)
    assert listed(cloud, answer["labelled_manifest"]) == captured
    assert answer["quality_baseline"] == "s3://artifacts/runs/3/ModelQuality"
    assert answer["quality_start"] == "2013-07-26T13:00:00Z"
    assert answer["quality_end"] == "2013-08-02T13:00:00Z"


def test_answers_of_an_earlier_champion_are_not_counted_for_this_one(cloud: FakeCloud) -> None:
    capture(cloud, "2013/07/28/12")
    capture(cloud, "2013/08/02/12")
    label(cloud, "2013/08/01/12")
    cloud.parameters_changed = datetime(2013, 8, 1, tzinfo=UTC)
    answer = select()
    assert answer["quality_start"] == "2013-08-01T00:00:00Z"
    assert len(listed(cloud, answer["labelled_manifest"])) == 1


def test_model_quality_waits_until_a_label_lands(cloud: FakeCloud) -> None:
    capture(cloud, "2013/08/02/12")
    cloud.now = datetime(2013, 8, 2, 11, tzinfo=UTC)
    label(cloud, "2013/08/02/10")
    publish(cloud, "model-quality", end="2013-08-02T12:00:00Z")
    assert select()["labelled"] == 0
    cloud.now = NOW
    label(cloud, "2013/08/02/10", "late.jsonl")
    assert select()["labelled"] == 2


def test_labels_without_answers_are_nothing_to_compare(cloud: FakeCloud) -> None:
    label(cloud, "2013/08/02/12")
    assert select()["labelled"] == 0


# -- pure ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [("yesterday", "hour"), ("last", "later")])
def test_what_is_no_time_is_refused_with_what_is_expected(
    cloud: FakeCloud, given: tuple[str, str]
) -> None:
    with pytest.raises(WindowError, match=r"expected .* 2013-08-02T13:00:00Z"):
        select(*given)


def test_a_time_without_a_zone_is_utc() -> None:
    assert window.text_of(window.parsed("2013-08-02T13:00:00")) == "2013-08-02T13:00:00Z"
    assert window.text_of(window.parsed("2013-08-02T15:00:00+02:00")) == "2013-08-02T13:00:00Z"


def test_the_handler_answers_with_every_key(cloud: FakeCloud) -> None:
    assert set(entry.handler({}, None)) == set(SelectionAnswer.__dataclass_fields__)
