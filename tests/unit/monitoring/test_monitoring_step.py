"""The step script as a container runs it: a process, files and environment variables."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ratchet.authoring import Bundle, bundle_script
from ratchet.authoring.analysis import SCRIPT
from ratchet.machinery import PACKAGES
from ratchet.monitoring import analyze

pytestmark = pytest.mark.jobs

ALLOWED = {"numpy", "pandas", "pyarrow", "ratchet"}


@dataclass(frozen=True)
class Container:
    """A folder in the place of /opt/ml, and the bundle unpacked somewhere else."""

    root: Path
    script: Path

    def run(self, **settings: str | Path) -> int:
        environment = {name: str(value) for name, value in settings.items()}
        process = subprocess.run(
            [sys.executable, str(self.script), "--container", str(self.root)],
            env={"PATH": os.environ["PATH"], **environment},
            cwd=self.root,
            check=False,
        )
        return process.returncode

    @property
    def message(self) -> str:
        return (self.root / "output/message").read_text()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_script(Path(SCRIPT), root=PACKAGES, imports_from=Path(), only=("ratchet",))


@pytest.fixture
def container(bundle: Bundle, tmp_path: Path) -> Container:
    for path, content in bundle.files.items():
        (tmp_path / "bundle" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / path).write_bytes(content)
    (tmp_path / "ml").mkdir()
    return Container(tmp_path / "ml", tmp_path / "bundle" / bundle.entry)


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def flights(rows: int, *, warmer: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "late": random.integers(0, 2, rows),
            "temp": random.normal(40 + warmer, 10, rows).round(2),
            "carrier": random.choice(["UA", "DL", "9E"], rows),
        }
    )


def baseline_of(container: Container, folder: Path, **settings: str | Path) -> dict[str, Path]:
    flights(1000).to_csv(folder / "eval.csv", index=False)
    status = container.run(
        dataset_source=folder / "eval.csv",
        dataset_format='{"csv": {"header": true}}',
        output_path=folder / "baseline",
        **settings,
    )
    assert status == 0
    return {
        "baseline_statistics": folder / "baseline/statistics.json",
        "baseline_constraints": folder / "baseline/constraints.json",
    }


def test_without_a_baseline_it_writes_one(container: Container, tmp_path: Path) -> None:
    baseline_of(container, tmp_path)
    assert container.message == "Completed: baseline of 1000 rows, 3 features."
    assert sorted(path.name for path in (tmp_path / "baseline").iterdir()) == [
        "baseline.json",
        "constraints.json",
        "statistics.json",
    ]


def test_a_baseline_is_named_by_the_digest_of_its_two_documents(
    container: Container, tmp_path: Path
) -> None:
    files = baseline_of(container, tmp_path)
    content = b"".join(file.read_bytes() for file in files.values())
    digest = hashlib.sha256(content).hexdigest()
    assert load(tmp_path / "baseline/baseline.json") == {
        "digest": digest,
        "unreadable": 0,
        "unreadable_values": {},
    }


def test_thresholds_that_are_asked_for_stand_in_the_constraints(
    container: Container, tmp_path: Path
) -> None:
    files = baseline_of(container, tmp_path, comparison_threshold="0.25")
    thresholds = load(files["baseline_constraints"])["monitoring_config"][
        "distribution_constraints"
    ]
    assert thresholds["comparison_threshold"] == 0.25
    assert thresholds["categorical_comparison_threshold"] == 0.25


def test_what_is_left_out_of_a_comparison_is_not_missed(
    container: Container, tmp_path: Path
) -> None:
    baseline = baseline_of(container, tmp_path)
    flights(500, warmer=30).drop(columns="late").to_csv(tmp_path / "rows.csv", index=False)
    settings: dict[str, str | Path] = {"dataset_format": "csv", **baseline}
    settings["dataset_source"] = tmp_path / "rows.csv"
    output = tmp_path / "report"
    container.run(output_path=output, exclude_columns="late,temp", **settings)
    assert load(output / "analysis.json")["outcome"] == "Completed"
    container.run(output_path=output, **settings)
    violations = load(output / "constraint_violations.json")["violations"]
    assert {violation["feature_name"] for violation in violations} == {"late", "temp"}


def test_captured_requests_are_compared_with_the_baseline(
    container: Container, tmp_path: Path
) -> None:
    baseline = baseline_of(container, tmp_path, exclude_columns="late")
    hour = tmp_path / "data/flights/AllTraffic/2026/02/14/17"
    hour.mkdir(parents=True)
    with (hour / "17-25-49.jsonl").open("w") as file:
        body = flights(500, warmer=30).drop(columns="late").to_csv(index=False, header=False)
        for line in body.splitlines():
            request = {"observedContentType": "text/csv", "data": line, "encoding": "CSV"}
            event = {"eventId": "e", "inferenceTime": "2026-02-14T17:25:49Z"}
            record = {"captureData": {"endpointInput": request}, "eventMetadata": event}
            file.write(json.dumps(record) + "\n")
    status = container.run(
        dataset_source=tmp_path / "data",
        dataset_format='{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}',
        output_path=tmp_path / "report",
        start_time="2026-02-14T17:00:00Z",
        end_time="2026-02-14T18:00:00Z",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="flights",
        sagemaker_monitoring_schedule_name="hourly",
        **baseline,
    )
    assert status == 0
    assert container.message == (
        "CompletedWithViolations: Job completed successfully with 1 violations: temp."
    )
    (violation,) = load(tmp_path / "report/constraint_violations.json")["violations"]
    assert (violation["feature_name"], violation["constraint_check_type"]) == (
        "temp",
        "baseline_drift_check",
    )
    analysis = load(tmp_path / "report/analysis.json")
    assert [entry["feature_name"] for entry in analysis["drift"]] == ["temp", "carrier"]
    assert load(tmp_path / "report/statistics.json")["dataset"]["item_count"] == 500
    lines = (container.root / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text()
    assert (tmp_path / "report/cloudwatch_metrics.jsonl").read_text() == lines
    metrics = {metric["MetricName"]: metric for metric in map(json.loads, lines.splitlines())}
    assert metrics["feature_baseline_drift_temp"]["Value"] > 0.5
    assert metrics["constraint_violations"]["Timestamp"] == "2026-02-14T18:00:00Z"


def test_too_few_rows_end_without_an_all_clear(container: Container, tmp_path: Path) -> None:
    baseline = baseline_of(container, tmp_path)
    flights(5).to_csv(tmp_path / "few.csv", index=False)
    status = container.run(
        dataset_source=tmp_path / "few.csv",
        dataset_format="csv",
        output_path=tmp_path / "report",
        **baseline,
    )
    assert status == 0
    assert container.message.startswith("TooFewRows: 5 rows analyzed")
    assert load(tmp_path / "report/constraint_violations.json") == {"violations": []}
    assert load(tmp_path / "report/analysis.json")["outcome"] == "TooFewRows"


def test_an_hour_without_a_request_is_too_few_rows(container: Container, tmp_path: Path) -> None:
    baseline = baseline_of(container, tmp_path)
    (tmp_path / "empty").mkdir()
    form = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}'
    output = tmp_path / "report"
    source = tmp_path / "empty"
    assert (
        container.run(dataset_source=source, dataset_format=form, output_path=output, **baseline)
        == 0
    )
    assert container.message.startswith("TooFewRows: 0 rows analyzed")


def test_model_quality_of_a_labelled_dataset_and_then_of_worse_answers(
    container: Container, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 600)
    good = pd.DataFrame({"label": labels, "probability": labels * 0.5 + random.random(600) * 0.5})
    good.to_csv(tmp_path / "good.csv", index=False)
    good.assign(probability=random.random(600)).to_csv(tmp_path / "bad.csv", index=False)
    settings: dict[str, str | Path] = {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "dataset_format": "csv",
        "probability_attribute": "probability",
        "ground_truth_attribute": "label",
        "output_path": tmp_path / "quality",
    }
    assert container.run(dataset_source=tmp_path / "good.csv", **settings) == 0
    constraints = tmp_path / "constraints.json"
    shutil.copy(tmp_path / "quality/constraints.json", constraints)
    container.run(dataset_source=tmp_path / "bad.csv", baseline_constraints=constraints, **settings)
    assert container.message.startswith("CompletedWithViolations: ")
    assert "auc" in container.message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "dataset_source is not set; give --dataset-source"),
        (
            {"dataset_source": "x", "dataset_format": "xml"},
            "dataset_format is xml; expected one of",
        ),
        ({"dataset_source": "x", "dataset_format": "csv"}, "there is no x"),
        (
            {"dataset_source": "x", "dataset_format": "csv", "minimum_rows": "few"},
            "minimum_rows is 'few'; expected a number",
        ),
        (
            {"dataset_source": "x", "dataset_format": "csv", "baseline_statistics": "s.json"},
            "baseline_statistics is set and baseline_constraints is not",
        ),
    ],
)
def test_a_mistake_is_a_message_and_not_a_stack_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert analyze.main(["--container", str(tmp_path)]) == 1
    outcome = (tmp_path / "output/message").read_text()
    assert outcome.startswith("Failed: ")
    assert message in outcome


def test_outside_of_a_container_only_the_output_folder_is_written(
    container: Container, tmp_path: Path
) -> None:
    flights(5).to_csv(tmp_path / "rows.csv", index=False)
    arguments = {
        "dataset-source": tmp_path / "rows.csv",
        "dataset-format": "csv",
        "output-path": tmp_path / "baseline",
        "publish-cloudwatch-metrics": "Enabled",
        "container": tmp_path / "absent",
    }
    command = [f"--{name}={value}" for name, value in arguments.items()]
    subprocess.run([sys.executable, str(container.script), *command], check=True)
    assert (tmp_path / "baseline/statistics.json").is_file()
    assert not (tmp_path / "absent").exists()


def test_the_bundle_needs_only_what_the_container_image_has(bundle: Bundle) -> None:
    imported = set()
    for path, content in bundle.files.items():
        for node in ast.walk(ast.parse(content, feature_version=(3, 10))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a script has no package to be relative to"
                imported.add(str(node.module))
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name.split(".")[0] for name in foreign} <= ALLOWED
    ours = {name.split(".")[1] for name in foreign if name.startswith("ratchet.")}
    assert ours == {"judging", "loop", "monitoring"}
