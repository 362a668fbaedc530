"""The monitoring pipeline, run: flights of winter and summer as an endpoint would capture them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest

from ratchet.authoring import Pipeline
from ratchet.pipelines.monitoring import monitoring
from ratchet.runner import Result
from ratchet.settings.compute import ComputeSettings
from ratchet.settings.schema import MonitorSettings
from tests.definitions.laptop import Laptop, after_winter, output, run_training, steps

pytestmark = pytest.mark.jobs

CALENDAR = ("year", "month", "day", "time_hour")
WINDOW = {"start": "2026-08-02T13:00:00Z", "end": "2026-08-02T14:00:00Z"}
CAPTURE = "s3://artifacts/capture/flights-dev/AllTraffic/2026/08/02/13/"
LABELS = "s3://artifacts/ground-truth/2026/08/02/14/"
NOTHING = {
    **dict.fromkeys(["objects", "labelled"], 0),
    **dict.fromkeys(["manifest", "labels", "labelled_manifest"], "none"),
    **dict.fromkeys(["baseline", "quality_baseline", "package_arn"], "none"),
    **WINDOW,
    **{f"quality_{name}": time for name, time in WINDOW.items()},
}
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/flights-dev/1"

Rows = list[str]
"""JSON, one object each, as a caller sends it: the raw columns without the label."""


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    # A month differs from every other by its dates, and nobody wants to hear of it.
    monitor = MonitorSettings(exclude=CALENDAR)
    return after_winter(tmp_path_factory.mktemp("laptop"), monitor=monitor)


@pytest.fixture(scope="module")
def trained(laptop: Laptop) -> Result:
    """The run that the model which serves comes from."""
    result = run_training(laptop)
    assert result.status == "Succeeded", result.failure_reason
    return result


@pytest.fixture(scope="module")
def winter(laptop: Laptop) -> Rows:
    """Other flights of the month that the model was evaluated on."""
    return flights(laptop, month=2)


@pytest.fixture(scope="module")
def summer(laptop: Laptop) -> Rows:
    return flights(laptop, month=7)


def flights(laptop: Laptop, *, month: int) -> Rows:
    """Made by the step that makes the rows of the training."""
    landed = f"s3://data/later-{month}/"
    laptop.land(month, below=landed, first=5)
    p = Pipeline("rows", laptop.context)
    p.processing(
        "prepare",
        f"{laptop.context.steps}/prepare.py",
        inputs={"raw": p.string("Data")},
        outputs=["train", "eval"],
        compute=ComputeSettings(),
    )
    made = laptop.run(p, Data=landed)
    train = laptop.storage.path(f"{output(made, 'prepare', 'train')}/train.parquet")
    eval_slice = laptop.storage.path(f"{output(made, 'prepare', 'eval')}/eval.csv")
    rows = pd.concat([pd.read_parquet(train), pd.read_csv(eval_slice)]).drop(columns="late")
    return rows.to_json(orient="records", lines=True).splitlines()


def capture(laptop: Laptop, requests: Iterable[tuple[str, str]]) -> str:
    """Pairs of request and answer as a capture file; gives the manifest that lists it."""
    lines = []
    for number, (request, answer) in enumerate(requests):
        sides = {
            "endpointInput": {"mode": "INPUT", "data": request, "encoding": "JSON"},
            "endpointOutput": {"mode": "OUTPUT", "data": answer, "encoding": "JSON"},
        }
        event = {"eventId": f"event-{number}", "inferenceTime": "2026-08-02T13:30:00Z"}
        lines.append(json.dumps({"captureData": sides, "eventMetadata": event}))
    laptop.put(f"{CAPTURE}30-00-000.jsonl", "\n".join(lines) + "\n")
    return laptop.manifest(f"s3://artifacts/manifests/capture{laptop.runs}.json", prefix=CAPTURE)


def monitored(laptop: Laptop, **captured: Any) -> tuple[Result, list[dict[str, Any]]]:
    """The run, and the events that `publish_monitoring` got."""
    published: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []

    def publish(event: dict[str, Any]) -> dict[str, Any]:
        published.append(event)
        analysis = laptop.document(f"{event['analysis']}/analysis.json")
        found = laptop.document(f"{event['analysis']}/constraint_violations.json")
        return {"outcome": analysis["outcome"], "violations": len(found["violations"])}

    def select(event: dict[str, Any]) -> dict[str, Any]:
        asked.append(event)
        return {**NOTHING, **captured}

    laptop.functions["publish-monitoring"] = publish
    laptop.functions["select-captured"] = select
    result = laptop.run(monitoring(laptop.context))
    assert asked == [{"start": "last", "end": "hour"}]
    return result, published


def data_quality(laptop: Laptop, trained: Result, rows: Rows) -> tuple[Result, dict[str, Any]]:
    manifest = capture(laptop, ((row, '{"predictions": [0.5]}') for row in rows))
    baseline = output(trained, "baseline", "baseline")
    result, (event,) = monitored(
        laptop, objects=1, manifest=manifest, baseline=baseline, package_arn=PACKAGE
    )
    assert result.status == "Succeeded", result.failure_reason
    return result, event


def drifted(laptop: Laptop, event: dict[str, Any]) -> set[str]:
    found = laptop.document(f"{event['analysis']}/constraint_violations.json")["violations"]
    return {
        violation["feature_name"]
        for violation in found
        if violation["constraint_check_type"] == "baseline_drift_check"
    }


def test_nothing_captured_runs_nothing(laptop: Laptop) -> None:
    result, published = monitored(laptop)
    assert result.status == "Succeeded"
    assert set(steps(result)) == {"captured", "traffic", "labels"}
    assert published == []


def test_summer_is_found_to_differ_from_winter_by_its_weather(
    laptop: Laptop, trained: Result, summer: Rows
) -> None:
    result, event = data_quality(laptop, trained, summer)

    assert {"temp", "dewp"} <= drifted(laptop, event)
    assert not {"carrier", "origin", "distance"} & drifted(laptop, event)
    assert steps(result)["publish"].output_parameters["outcome"] == "CompletedWithViolations"
    assert "quality" not in steps(result), "no labels came in"


def test_the_same_season_is_found_not_to_have_drifted(
    laptop: Laptop, trained: Result, winter: Rows
) -> None:
    _, event = data_quality(laptop, trained, winter)

    assert drifted(laptop, event) == set()
    analysis = laptop.document(f"{event['analysis']}/analysis.json")
    assert analysis["rows"] == len(winter)
    assert {"temp", "carrier"} <= {drift["feature_name"] for drift in analysis["drift"]}


def test_what_is_published_says_which_model_window_and_run_it_is_of(
    laptop: Laptop, trained: Result, summer: Rows
) -> None:
    result, event = data_quality(laptop, trained, summer[:500])

    assert {name: value for name, value in event.items() if name != "analysis"} == {
        "kind": "data-quality",
        **WINDOW,
        "endpoint": "flights-dev",
        "schedule": "flights-dev-data-quality",
        "package_arn": PACKAGE,
        "execution": f"run{laptop.runs}",
    }
    assert event["analysis"] == output(result, "analyze", "analysis")
    lines = laptop.storage.read_bytes(f"{event['analysis']}/cloudwatch_metrics.jsonl").decode()
    metrics = {metric["MetricName"]: metric for metric in map(json.loads, lines.splitlines())}
    assert metrics["feature_baseline_drift_temp"]["Value"] > 0.5
    assert metrics["constraint_violations"]["Value"] >= 2
    assert metrics["constraint_violations"]["Timestamp"] == WINDOW["end"]
    assert metrics["constraint_violations"]["Dimensions"] == [
        {"Name": "Endpoint", "Value": "flights-dev"},
        {"Name": "MonitoringSchedule", "Value": "flights-dev-data-quality"},
    ]


def test_the_same_window_again_is_not_analyzed_twice(
    laptop: Laptop, trained: Result, summer: Rows
) -> None:
    first, once = data_quality(laptop, trained, summer[:500])
    manifest = f"s3://artifacts/manifests/capture{laptop.runs - 1}.json"
    baseline = output(trained, "baseline", "baseline")
    again, (twice,) = monitored(
        laptop, objects=1, manifest=manifest, baseline=baseline, package_arn=PACKAGE
    )

    assert steps(again)["analyze"].cache_hit_source is not None
    assert twice["analysis"] == once["analysis"] == output(first, "analyze", "analysis")
    assert twice["execution"] != once["execution"]


def test_too_few_requests_are_no_all_clear(laptop: Laptop, trained: Result, winter: Rows) -> None:
    result, _ = data_quality(laptop, trained, winter[:20])

    assert steps(result)["publish"].output_parameters == {"outcome": "TooFewRows", "violations": 0}


@pytest.mark.parametrize(("flipped", "outcome"), [(0, "Completed"), (2, "CompletedWithViolations")])
def test_labels_that_come_in_tell_how_good_the_answers_were(
    laptop: Laptop, trained: Result, flipped: int, outcome: str
) -> None:
    """The evaluation's own answers, with its own labels, and with every second one turned round."""
    predictions = f"{output(trained, 'evaluate', 'predictions')}/predictions.csv"
    answers = list(csv.DictReader(io.StringIO(laptop.storage.read_bytes(predictions).decode())))
    manifest = capture(
        laptop, (("{}", json.dumps({"predictions": [float(a["probability"])]})) for a in answers)
    )
    lines = []
    for number, answer in enumerate(answers):
        wrong = flipped and number % flipped == 0
        label = str(int(answer["label"] != "1")) if wrong else answer["label"]
        truth = {"data": label, "encoding": "CSV"}
        event = {"eventId": f"event-{number}"}
        lines.append(json.dumps({"groundTruthData": truth, "eventMetadata": event}))
    laptop.put(f"{LABELS}labels.jsonl", "\n".join(lines) + "\n")
    result, (event,) = monitored(
        laptop,
        labelled=1,
        labels=laptop.manifest(f"s3://artifacts/manifests/labels{flipped}.json", prefix=LABELS),
        labelled_manifest=manifest,
        quality_baseline=output(trained, "quality-baseline", "baseline"),
        package_arn=PACKAGE,
    )

    assert "analyze" not in steps(result), "there was no new traffic to compare"
    assert (event["kind"], event["schedule"]) == ("model-quality", "flights-dev-model-quality")
    assert steps(result)["publish-quality"].output_parameters["outcome"] == outcome
    found = laptop.document(f"{event['analysis']}/constraint_violations.json")["violations"]
    assert ("auc" in {violation["metric_name"] for violation in found}) == bool(flipped)
