import csv
import io
import json
from pathlib import Path

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.serving import predictions
from ratchet.deployment.serving.request_rows import Batch, batches
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_serving import ServingWorld, refusal
from tests.unit.cli.golden_files import hold

ROWS = "late,carrier,distance\n0,UA,1400\n1,AA,733\n0,B6,301\n"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    return file


def bodies(file: Path, size: int = 2, **more: object) -> list[str]:
    return [b.body.decode() for b in batches(file, size=size, **more)]  # type: ignore[arg-type]


def test_each_request_of_a_csv_repeats_the_header(rows: Path) -> None:
    assert bodies(rows) == [
        "late,carrier,distance\n0,UA,1400\n1,AA,733\n",
        "late,carrier,distance\n0,B6,301\n",
    ]
    assert [batch.first for batch in batches(rows, size=2)] == [1, 3]


def test_columns_that_are_not_to_be_sent_are_left_out(rows: Path) -> None:
    assert bodies(rows, 3, without=["late", "unknown"]) == [
        "carrier,distance\nUA,1400\nAA,733\nB6,301\n"
    ]


def test_a_csv_without_header_is_sent_without_one(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("UA,1400\nAA,733\n")
    assert bodies(file, header=False) == ["UA,1400\nAA,733\n"]


def test_quoted_fields_and_empty_lines_survive(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('a,b\n"x, ""y""","z\nz"\n\n')
    assert bodies(file) == ['a,b\n"x, ""y""","z\nz"\n']


def test_json_and_json_lines_are_sent_as_what_they_are(tmp_path: Path) -> None:
    lines, whole = tmp_path / "rows.jsonl", tmp_path / "rows.json"
    lines.write_text('{"a": 1}\n\n{"a": 2}\n{"a": 3}\n')
    assert bodies(lines) == ['{"a": 1}\n{"a": 2}\n', '{"a": 3}\n']
    for text in ('[{"a": 1}, {"a": 2}]', '{"instances": [{"a": 1}, {"a": 2}]}'):
        whole.write_text(text)
        assert bodies(whole) == ['[{"a": 1}, {"a": 2}]']


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rows.parquet", b"PAR1", "has an unknown format; expected .csv"),
        ("rows.csv", b"a,b\n1\n", "line 2: 1 fields; expected 2"),
        ("rows.csv", b"a\n\xff\n", "is not UTF-8 text"),
        ("rows.json", b"[1", "is not valid JSON"),
        ("rows.jsonl", b'{"a": 1}\n2\n', "line 2: expected an object"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_place(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DeploymentError, match=words):
        bodies(file)


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b'{"predictions": [0.1, 0.2]}', "application/json", [0.1, 0.2]),
        (b"[[0.1], [0.2]]", "application/json; charset=utf-8", [0.1, 0.2]),
        (b'{"prediction": 0.1}', "application/json", [0.1]),
        (b'{"predictions": [{"score": 1, "label": "a"}]}', "application/json", [
            {"score": 1, "label": "a"}
        ]),
        (b'{"prediction": 0.1}\n{"prediction": 0.2}\n', "application/jsonlines", [0.1, 0.2]),
        (b"0.1\n0.2\n", "text/csv", [0.1, 0.2]),
        (b"0.1,late", "text/csv", [0.1, "late"]),
        (b'old town,0.7,0.3\n"sea, side",0.1,0.9\n', "text/csv", [
            ["old town", 0.7, 0.3], ["sea, side", 0.1, 0.9]
        ]),
    ],
)  # fmt: skip
def test_answers_are_read_in_the_forms_that_containers_give(
    body: bytes, kind: str, expected: list[object]
) -> None:
    assert predictions.read(body, kind, rows=2) == expected


def test_a_line_of_csv_is_the_answer_for_one_row() -> None:
    assert predictions.read(b"ant,0.7,0.3\n", "text/csv", rows=1) == [["ant", 0.7, 0.3]]


@pytest.mark.parametrize(
    ("answer", "prediction"),
    [
        (0.5, 0.5),
        ("ant", "ant"),
        ({"predicted_label": "ant", "probabilities": {"ant": 0.7, "bee": 0.3}}, "ant"),
        (["ant", 0.7, 0.3], "ant"),
        ([[1, 2]], [[1, 2]]),
    ],
)
def test_the_prediction_is_the_first_value_of_an_answer(answer: object, prediction: object) -> None:
    assert predictions.prediction_of(answer) == prediction


def test_an_answer_that_is_no_json_is_shown() -> None:
    with pytest.raises(DeploymentError, match="not application/json: <html>"):
        predictions.read(b"<html>", "application/json")


def test_predict_prints_a_table_without_the_label(
    type_serving: Type, serving: ServingWorld, rows: Path
) -> None:
    result = type_serving("predict", str(rows), "--rows", "2")
    assert result.exit_code == 0, result.output
    hold("predict.txt", "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n")
    assert "3 rows in 2 requests to flights-dev" in result.stderr
    first = min(serving.runtime.asked, key=lambda asked: str(asked["InferenceId"]))
    assert first["Body"] == b"carrier,distance\nUA,1400\nAA,733\n"
    assert first["EndpointName"] == "flights-dev"
    ids = {str(asked["InferenceId"]).split("-")[1] for asked in serving.runtime.asked}
    assert ids == {"1", "3"}


def test_predict_prints_csv_and_json_with_all_rows(type_serving: Type, rows: Path) -> None:
    text = type_serving("predict", str(rows), "--csv", "--without", "none").stdout
    found = list(csv.DictReader(io.StringIO(text)))
    assert [(line["row"], line["prediction"]) for line in found] == [
        ("1", "0.25"),
        ("2", "0.25"),
        ("3", "0.25"),
    ]
    listed = json.loads(type_serving("predict", str(rows), "--json").stdout)
    assert [one["row"] for one in listed] == [1, 2, 3]


def test_a_model_that_refuses_rows_is_quoted(
    type_serving: Type, serving: ServingWorld, rows: Path
) -> None:
    serving.runtime.problem = refusal(
        "ModelError",
        "Received client error (400) from primary",
        OriginalStatusCode=400,
        OriginalMessage="no column carrier\nTraceback (most recent call last)",
    )
    result = type_serving("predict", str(rows))
    assert result.exit_code == 1
    assert "error the model answered 400 to rows 1 to 3: no column carrier" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_an_endpoint_predict_says_how_to_get_one(
    type_serving: Type, serving: ServingWorld, rows: Path
) -> None:
    serving.runtime.problem = refusal("ValidationError", "Endpoint flights-dev not found.")
    result = type_serving("predict", str(rows))
    assert "there is no endpoint flights-dev" in result.stderr
    assert "ratchet models --local" in result.stderr


def test_fewer_predictions_than_rows_are_refused(serving: ServingWorld) -> None:
    serving.runtime.too_few = True
    batch = Batch(body=b"a\n1\n2\n", content_type="text/csv", rows=({}, {}), first=1)
    with pytest.raises(DeploymentError, match="1 predictions for 2 rows"):
        predictions.ask(serving.world.target, "flights-dev", batch, prefix="x")
