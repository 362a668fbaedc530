"""Model quality as a job does it: a baseline of predictions, then labels that arrive later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ratchet.monitoring import analyze
from ratchet.monitoring.capture import GROUND_TRUTH, OUTPUT, read_records
from ratchet.monitoring.ground_truth import AnswerColumns, LabelledAnswers, merge
from tests.unit.monitoring.labelled import bikes, digits, lates

CAPTURED = "sagemakerCaptureJson"


@dataclass(frozen=True)
class Jobs:
    """A folder in which analyses run."""

    root: Path

    def run(self, output: str, **settings: Any) -> str:
        """The outcome, as the platform is told."""
        arguments = {
            "analysis_type": "MODEL_QUALITY",
            "output_path": self.root / output,
            "container": self.root,
            **settings,
        }
        analyze.main([f"--{k.replace('_', '-')}={v}" for k, v in arguments.items()])
        return (self.root / "output/message").read_text()

    def baseline(self, labels: Any, answers: Any, **settings: Any) -> str:
        file = self.root / "predictions.csv"
        pd.DataFrame({"label": labels, "answer": answers}).to_csv(file, index=False)
        place = "probability" if settings["problem_type"].startswith("Binary") else "inference"
        settings = {f"{place}_attribute": "answer", **settings}
        return self.run("baseline", dataset_source=file, dataset_format="csv", **settings)

    def compare(self, labels: Any, answers: Any, **settings: Any) -> str:
        """One request each; answers are lines of CSV."""
        capture(self.root / "captured.jsonl", answers)
        truth(self.root / "labels.jsonl", labels)
        return self.run(
            "analysis",
            dataset_source=self.root / "captured.jsonl",
            dataset_format=CAPTURED,
            ground_truth_source=self.root / "labels.jsonl",
            baseline_constraints=self.root / "baseline/constraints.json",
            baseline_statistics=self.root / "baseline/statistics.json",
            **settings,
        )

    def load(self, path: str) -> Any:
        return json.loads((self.root / path).read_text())


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def answer(data: str, event: str, inference: str | None = None) -> dict[str, Any]:
    encoding = "JSON" if data.startswith("{") else "CSV"
    metadata = {"eventId": event, **({"inferenceId": inference} if inference else {})}
    output = {"observedContentType": "text/csv", "data": data, "encoding": encoding}
    return {"captureData": {OUTPUT: output}, "eventMetadata": metadata}


def capture(path: Path, answers: Sequence[Any]) -> None:
    lines = [json.dumps(answer(str(data), f"e{i}")) for i, data in enumerate(answers)]
    path.write_text("\n".join(lines) + "\n")


def truth(path: Path, labels: Sequence[Any] | dict[str, Any]) -> None:
    """Labels by id, or of e0, e1, … where there is one."""
    if not isinstance(labels, dict):
        labels = {f"e{i}": label for i, label in enumerate(labels)}
    path.write_text(
        "".join(
            json.dumps(
                {
                    "groundTruthData": {"data": str(label), "encoding": "CSV"},
                    "eventMetadata": {"eventId": identity},
                    "eventVersion": "0",
                }
            )
            + "\n"
            for identity, label in labels.items()
            if label is not None
        )
    )


def test_727_of_899_wrong_digits_are_a_violation_and_all_899_are_counted(jobs: Jobs) -> None:
    from sklearn.datasets import load_digits  # it takes a second

    target = load_digits().target
    random = np.random.default_rng(0)
    known, later = target[:898], target[898:]
    answers = np.where(random.random(898) < 0.9, known, random.integers(0, 10, 898))
    outcome = jobs.baseline(known, answers, problem_type="MulticlassClassification")
    assert outcome == "Completed: model quality baseline of 898 predictions."
    wrong = later.copy()
    wrong[:727] = (wrong[:727] + random.integers(1, 10, 727)) % 10
    assert jobs.compare(later, wrong).startswith("CompletedWithViolations: ")
    analysis = jobs.load("analysis/analysis.json")
    assert analysis["rows"] == analysis["labels"]["labelled"] == 899
    (accuracy,) = [m for m in analysis["metrics"] if m["metric_name"] == "accuracy"]
    assert accuracy["value"] == pytest.approx(172 / 899, abs=1e-12)
    assert accuracy["worse_by"] == pytest.approx((answers == known).mean() - 172 / 899, abs=1e-12)
    violations = jobs.load("analysis/constraint_violations.json")["violations"]
    assert {"accuracy", "weighted_f1"} <= {v["metric_name"] for v in violations}
    assert jobs.compare(later, later).startswith("Completed: ")


@pytest.mark.parametrize("noise", [20.0, 5.0, 40.0])
def test_bikes_are_compared_by_their_numbers(jobs: Jobs, noise: float) -> None:
    jobs.baseline(*bikes(720), problem_type="Regression")
    outcome = jobs.compare(*bikes(720, noise=noise, seed=1))
    assert outcome.startswith("Completed: ") == (noise <= 20)
    assert jobs.load("analysis/statistics.json")["dataset"]["item_count"] == 720
    assert set(jobs.load("analysis/statistics.json")["regression_metrics"]) == {
        *("mae", "mse", "rmse", "r2")
    }


def test_words_are_labels_of_the_class_that_the_settings_call_positive(jobs: Jobs) -> None:
    def words(labels: list[str]) -> list[str]:
        return ["late" if label == "1" else "on time" for label in labels]

    labels, scores = lates(400)
    settings = {"problem_type": "BinaryClassification", "positive_class": "late"}
    jobs.baseline(words(labels), scores, **settings, probability_threshold_attribute=0.35)
    ours = jobs.load("baseline/model_quality.json")
    assert (ours["classes"], ours["positive"]) == (["on time", "late"], "late")
    labels, scores = lates(400, seed=1)
    assert jobs.compare(words(labels), scores).startswith("Completed: ")
    matrix = jobs.load("analysis/statistics.json")["binary_classification_metrics"]
    positive = sum(score >= 0.35 for score in scores)
    answered = matrix["confusion_matrix"]["0"]["1"] + matrix["confusion_matrix"]["1"]["1"]
    assert answered == positive, "the baseline's threshold"
    jobs.compare(words(labels), scores, probability_threshold_attribute=0.9)
    matrix = jobs.load("analysis/statistics.json")["binary_classification_metrics"]
    answered = matrix["confusion_matrix"]["0"]["1"] + matrix["confusion_matrix"]["1"]["1"]
    assert answered == sum(score >= 0.9 for score in scores), "the job's threshold"
    outcome = jobs.compare(labels, scores)  # 1 and 0 are other words
    assert "400 of 400 labels are not understood" in outcome
    assert outcome.startswith("CompletedWithViolations: ")


def test_classes_that_are_stated_are_all_there_are(jobs: Jobs) -> None:
    labels, answers = digits(300, wrong=0.1)
    settings = {"problem_type": "MulticlassClassification"}
    jobs.baseline(labels, answers, **settings, classes=json.dumps(list("0123456789")))
    outcome = jobs.compare(["x" if i < 10 else n for i, n in enumerate(labels)], answers)
    assert "10 of 300 labels are not understood: 'x' (10); expected one of 0, 1, 2" in outcome
    jobs.baseline(labels, answers, **settings)
    jobs.compare(["x" if i < 10 else n for i, n in enumerate(labels)], answers)
    metrics = jobs.load("analysis/statistics.json")["multiclass_classification_metrics"]
    assert sum(metrics["confusion_matrix"]["x"].values()) == 10


def test_a_baseline_is_refused_where_more_than_one_label_in_a_hundred_is(jobs: Jobs) -> None:
    labels, answers = digits(300, wrong=0.1)
    settings = {"problem_type": "MulticlassClassification"}
    outcome = jobs.baseline(["", "", "", *labels[3:]], answers, **settings)
    assert outcome == (
        "Completed: model quality baseline of 297 predictions. 3 of 300 labels are not "
        "understood: '' (3); expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."
    )
    assert jobs.load("baseline/baseline.json")["labels"]["refused_labels"]["count"] == 3
    outcome = jobs.baseline(["", "", "", "", *labels[4:]], answers, **settings)
    assert outcome.startswith("Failed: ")
    assert "4 of 300 labels are not understood: '' (4)" in outcome


def test_our_file_has_a_digest_of_its_own_and_is_not_to_be_edited(jobs: Jobs) -> None:
    jobs.baseline(*bikes(300), problem_type="Regression")
    ours = jobs.root / "baseline/model_quality.json"
    digests = jobs.load("baseline/baseline.json")
    assert digests["model_quality_digest"] == hashlib.sha256(ours.read_bytes()).hexdigest()
    both = [(jobs.root / f"baseline/{n}.json").read_bytes() for n in ("statistics", "constraints")]
    assert digests["digest"] == hashlib.sha256(b"".join(both)).hexdigest()
    document = jobs.load("baseline/model_quality.json")
    document["metrics"]["rmse"]["value"] = 1000.0
    ours.write_text(json.dumps(document))
    outcome = jobs.compare(*bikes(300))
    assert outcome.startswith("Failed: ")
    assert "is not the file that the baseline's job wrote" in outcome
    assert "To change a limit, edit constraints.json" in outcome


def test_a_small_baseline_says_that_nothing_will_be_compared_with_it(jobs: Jobs) -> None:
    outcome = jobs.baseline(*bikes(63), problem_type="Regression")
    assert "63 predictions. That is fewer than 100: nothing will be compared" in outcome
    assert jobs.compare(*bikes(300)).startswith("TooFewRows: 63 predictions in the baseline")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "problem_type is not set"),
        ({"problem_type": "binaryclassification"}, "did you mean BinaryClassification? expected"),
        ({"problem_type": "Regression"}, "nothing says where the answers of a regression problem"),
        (
            {"problem_type": "Regression", "inference_attribute": "awnser"},
            "inference_attribute is 'awnser', and there is no such column; did you mean 'answer'?",
        ),
        (
            {"problem_type": "Regression", "inference_attribute": "0"},
            "inference_attribute is '0', which is 'label', the label itself",
        ),
        (
            {
                "problem_type": "BinaryClassification",
                "probability_attribute": "label",
            },
            "it would be compared with itself. Expected the model's answer; there is answer",
        ),
        (
            {
                "problem_type": "Regression",
                "inference_attribute": "answer",
                "ground_truth_attribute": "lable",
            },
            "ground_truth_attribute is 'lable', and there is no such column; did you mean 'label'?",
        ),
        (
            {"problem_type": "Regression", "inference_attribute": "1", "positive_class": "a"},
            "positive_class is of a binary problem, not regression",
        ),
        (
            {"problem_type": "MulticlassClassification", "classes": "a,b"},
            'classes is a,b; expected a JSON array such as ["a", "b"]',
        ),
    ],
)
def test_a_mistake_in_the_settings_is_said(
    jobs: Jobs, settings: dict[str, str], message: str
) -> None:
    file = jobs.root / "p.csv"
    file.write_text("label,answer\n1,1\n0,1\n")
    outcome = jobs.run("baseline", dataset_source=file, dataset_format="csv", **settings)
    assert outcome.startswith("Failed: ")
    assert message in outcome
    assert not (jobs.root / "baseline").exists()


def test_a_problem_type_that_is_not_the_baselines_is_refused(jobs: Jobs) -> None:
    jobs.baseline(*bikes(300), problem_type="Regression")
    outcome = jobs.compare(*bikes(300), problem_type="BinaryClassification")
    assert "is the baseline of a regression problem (Regression), and problem_type is" in outcome


@pytest.mark.parametrize("form", ["csv", '{"json": {"lines": true}}', "parquet"])
def test_labels_and_answers_are_read_in_every_format(jobs: Jobs, form: str) -> None:
    labels, answers = digits(250, wrong=0.1)
    frame = pd.DataFrame({"label": pd.array(labels).astype(int), "answer": answers})
    file = jobs.root / "rows"
    if form == "csv":
        frame.to_csv(file, index=False)
    elif form == "parquet":
        frame.to_parquet(file)
    else:
        frame.to_json(file, orient="records", lines=True)
    outcome = jobs.run(
        "baseline",
        dataset_source=file,
        dataset_format=form,
        problem_type="MulticlassClassification",
        inference_attribute="answer",
    )
    assert outcome == "Completed: model quality baseline of 250 predictions."
    right = sum(label == answer for label, answer in zip(labels, answers, strict=True))
    metrics = jobs.load("baseline/statistics.json")["multiclass_classification_metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(right / 250)


def test_names_of_classes_are_what_is_written_in_a_csv_file(jobs: Jobs) -> None:
    labels = ["NA", "007", "true"] * 100
    jobs.baseline(labels, labels, problem_type="MulticlassClassification")
    assert jobs.load("baseline/model_quality.json")["classes"] == ["007", "NA", "true"]


@pytest.mark.parametrize(
    ("answers", "settings"),
    [
        ("{0}", {}),
        ("0.3,{0}", {"inference_attribute": 1}),
        ('{{"score": 0.3, "kind": "{0}"}}', {"inference_attribute": "kind"}),
        ('{{"score": 0.3, "kind": "{0}"}}', {"inference_attribute": 1}),
    ],
)
def test_an_answer_is_where_the_settings_say(
    jobs: Jobs, answers: str, settings: dict[str, Any]
) -> None:
    names = {str(n): kind for n, kind in enumerate(["ant", "bee", "cat"])}
    labels, kinds = (
        [names[n] for n in side] for side in digits(300, wrong=0.1, shares=[1 / 3] * 3)
    )
    jobs.baseline(labels, kinds, problem_type="MulticlassClassification")
    outcome = jobs.compare(labels, [answers.format(kind) for kind in kinds], **settings)
    assert outcome == "Completed: Job completed successfully with no violations."
    assert jobs.load("analysis/analysis.json")["labels"]["compared"] == 300


def test_the_likeliest_of_the_probabilities_of_all_classes_is_the_answer(jobs: Jobs) -> None:
    labels, kinds = digits(300, wrong=0.1, shares=[1 / 3] * 3)
    jobs.baseline(labels, kinds, problem_type="MulticlassClassification")
    shares = [",".join("0.6" if kind == str(n) else "0.2" for n in range(3)) for kind in kinds]
    outcome = jobs.compare(labels, shares, probability_attribute=0)
    assert outcome == "Completed: Job completed successfully with no violations."
    metrics = jobs.load("analysis/statistics.json")["multiclass_classification_metrics"]
    assert metrics == jobs.load("baseline/statistics.json")["multiclass_classification_metrics"]
    outcome = jobs.compare(labels, [f"x,{row}" for row in shares], probability_attribute=2)
    assert "'0.2,0.6' (" in outcome
    assert "expected 3 probabilities, one for each class" in outcome


def test_a_name_of_a_column_is_in_the_first_line_of_an_answer_of_csv(jobs: Jobs) -> None:
    labels, answers = digits(300, wrong=0.1)
    jobs.baseline(labels, answers, problem_type="MulticlassClassification")
    lines = [f"score,kind\n0.5,{kind}\n" for kind in answers]
    outcome = jobs.compare(labels, lines, inference_attribute="kind")
    assert outcome == "Completed: Job completed successfully with no violations."


# -- merging -----------------------------------------------------------------------------------


def merged(folder: Path, captured: list[dict[str, Any]], labels: dict[str, Any]) -> LabelledAnswers:
    (folder / "c").write_text("".join(f"{json.dumps(line)}\n" for line in captured))
    truth(folder / "t", labels)
    return merge(
        read_records([folder / "c"], sides=[OUTPUT]),
        read_records([folder / "t"], sides=[GROUND_TRUTH], metadata=["eventId"]),
        AnswerColumns(prediction="0"),
    )


def test_labels_find_their_answers_by_inference_id_and_else_by_event_id(tmp_path: Path) -> None:
    captured = [answer("0.9", "e1", "mine"), answer("0.2", "e2"), answer("0.4", "e3")]
    labelled = merged(tmp_path, captured, {"e2": "0", "mine": "1", "e1": "0"})
    assert (labelled.labels, labelled.predictions) == (["1", "0"], ["0.9", "0.2"])
    assert (labelled.unlabelled, labelled.unmatched) == (1, 1)


def test_a_record_of_several_rows_takes_as_many_labels(tmp_path: Path) -> None:
    captured = [answer("9\n2\n", "e1"), answer("3\n4\n", "e2"), answer("5", "e3")]
    labelled = merged(tmp_path, captured, {"e1": "1\n0", "e2": "1", "e3": '"a, b"'})
    assert (labelled.labels, labelled.predictions) == (["1", "0", "a, b"], ["9", "2", "5"])
    assert labelled.refused_labels == {"1 (1 labels, 2 rows)": 1}


def test_a_labelled_answer_that_cannot_be_read_is_refused_and_shown(tmp_path: Path) -> None:
    captured = [answer("1", "e1"), answer("2", "e2"), answer('{"a": ', "e3"), answer("", "e4")]
    labelled = merged(tmp_path, captured, {f"e{i}": "1" for i in range(1, 5)})
    assert labelled.labels == ["1", "1"]
    assert labelled.refused_answers == {'{"a": ': 1, "": 1}


def test_of_two_labels_the_later_one_counts(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    truth(tmp_path / "first/t", {"e1": "1"})
    earlier = (tmp_path / "first/t").read_text()
    truth(tmp_path / "t", {"e1": "0"})
    (tmp_path / "t").write_text(earlier + (tmp_path / "t").read_text())
    (tmp_path / "c").write_text(json.dumps(answer("5", "e1")) + "\n")
    labelled = merge(
        read_records([tmp_path / "c"], sides=[OUTPUT]),
        read_records([tmp_path / "t"], sides=[GROUND_TRUTH], metadata=["eventId"]),
        AnswerColumns(prediction="0"),
    )
    assert labelled.labels == ["0"]


def test_no_captured_answers_are_no_labelled_ones(tmp_path: Path) -> None:
    labelled = merged(tmp_path, [], {"e1": "1"})
    assert (len(labelled.labels), labelled.unlabelled, labelled.unmatched) == (0, 0, 1)
