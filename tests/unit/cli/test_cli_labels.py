"""`ratchet monitor labels`: labels that became known, from a file to where analyses look."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.monitoring import label_file, labels
from ratchet.deployment.monitoring.label_file import ModelLabels
from ratchet.deployment.target import facts
from ratchet.loop.problems import Kind
from ratchet.monitoring.capture import GROUND_TRUTH, OUTPUT, read_records
from ratchet.monitoring.ground_truth import AnswerColumns, merge
from ratchet.settings.schema import ModelSettings
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_serving import ServingWorld, arn_of, package

FLIGHTS = ModelLabels(ModelSettings(problem="binary", label="late"))
PRICES = ModelLabels(ModelSettings(problem="regression", label="late"))
CHURN = ModelSettings(problem="binary", label="late", positive="leaves")
FRUIT = ModelSettings(problem="multiclass", label="late")
HEADER = "row,prediction,inference_id,late\n"
TWO = f"{HEADER}1,0.3,a-1,0\n2,0.9,a-1,1\n3,0.2,a-3,0\n"
"""Two requests, of two rows and of one."""


def capture(serving: ServingWorld, *requests: tuple[str, Any], hours: int = 1) -> str:
    """Captured answers of some hours ago, by id; returns the object's key."""
    lines = []
    for id_, answer in requests:
        kind, data = ("application/json", json.dumps(answer))
        if isinstance(answer, str):
            kind, data = "text/csv; charset=utf-8", answer
        output = {"observedContentType": kind, "mode": "OUTPUT", "data": data, "encoding": "JSON"}
        about = {"eventId": f"event-{id_}", "inferenceId": id_}
        lines.append({"captureData": {"endpointOutput": output}, "eventMetadata": about})
    hour = datetime.now(UTC) - timedelta(hours=hours)
    key = f"capture/flights-dev/AllTraffic/{hour:%Y/%m/%d/%H}/{len(serving.world.s3.objects)}.jsonl"
    body = "\n".join(map(json.dumps, lines)).encode()
    serving.world.s3.objects["artifacts", key] = body
    return key


def uploaded(serving: ServingWorld) -> list[tuple[str, str]]:
    """(id, labels) of each line that was put."""
    lines = [
        json.loads(line)
        for key in serving.world.s3.puts
        for line in serving.world.s3.objects["artifacts", key].splitlines()
    ]
    return [(line["eventMetadata"]["eventId"], line["groundTruthData"]["data"]) for line in lines]


def written(folder: Path, text: str, *, name: str = "labels.csv", age: float = 0) -> Path:
    file = folder / name
    file.write_text(text)
    os.utime(file, (time.time() - age, time.time() - age))
    return file


def test_labels_go_to_the_folder_of_the_hour_by_request(
    type_serving: Type, serving: ServingWorld, tmp_path: Path
) -> None:
    capture(serving, ("a-1", {"predictions": [0.3, 0.9]}), ("a-3", "0.2\n"))
    result = type_serving("monitor", "labels", str(written(tmp_path, TWO)))
    assert result.exit_code == 0, result.output
    (key,) = serving.world.s3.puts
    assert key.startswith(f"ground-truth/{datetime.now(UTC):%Y/%m/%d/%H}/")
    assert "-labels-" in key
    assert uploaded(serving) == [("a-1", "0,1"), ("a-3", "0")]
    assert "3 labels of 2 requests, 2 of them captured  s3://artifacts/ground-truth" in (
        result.stdout
    )
    assert "ratchet monitor run" in result.stderr


def test_labels_that_are_sent_later_are_read_later(serving: ServingWorld, tmp_path: Path) -> None:
    target = serving.world.target
    about = facts.read_serving(target)
    uris = []
    for second, (name, text) in enumerate([("z", TWO), ("a", TWO.replace("0", "1")), ("z", TWO)]):
        given = label_file.read(written(tmp_path, text), model=FLIGHTS).requests
        now = datetime(2026, 8, 2, 14, 59, second, tzinfo=UTC)
        uris.append(labels.upload(target, about, given, name=name, now=now))
    assert uris == sorted(set(uris))
    assert uris[0].startswith("s3://artifacts/ground-truth/2026/08/02/14/5900000000-z-")


def test_what_is_uploaded_is_what_an_analysis_reads(tmp_path: Path) -> None:
    requests = label_file.read(written(tmp_path, TWO), model=FLIGHTS).requests
    truth = tmp_path / "truth.jsonl"
    truth.write_text("\n".join(json.dumps(each.document()) for each in requests))
    output = {"observedContentType": "text/csv", "mode": "OUTPUT", "encoding": "CSV"}
    captured = tmp_path / "captured.jsonl"
    captured.write_text(
        "\n".join(
            json.dumps(
                {
                    "captureData": {OUTPUT: {**output, "data": data}},
                    "eventMetadata": {"eventId": "e", "inferenceId": id_, "inferenceTime": "2026"},
                    "eventVersion": "0",
                }
            )
            for id_, data in (("a-1", "0.3\n0.9\n"), ("a-3", "0.2\n"))
        )
    )
    merged = merge(
        read_records([captured], sides=[OUTPUT]),
        read_records([truth], sides=[GROUND_TRUTH], metadata=["eventId"]),
        AnswerColumns(probability="0"),
    )
    assert merged.labels == ["0", "1", "0"]
    assert merged.probabilities == ["0.3", "0.9", "0.2"]
    assert (merged.unlabelled, merged.unreadable) == (0, 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.jsonl", '{"inference_id": "a-1", "label": 1}\n{"inference_id": "a-1", "label": false}'),
        ("x.json", '[{"eventId": "a-1", "late": "1"}, {"eventId": "a-1", "late": "false"}]'),
        ("x.csv", "inference_id,row,late\na-1,2,false\na-1,1,1\n"),
        (
            "x.jsonl",
            '{"groundTruthData": {"data": "1,false", "encoding": "CSV"}, '
            '"eventMetadata": {"eventId": "a-1"}, "eventVersion": "0"}',
        ),
    ],
)
def test_a_file_is_read_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    (request,) = label_file.read(written(tmp_path, text, name=name), model=FLIGHTS).requests
    assert request.id == "a-1"
    assert request.labels == ("1", "0")


def test_a_request_whose_labels_are_not_all_known_stays_out(tmp_path: Path) -> None:
    read = label_file.read(written(tmp_path, TWO.replace("a-1,1", "a-1,")), model=FLIGHTS)
    assert [request.id for request in read.requests] == ["a-3"]
    assert read.incomplete == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "row 1 has no column 'inference_id'; there are a, b"),
        ("inference_id,b\na-1,2\n", "row 1 has no column 'late'"),
        (f"{HEADER}1,0.3,a-1,0\n2,0.3,a-1,perhaps\n", "row 2: late = 'perhaps'; expected 1 or 0"),
        (f"{HEADER}1,0.3,,0\n", "row 1: inference_id is empty"),
        (f"{HEADER}x,0.3,a-1,0\n", "row 1: row = 'x' is no number"),
        (f"{HEADER}1,0.3,a-1,0\n1,0.3,a-1,1\n", "a-1, row 1 has two labels: 0 and 1"),
        (f"{HEADER}1,0.3,a-1,0\n,0.3,a-1,1\n", "some of its rows have a number and some have none"),
        (HEADER, "holds no rows"),
        (HEADER + "".join(f"1,0.3,a-{n},x{n}\n" for n in range(9)), "… and 4 more"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_uploaded(
    type_serving: Type, serving: ServingWorld, tmp_path: Path, text: str, message: str
) -> None:
    result = type_serving("monitor", "labels", str(written(tmp_path, text)))
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert not serving.world.s3.puts


def test_a_request_with_another_number_of_rows_is_refused(
    type_serving: Type, serving: ServingWorld, tmp_path: Path
) -> None:
    capture(serving, ("a-1", [0.3, 0.9, 0.5]), ("a-3", [0.2]))
    result = type_serving("monitor", "labels", str(written(tmp_path, TWO)))
    assert result.exit_code == 1
    assert "a-1: 2 labels for 3 rows" in result.stderr
    assert not serving.world.s3.puts


def test_ids_that_were_not_captured_are_refused_when_that_can_be_known(
    type_serving: Type, serving: ServingWorld, tmp_path: Path
) -> None:
    capture(serving, ("a-1", [0.3, 0.9]))
    file = written(tmp_path, TWO, age=7200)
    refused = type_serving("monitor", "labels", str(file))
    assert refused.exit_code == 1
    assert "of 2 requests, 1 match no answer" in " ".join(refused.stderr.split())
    assert not serving.world.s3.puts
    assert type_serving("monitor", "labels", str(file), "--unmatched").exit_code == 0
    assert uploaded(serving) == [("a-1", "0,1"), ("a-3", "0")]


@pytest.mark.parametrize(("age", "percent"), [(0, 100), (7200, 10)])
def test_ids_that_may_yet_be_captured_or_never_are_uploaded_and_counted(
    type_serving: Type, serving: ServingWorld, tmp_path: Path, age: float, percent: int
) -> None:
    settings = serving.world.target.settings
    object.__setattr__(
        serving.world.target,
        "settings",
        replace(settings, endpoint=replace(settings.endpoint, capture_percent=percent)),
    )
    capture(serving, ("a-1", [0.3, 0.9]))
    file = written(tmp_path, TWO, age=age)
    result = type_serving("monitor", "labels", str(file), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["labels"], report["matched"], report["unmatched"]) == (3, 1, ["a-3"])


def test_answers_of_more_than_a_week_ago_are_not_looked_at(serving: ServingWorld) -> None:
    target = serving.world.target
    capture(serving, ("a-1", [0.3]), hours=24 * 8)
    capture(serving, ("a-3", [0.3]), hours=24 * 6)
    about = facts.read_serving(target)
    answers = labels.captured(target, about, {"a-1", "a-3"}, now=datetime.now(UTC))
    assert answers.rows == {"a-3": 1}


def test_lines_that_are_no_answers_and_answers_that_cannot_be_read_do_not_stop_it(
    serving: ServingWorld,
) -> None:
    key = capture(serving, ("a-1", "0.1,0.2"), ("a-3", {"predictions": [1]}))
    objects = serving.world.s3.objects
    objects["artifacts", key] += b'\nnonsense\n{"eventMetadata": {}}\n[]\n'
    about = facts.read_serving(serving.world.target)
    answers = labels.captured(serving.world.target, about, {"a-1", "a-3"}, now=datetime.now(UTC))
    assert answers.rows == {"a-1": None, "a-3": 1}
    request = label_file.RequestLabels(id="a-1", labels=("1", "0", "1"))
    assert labels.match([request], answers).matched == 1


def serve(serving: ServingWorld, model: ModelSettings, *classes: str) -> None:
    """Version 3 serves, which was judged by rows of these classes."""
    target = serving.world.target
    object.__setattr__(target, "settings", replace(target.settings, model=model))
    report = json.dumps({"classes": dict.fromkeys(classes, 9)}).encode()
    serving.world.s3.objects["artifacts", "r/evaluation.json"] = report
    metadata = {"evaluation": "s3://artifacts/r/evaluation.json"}
    serving.sagemaker.packages = [package(3, "Approved", metadata=metadata)]
    serving.world.ssm.parameters["/flights/dev/champion"] = arn_of(3)


@pytest.mark.parametrize(
    ("model", "given", "written_as"),
    [
        (PRICES.model, ["1.50", "-3", "1e3"], ["1.50", "-3", "1e3"]),
        (CHURN, ["leaves", " stays "], ["leaves", "stays"]),
        (FRUIT, ["Golden Delicious", "3.0", "3"], ["Golden Delicious", "3", "3"]),
        (FLIGHTS.model, ["TRUE", "0.0", "1"], ["1", "0", "1"]),
        (replace(FLIGHTS.model, positive="True"), ["True", "False"], ["1", "0"]),
    ],
)
def test_labels_of_every_problem_are_uploaded_in_one_spelling(
    type_serving: Type,
    serving: ServingWorld,
    tmp_path: Path,
    model: ModelSettings,
    given: list[str],
    written_as: list[str],
) -> None:
    serve(serving, model, *(["stays", "leaves"] if model == CHURN else written_as))
    lines = "".join(f"a-{n},{value}\n" for n, value in enumerate(given))
    file = written(tmp_path, f"inference_id,late\n{lines}")
    result = type_serving("monitor", "labels", str(file))
    assert result.exit_code == 0, result.output
    assert [label for _, label in uploaded(serving)] == written_as
    assert "not checked" not in result.stderr


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (PRICES.model, "cheap", "row 1: late = 'cheap' and 1 more; expected a finite number"),
        (PRICES.model, "NaN", "row 1: late = 'NaN' and 1 more; expected a finite number"),
        (PRICES.model, "-Infinity", "late = '-Infinity' and 1 more; expected a finite number"),
        (CHURN, "leavs", "did you mean leaves? Labels are stays, leaves"),
        (CHURN, "1", "has this label. Labels are stays, leaves"),
        (FRUIT, "aple", "did you mean apple? Labels are apple, pear"),
        (FRUIT, "apple,pear", "Labels are apple, pear"),
        (FLIGHTS.model, "late", "row 1: late = 'late' and 1 more; expected 1 or 0"),
        (replace(FRUIT, classes=("kiwi", "fig")), "apple", "this label. Labels are kiwi, fig"),
    ],
)
def test_a_value_that_is_no_label_of_the_problem_is_refused_with_counts(
    type_serving: Type,
    serving: ServingWorld,
    tmp_path: Path,
    model: ModelSettings,
    given: str,
    message: str,
) -> None:
    serve(serving, model, *(["stays", "leaves"] if model == CHURN else ["apple", "pear"]))
    good = {"regression": "1", "binary": model.positive or "1"}.get(model.problem)
    good = good or (model.classes or ("pear",))[0]
    lines = [{"inference_id": f"a-{n}", "late": v} for n, v in enumerate([given, good, given])]
    file = written(tmp_path, "\n".join(map(json.dumps, lines)), name="x.jsonl")
    result = type_serving("monitor", "labels", str(file))
    assert result.exit_code == 1
    text = " ".join(result.stderr.split())
    assert "was not uploaded. 2 of 3 labels are none." in text
    assert message in text
    assert not serving.world.s3.puts


def test_a_class_that_is_new_is_uploaded_when_it_is_said_to_be(
    type_serving: Type, serving: ServingWorld, tmp_path: Path
) -> None:
    serve(serving, FRUIT, "apple", "pear")
    file = str(written(tmp_path, "inference_id,late\na-1,fig\n"))
    assert type_serving("monitor", "labels", file).exit_code == 1
    assert type_serving("monitor", "labels", file, "--new-classes").exit_code == 0
    assert uploaded(serving) == [("a-1", "fig")]


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_other_problems_have_no_further_classes(
    type_serving: Type, serving: ServingWorld, tmp_path: Path, problem: Kind
) -> None:
    serve(serving, replace(CHURN, problem=problem, positive=""))
    result = type_serving("monitor", "labels", str(written(tmp_path, TWO)), "--new-classes")
    assert result.exit_code == 2
    assert f"a {problem} problem has no further classes" in " ".join(result.stderr.split())


def test_names_that_cannot_be_checked_are_said_with_their_counts(
    type_serving: Type, serving: ServingWorld, tmp_path: Path
) -> None:
    serve(serving, FRUIT, "apple")
    del serving.world.s3.objects["artifacts", "r/evaluation.json"]
    file = written(tmp_path, "inference_id,late\na-1,fig\na-2,fig\na-3,[b]\n")
    result = type_serving("monitor", "labels", str(file))
    assert result.exit_code == 0, result.output
    assert "names are not checked" in " ".join(result.stderr.split())
    assert "fig (2), [b] (1)" in " ".join(result.stderr.split())


def test_a_third_word_of_a_binary_problem_is_refused_without_a_report_too(tmp_path: Path) -> None:
    text = "inference_id,late\na-1,leaves\na-2,stays\na-3,stay\n"
    with pytest.raises(DeploymentError, match=r"beside 'leaves' there are 'stays' \(1\), 'stay'"):
        label_file.read(written(tmp_path, text), model=ModelLabels(CHURN))
    two = label_file.read(
        written(tmp_path, text.replace("stay\n", "stays\n")), model=ModelLabels(CHURN)
    )
    assert two.classes == {"leaves": 1, "stays": 2}


def test_a_name_with_a_comma_stays_one_label(tmp_path: Path) -> None:
    names = ["Food, drinks", 'the "rest"', "a"]
    lines = [{"inference_id": "a-1", "late": name} for name in names]
    file = written(tmp_path, "\n".join(map(json.dumps, lines)), name="x.jsonl")
    (request,) = label_file.read(file, model=ModelLabels(FRUIT)).requests
    again = written(tmp_path, json.dumps(request.document()), name="again.jsonl")
    (same,) = label_file.read(again, model=ModelLabels(FRUIT)).requests
    assert list(same.labels) == list(request.labels) == names


def test_an_answer_of_words_has_as_many_rows_as_lines(serving: ServingWorld) -> None:
    capture(serving, ("a-1", "Golden Delicious,0.9,0.1\nGala,0.2,0.8\n"), ("a-2", "Royal Gala"))
    about = facts.read_serving(serving.world.target)
    answers = labels.captured(serving.world.target, about, {"a-1", "a-2"}, now=datetime.now(UTC))
    assert answers.rows == {"a-1": 2, "a-2": 1}


def test_a_file_that_is_not_there_is_said(type_serving: Type) -> None:
    result = type_serving("monitor", "labels", "not-there.csv")
    assert result.exit_code == 1
    assert "no such file: not-there.csv" in result.stderr
    with pytest.raises(DeploymentError):
        label_file.read(Path("not-there.csv"), model=FLIGHTS)
