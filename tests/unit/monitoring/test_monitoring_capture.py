from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.monitoring.capture import captured_dataset, read_records
from ratchet.monitoring.datasets import TableDataset, UnreadableDatasetError

INPUT, OUTPUT = "endpointInput", "endpointOutput"


def side(data: Any, encoding: str = "CSV", content: str = "text/csv") -> dict[str, Any]:
    return {"observedContentType": content, "mode": "INPUT", "data": data, "encoding": encoding}


def record(request: Any, answer: Any = None, *, time: str = "2026-02-14T17:25:49Z") -> str:
    sides = {INPUT: request if isinstance(request, dict) else side(request)}
    if answer is not None:
        sides[OUTPUT] = answer if isinstance(answer, dict) else side(answer)
    metadata = {"eventId": "e", "inferenceTime": time}
    return json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"})


def read(
    tmp_path: Path, *lines: str, sides: tuple[str, ...] = (INPUT,), **options: Any
) -> TableDataset:
    path = tmp_path / "capture.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return captured_dataset([path], sides=sides, **options)


def rows(dataset: TableDataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dataset.table.to_pylist()
    return found


def test_csv_takes_the_names_of_the_baseline_by_position(tmp_path: Path) -> None:
    dataset = read(tmp_path, record("1,2.5,UA\n"), record("3,4,DL"), names=["a", "b", "c"])
    assert rows(dataset) == [{"a": 1, "b": 2.5, "c": "UA"}, {"a": 3, "b": 4.0, "c": "DL"}]


def test_csv_of_another_width_than_the_baseline_is_numbered_as_in_spark(tmp_path: Path) -> None:
    assert read(tmp_path, record("1,2"), names=["a", "b", "c"]).names == ["_c0", "_c1"]


def test_the_answers_columns_come_first(tmp_path: Path) -> None:
    dataset = read(tmp_path, record("1,2", "0.25"), sides=(INPUT, OUTPUT), names=["late", "a", "b"])
    assert rows(dataset) == [{"late": 0.25, "a": 1, "b": 2}]


def test_a_header_in_a_request_names_its_columns_in_any_order(tmp_path: Path) -> None:
    lines = [record("a,b\n1,2\n3,4\n"), record("b,a\n6,5"), record("7,8")]
    dataset = read(tmp_path, *lines, names=["a", "b"])
    assert rows(dataset) == [
        {"a": 1, "b": 2},
        {"a": 3, "b": 4},
        {"a": 5, "b": 6},
        {"a": 7, "b": 8},
    ]


def test_a_header_may_begin_with_a_column_that_the_baseline_leaves_out(tmp_path: Path) -> None:
    dataset = read(tmp_path, record("year,a,b\n2013,1,2\n"), names=["a", "b"])
    assert rows(dataset) == [{"year": 2013, "a": 1, "b": 2}]


def test_a_line_end_within_quotes_is_no_row(tmp_path: Path) -> None:
    dataset = read(tmp_path, record('1,"two\nlines"'), record("2,one"), names=["a", "b"])
    assert rows(dataset) == [{"a": 1, "b": "two lines"}, {"a": 2, "b": "one"}]


def test_records_of_another_width_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [record("1,2"), record("1,2,3"), record("3,4"), record("")]
    dataset = read(tmp_path, *lines, names=["a", "b"])
    assert rows(dataset) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert dataset.unreadable == 2


@pytest.mark.parametrize(
    "payload",
    [
        '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
        '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
        '{"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}',
        '[\n  {"a": 1, "b": "x"},\n  {"a": 2,\n "b": "y"}\n]',
    ],
)
def test_json_requests_of_every_shape_are_rows(tmp_path: Path, payload: str) -> None:
    dataset = read(tmp_path, record(side(payload, "JSON", "application/json")))
    assert rows(dataset) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_list_of_predictions_stands_beside_the_rows_it_answers(tmp_path: Path) -> None:
    request = side('[{"a": 1}, {"a": 2}]', "JSON")
    answer = side('{"predictions": [0.25, 0.5]}', "JSON")
    dataset = read(tmp_path, record(request, answer), sides=(INPUT, OUTPUT))
    assert rows(dataset) == [{"predictions": 0.25, "a": 1}, {"predictions": 0.5, "a": 2}]


def test_a_record_with_fewer_answers_than_rows_is_left_out(tmp_path: Path) -> None:
    good = record(side('[{"a": 1}]', "JSON"), side('{"predictions": [0.25]}', "JSON"))
    bad = record(side('[{"a": 2}, {"a": 3}]', "JSON"), side('{"predictions": [0.5]}', "JSON"))
    dataset = read(tmp_path, good, bad, sides=(INPUT, OUTPUT))
    assert rows(dataset) == [{"predictions": 0.25, "a": 1}]
    assert dataset.unreadable == 1


@pytest.mark.parametrize(
    ("text", "content"),
    [("1,2", "text/csv"), ('{"a": 1, "b": 2}', "application/json; charset=utf-8")],
)
def test_base64_is_decoded_and_read_as_what_it_is(tmp_path: Path, text: str, content: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    dataset = read(tmp_path, record(side(encoded, "BASE64", content)), names=["a", "b"])
    assert rows(dataset) == [{"a": 1, "b": 2}]


def test_encodings_may_be_mixed(tmp_path: Path) -> None:
    lines = [
        record("a,b\n1,2"),
        record(side('{"a": 3, "b": 4.5}', "JSON")),
        record(side(base64.b64encode(b"a,b\n5,6").decode(), "BASE64")),
        record(side(base64.b64encode(b"\xff\x00").decode(), "BASE64", "image/png")),
    ]
    dataset = read(tmp_path, *lines, names=["a", "b"])
    assert rows(dataset) == [{"a": 1, "b": 2.0}, {"a": 3, "b": 4.5}, {"a": 5, "b": 6.0}]
    assert dataset.unreadable == 1


def test_lines_that_are_no_records_are_counted(tmp_path: Path) -> None:
    dataset = read(tmp_path, record("1"), '{"captureData": {"endpoi', "[]", record("2"))
    assert rows(dataset) == [{"_c0": 1}, {"_c0": 2}]
    assert dataset.unreadable == 2


def test_a_file_without_a_single_record_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDatasetError, match=r"none of the 2 lines of .*capture\.jsonl"):
        read(tmp_path, "a,b", "1,2")


def test_only_the_window_is_analyzed_and_its_end_is_not_in_it(tmp_path: Path) -> None:
    times = ["16:59:59", "17:00:00", "17:59:59", "18:00:00"]
    lines = [record(str(i), time=f"2026-02-14T{time}Z") for i, time in enumerate(times)]
    # AWS's own page shows blanks within the times.
    start, end = "2026-02-14T17: 00: 00Z", "2026-02-14T18: 00: 00Z"
    assert rows(read(tmp_path, *lines, start=start, end=end)) == [{"_c0": 1}, {"_c0": 2}]


def test_many_files_are_one_dataset_whatever_their_types(tmp_path: Path) -> None:
    """Files are parsed by batches; a batch may see only whole numbers, or only missing values."""
    for name, value in (("a", "1,x"), ("b", "2.5,"), ("c", ",y")):
        (tmp_path / f"{name}.jsonl").write_text(record(value))
    dataset = captured_dataset(sorted(tmp_path.glob("*.jsonl")), sides=[INPUT])
    assert [row["_c0"] for row in rows(dataset)] == [1.0, 2.5, None]
    assert [row["_c1"] for row in rows(dataset)] == ["x", None, "y"]


def test_batches_end_at_line_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ratchet.monitoring.capture._BATCH", 700)
    values = ["1,a", "2.5,b", "x,c", ",d", "5,e"] * 3
    dataset = read(tmp_path, *(record(value) for value in values))
    assert [row["_c0"] for row in rows(dataset)] == ["1", "2.5", "x", None, "5"] * 3
    assert [row["_c1"] for row in rows(dataset)] == list("abcde") * 3


def test_the_inference_id_is_taken_before_the_event_id(tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    given = json.loads(record("1"))
    given["eventMetadata"]["inferenceId"] = "mine"
    path.write_text(f"{json.dumps(given)}\n{record('1')}\n")
    assert read_records([path]).ids.to_pylist() == ["mine", "e"]
