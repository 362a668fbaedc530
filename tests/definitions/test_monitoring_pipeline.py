"""The monitoring pipeline's definition, and the baselines that it compares with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pipeline_defs.flights.training import training
from ratchet.authoring import Context, DefinitionError, Functions, Pipeline, draft
from ratchet.machinery import PACKAGES
from ratchet.pipelines.monitoring import monitoring
from ratchet.settings.schema import MonitorSettings

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "monitoring.json"

StepOf = Callable[[Pipeline, str], dict[str, Any]]


def arguments_of(step: dict[str, Any]) -> dict[str, Any]:
    """`--name value` pairs of a processing step."""
    given = step["Arguments"]["AppSpecification"]["ContainerArguments"]
    return dict(zip(given[::2], given[1::2], strict=True))


def test_the_definition_is_the_one_that_was_reviewed(ctx: Context) -> None:
    written = monitoring(ctx).to_json(indent=1) + "\n"
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        GOLDEN.write_text(written)

    assert written == GOLDEN.read_text(), "if meant: RATCHET_UPDATE_SNAPSHOTS=1 writes it anew"


def test_traffic_and_labels_are_looked_at_apart(ctx: Context) -> None:
    captured, traffic, labels = monitoring(ctx).definition()["Steps"]

    assert (captured["Name"], captured["Type"]) == ("captured", "Lambda")
    branches = {
        gate["Name"]: [step["Name"] for step in gate["Arguments"]["IfSteps"]]
        for gate in (traffic, labels)
    }
    assert branches == {"traffic": ["analyze", "publish"], "labels": ["quality", "publish-quality"]}


def test_the_window_and_the_files_are_what_the_function_chose(
    ctx: Context, step_of: StepOf
) -> None:
    p = monitoring(ctx)

    for step, sources, start in (
        ("analyze", {"dataset": "manifest", "baseline": "baseline"}, "start"),
        (
            "quality",
            {
                "dataset": "labelled_manifest",
                "labels": "labels",
                "baseline": "quality_baseline",
            },
            "quality_start",
        ),
    ):
        inputs = {
            given["InputName"]: given["S3Input"]
            for given in step_of(p, step)["Arguments"]["ProcessingInputs"]
        }
        for name, key in sources.items():
            assert inputs[name]["S3Uri"] == {"Get": f"Steps.captured.OutputParameters['{key}']"}
            is_folder = name == "baseline"
            assert inputs[name]["S3DataType"] == ("S3Prefix" if is_folder else "ManifestFile")
        told = arguments_of(step_of(p, step))
        assert told["--start-time"] == {"Get": f"Steps.captured.OutputParameters['{start}']"}


def test_the_settings_say_what_is_compared(ctx: Context, step_of: StepOf) -> None:
    monitor = MonitorSettings(exclude=("month",), minimum_rows=7, comparison_threshold=0.3)
    ctx = replace(ctx, settings=replace(ctx.settings, monitor=monitor))

    baseline = arguments_of(step_of(training(ctx), "baseline"))
    analyze = arguments_of(step_of(monitoring(ctx), "analyze"))

    assert baseline["--exclude-columns"] == analyze["--exclude-columns"] == "late,month"
    assert baseline["--comparison-threshold"] == "0.3"
    assert baseline["--domain-content-threshold"] == "0.7"
    assert analyze["--minimum-rows"] == "7"


def test_a_baseline_of_every_column_excludes_none(pipeline: Pipeline, step_of: StepOf) -> None:
    pipeline.baseline("baseline", of=pipeline.string("Rows"))

    assert "--exclude-columns" not in arguments_of(step_of(pipeline, "baseline"))


def test_it_is_refused_without_its_functions(ctx: Context) -> None:
    ctx = replace(ctx, functions=Functions(resolve_champion="arn:aws:lambda:x"))

    with pytest.raises(DefinitionError) as refused:
        monitoring(ctx).definition()

    steps = {problem.step for problem in refused.value.problems}
    assert steps == {"captured", "publish", "publish-quality"}


def test_report_and_quality_baseline_do_not_contend_for_the_same_place(
    pipeline: Pipeline, step_of: StepOf
) -> None:
    rows = pipeline.string("Rows")
    evaluate = pipeline.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={"eval": rows},
        outputs=["report"],
        reports={"evaluation": "report/evaluation.json"},
    )
    data = pipeline.baseline("baseline", of=rows)
    pipeline.register("register", pipeline.string("Model"), metrics=evaluate, baselines=[data])

    version = step_of(pipeline, "register")["Arguments"]

    metrics, baselines = version["ModelMetrics"], version["DriftCheckBaselines"]
    assert set(metrics) == {"ModelQuality", "ModelDataQuality"}
    assert set(metrics["ModelQuality"]) == {"Statistics"}
    assert set(baselines) == {"ModelDataQuality"}


@pytest.fixture
def analyzer(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bundle of the analyzer, as the repository has it."""
    monkeypatch.setattr(draft, "PACKAGES", PACKAGES)
    (bundle,) = [
        bundle
        for bundle in monitoring(replace(ctx, source=ROOT)).bundles
        if bundle.name == "analyze"
    ]
    return bundle


def test_the_analyzers_bundle_holds_its_package_and_the_rules_of_evaluations(analyzer: Any) -> None:
    package = ROOT / "ratchet" / "monitoring"
    modules = {f"ratchet/monitoring/{path.name}" for path in package.glob("*.py")}
    rules = {f"ratchet/judging/{name}.py" for name in ("__init__", "answers", "metrics")}
    table = {f"ratchet/loop/{name}.py" for name in ("__init__", "problems")}

    assert analyzer.entry == "ratchet/monitoring/analyze.py"
    assert set(analyzer.files) == {"ratchet/__init__.py", *modules, *rules, *table}


def test_the_unpacked_bundle_runs_where_nothing_of_ours_is_installed(
    analyzer: Any, tmp_path: Path
) -> None:
    with tarfile.open(fileobj=BytesIO(analyzer.tar_gz())) as tar:
        tar.extractall(tmp_path / "code", filter="data")
    rows = tmp_path / "rows.csv"
    rows.write_text("temp,late\n" + "".join(f"{n % 7},0\n" for n in range(200)))
    # Without the checkout that an editable install puts on the path.
    isolated = (
        "import runpy, sys\n"
        f"sys.path = [p for p in sys.path if p != {str(ROOT)!r}]\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    told = {"dataset-source": rows, "dataset-format": "csv", "output-path": tmp_path / "out"}
    command = [sys.executable, "-c", isolated, analyzer.entry]
    done = subprocess.run(
        [*command, *(f"--{name}={value}" for name, value in told.items())],
        cwd=tmp_path / "code",
        capture_output=True,
        text=True,
    )

    assert "baseline of 200 rows" in done.stdout, done.stderr
    assert len(json.loads((tmp_path / "out/baseline.json").read_text())["digest"]) == 64
