"""What an endpoint captures, and that the monitoring reads it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.roles import Roles
from ratchet.local_cloud.sagemaker.serving.capture import Capture, Exchange, line_of
from ratchet.monitoring.capture import captured_dataset, read_records
from tests.local_cloud.sagemaker_calls import ROLE, SCOPE, FakeCloud

MOMENT = 1772712000.5  # 2026-03-05T12:00:00.5Z
HEADER = {
    "CsvContentTypes": ["text/csv"],
    "JsonContentTypes": ["application/json", "application/jsonlines"],
}


def capture(**changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://bucket/capture/",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": HEADER,
        **changes,
    }


def exchange(**changes: Any) -> Exchange:
    given = {
        "moment": MOMENT,
        "request": b"1,UA\n",
        "request_type": "text/csv",
        "answer": b"0.25\n",
        "answer_type": "text/csv; charset=utf-8",
        **changes,
    }
    return Exchange(**given)


def test_a_line_is_what_the_developer_guide_shows() -> None:
    record = json.loads(line_of(capture(), exchange(inference_id="flight-1")))
    assert len(record["eventMetadata"].pop("eventId")) == 36
    assert record == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,UA\n",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": "0.25\n",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"inferenceId": "flight-1", "inferenceTime": "2026-03-05T12:00:00Z"},
        "eventVersion": "0",
    }


def test_content_types_that_are_not_listed_are_base64() -> None:
    other = exchange(request=b"\x00\xff", request_type="application/x-npy")
    record = json.loads(line_of(capture(), other))["captureData"]["endpointInput"]
    assert record["encoding"] == "BASE64"
    assert base64.b64decode(record["data"]) == b"\x00\xff"
    without = json.loads(line_of(capture(CaptureContentTypeHeader=None), exchange()))
    assert without["captureData"]["endpointInput"]["encoding"] == "BASE64"


@pytest.mark.parametrize(
    ("mode", "sides"),
    [
        ("Input", {"endpointInput"}),
        ("Output", {"endpointOutput"}),
        ("InputAndOutput", {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_the_sides_asked_for_are_captured(mode: str, sides: set[str]) -> None:
    options = capture(CaptureOptions=[{"CaptureMode": mode}])
    assert set(json.loads(line_of(options, exchange()))["captureData"]) == sides


def keep(cloud: FakeCloud, count: int, **changes: Any) -> None:
    keeper = Capture(cloud, Roles(cloud))
    for _ in range(count):
        config = {"DataCaptureConfig": capture(**changes)}
        keeper.keep(SCOPE, "e", "AllTraffic", config, exchange(), role=ROLE)
    keeper.flush(everything=True)


def test_lines_lie_by_endpoint_variant_and_hour() -> None:
    cloud = FakeCloud()
    keep(cloud, 3)
    ((key, body),) = cloud.objects.items()
    pattern = r"bucket/capture/e/AllTraffic/2026/03/05/12/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    assert re.fullmatch(pattern, key)
    assert body.count(b"\n") == 3


def test_the_sampled_share_is_exact() -> None:
    cloud = FakeCloud()
    keep(cloud, 100, InitialSamplingPercentage=30)
    assert sum(body.count(b"\n") for body in cloud.objects.values()) == 30


def test_nothing_is_written_when_capture_is_off() -> None:
    cloud = FakeCloud()
    keep(cloud, 3, EnableCapture=False)
    assert not cloud.objects


def test_the_analyzer_reads_what_was_captured(tmp_path: Path) -> None:
    cloud = FakeCloud()
    keeper = Capture(cloud, Roles(cloud))
    config = {"DataCaptureConfig": capture()}
    rows = [{"distance": 100 + number, "carrier": "UA"} for number in range(5)]
    requests = [
        (json.dumps(rows).encode(), "application/json"),
        (b"distance,carrier\n7,AA\n", "text/csv"),
        ("".join(json.dumps(row) + "\n" for row in rows).encode(), "application/jsonlines"),
        (b"8,DL\n", "text/plain"),  # not listed: base64
    ]
    for body, kind in requests:
        record = exchange(request=body, request_type=kind)
        keeper.keep(SCOPE, "e", "AllTraffic", config, record, role=ROLE)
    keeper.flush(everything=True)
    file = tmp_path / "captured.jsonl"
    file.write_bytes(b"".join(cloud.objects.values()))
    records = read_records([file])
    assert len(records) == 4
    assert records.unreadable == 0
    dataset = captured_dataset([file], sides=["endpointInput"], names=["distance", "carrier"])
    assert dataset.unreadable == 0
    assert dataset.table.num_rows == 12
    assert set(dataset.table.column_names) == {"distance", "carrier"}
