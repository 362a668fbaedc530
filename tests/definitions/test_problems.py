"""One training pipeline serves every kind of problem: what depends on it is in the settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_defs.flights.training import training
from ratchet.authoring import Context, DefinitionError, Pipeline
from ratchet.pipelines.evaluation import evaluation
from ratchet.pipelines.monitoring import monitoring
from ratchet.settings.schema import EvaluationSettings, GateSettings, ModelSettings

StepOf = Callable[[Pipeline, str], dict[str, Any]]
WriteSource = Callable[[Mapping[str, str]], Path]

PROBLEMS = {
    "binary": ModelSettings(problem="binary", label="late"),
    "words": ModelSettings(problem="binary", label="late", positive="yes", metric="recall"),
    "multiclass": ModelSettings(
        problem="multiclass", label="kind", metric="log_loss", classes=("low", "-high-")
    ),
    "regression": ModelSettings(problem="regression", label="price"),
}


def of(ctx: Context, problem: str) -> Context:
    settings = replace(
        ctx.settings,
        model=PROBLEMS[problem],
        gate=GateSettings(max_regression=2.5),
        evaluation=EvaluationSettings(max_regression=7.5),
    )
    return replace(ctx, settings=settings)


def told(step: Mapping[str, Any]) -> list[str]:
    """Arguments behind the folders."""
    arguments: list[str] = step["Arguments"]["AppSpecification"]["ContainerArguments"]
    return arguments[arguments.index("--problem") :]


def names_of(pipeline: Pipeline) -> set[str]:
    names, waiting = set(), list(pipeline.definition()["Steps"])
    while waiting:
        step = waiting.pop()
        names.add(step["Name"])
        waiting += step["Arguments"].get("IfSteps", []) + step["Arguments"].get("ElseSteps", [])
    return names


@pytest.mark.parametrize("problem", ["multiclass", "regression"])
def test_the_definition_is_the_one_that_was_reviewed(ctx: Context, problem: str) -> None:
    golden = Path(__file__).parent / f"training-{problem}.json"
    written = training(of(ctx, problem)).to_json(indent=1) + "\n"
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        golden.write_text(written)
    assert written == golden.read_text(), "if meant: RATCHET_UPDATE_SNAPSHOTS=1 writes it anew"


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("binary", "--problem binary --label late --metric auc"),
        ("words", "--problem binary --label late --metric recall --positive=yes"),
        (
            "multiclass",
            "--problem multiclass --label kind --metric log_loss --class=low --class=-high-",
        ),
        ("regression", "--problem regression --label price --metric rmse"),
    ],
)
def test_the_script_is_told_what_the_settings_say_of_the_model(
    ctx: Context, step_of: StepOf, problem: str, expected: str
) -> None:
    context = of(ctx, problem)
    for pipeline in (training(context), evaluation(context)):
        assert " ".join(told(step_of(pipeline, "evaluate"))) == expected


def test_another_metric_evaluates_anew_and_trains_nothing(ctx: Context, step_of: StepOf) -> None:
    mae = replace(PROBLEMS["regression"], metric="mae")
    before = of(ctx, "regression")
    after = replace(before, settings=replace(before.settings, model=mae))

    def arguments(context: Context, step: str) -> Any:
        return step_of(training(context), step)["Arguments"]

    for step in ("prepare", "train", "baseline"):
        assert arguments(before, step) == arguments(after, step)
    assert told(step_of(training(before), "evaluate")) != told(step_of(training(after), "evaluate"))


QUALITY = {
    "binary": ["--problem-type", "BinaryClassification", "--probability-attribute", "probability"],
    "words": ["BinaryClassification", "probability", "--positive-class=yes"],
    "multiclass": ["MulticlassClassification", "--inference-attribute", "prediction"],
    "regression": ["--problem-type", "Regression", "--inference-attribute", "prediction"],
}


@pytest.mark.parametrize("problem", QUALITY)
def test_answers_of_every_problem_are_compared_with_labels(
    ctx: Context, step_of: StepOf, problem: str
) -> None:
    trained, watched = training(of(ctx, problem)), monitoring(of(ctx, problem))
    baseline = step_of(trained, "quality-baseline")["Arguments"]
    arguments = baseline["AppSpecification"]["ContainerArguments"]
    assert [word for word in QUALITY[problem] if word not in arguments] == []
    is_binary = "BinaryClassification" in arguments
    assert ("--probability-threshold-attribute" in arguments) == is_binary
    if is_binary:
        assert arguments[arguments.index("--probability-threshold-attribute") + 1] == "0.5"
    assert arguments[arguments.index("--minimum-rows") + 1] == "100"
    version = step_of(trained, "register")["Arguments"]
    assert set(version["DriftCheckBaselines"]) == {"ModelDataQuality", "ModelQuality"}
    assert {"quality", "publish-quality"} <= names_of(watched)


@pytest.mark.parametrize(
    ("model", "of_baseline", "of_answers"),
    [
        ({}, ["--probability-attribute", "probability"], []),
        (
            {"probability": 1},
            ["--probability-attribute", "probability"],
            ["--probability-attribute=1"],
        ),
        (
            {"prediction": 0},
            ["--inference-attribute", "prediction"],
            ["--inference-attribute=0"],
        ),
        (
            {"prediction": "class", "probability": "p"},
            ["--inference-attribute", "--probability-attribute"],
            ["--inference-attribute=class", "--probability-attribute=p"],
        ),
    ],
)
def test_answers_are_where_the_settings_say(
    ctx: Context,
    step_of: StepOf,
    model: dict[str, Any],
    of_baseline: list[str],
    of_answers: list[str],
) -> None:
    context = replace(
        ctx, settings=replace(ctx.settings, model=replace(PROBLEMS["binary"], **model))
    )
    baseline, later = (
        step_of(pipeline, step)["Arguments"]["AppSpecification"]["ContainerArguments"]
        for pipeline, step in (
            (training(context), "quality-baseline"),
            (monitoring(context), "quality"),
        )
    )
    assert [word for word in of_baseline if word not in baseline] == []
    assert ("--probability-threshold-attribute" in baseline) == ("prediction" not in model)
    places = ("--inference-attribute", "--probability-attribute")
    assert [word for word in later if str(word).startswith(places)] == of_answers


def test_the_label_is_in_no_baseline(ctx: Context, step_of: StepOf) -> None:
    baseline = step_of(training(of(ctx, "regression")), "baseline")["Arguments"]
    arguments = baseline["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--exclude-columns") + 1] == "price"


def test_tolerances_have_the_metrics_own_unit(ctx: Context) -> None:
    def default(pipeline: Pipeline) -> Any:
        declared = {p["Name"]: p for p in pipeline.definition()["Parameters"]}
        return declared["MaxRegression"]["DefaultValue"]

    assert default(training(of(ctx, "regression"))) == 2.5
    assert default(evaluation(of(ctx, "regression"))) == 7.5


def test_a_metric_without_a_floor_declares_none(ctx: Context, step_of: StepOf) -> None:
    pipeline = evaluation(of(ctx, "regression"))
    assert "Floor" not in {p["Name"] for p in pipeline.definition()["Parameters"]}
    assert "floor" not in step_of(pipeline, "report")["Arguments"]


def test_a_teams_own_metrics_are_bundled_with_what_they_import(
    ctx: Context, step_of: StepOf, write_source: WriteSource
) -> None:
    write_source(
        {
            "steps/flights/metrics.py": "import shared\nBETTER = {'cost': 'lower'}\n",
            "steps/flights/shared.py": "PRICE = 3\n",
        }
    )
    own = replace(PROBLEMS["regression"], metric="cost")
    context = of(ctx, "regression")
    pipeline = training(replace(context, settings=replace(context.settings, model=own)))
    (bundle,) = [b for b in pipeline.bundles if b.entry == "ratchet/judging/evaluate.py"]
    assert {"metrics.py", "shared.py", "ratchet/judging/scoring.py"} <= set(bundle.files)
    assert told(step_of(pipeline, "evaluate"))[-2:] == ["--own-metrics", "metrics.py"]


def test_a_file_of_that_name_without_metrics_is_left_alone(
    ctx: Context, step_of: StepOf, write_source: WriteSource
) -> None:
    write_source({"steps/flights/metrics.py": "def printed(rows): ...\n"})
    assert "--own-metrics" not in told(step_of(training(ctx), "evaluate"))


def test_a_teams_metrics_that_import_what_no_bundle_holds_are_refused(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source(
        {
            "steps/flights/metrics.py": "import ours\nBETTER = {'cost': 'lower'}\n",
            "ours.py": "",
        }
    )
    with pytest.raises(DefinitionError, match=r"metrics\.py, line 1, imports ours"):
        training(ctx).to_json()


def test_an_edit_of_a_teams_metrics_changes_the_evaluation_alone(
    ctx: Context, step_of: StepOf, write_source: WriteSource
) -> None:
    def keys() -> dict[str, str]:
        pipeline = training(ctx)
        return {
            step: json.dumps(step_of(pipeline, step)["Arguments"])
            for step in ("prepare", "train", "evaluate", "baseline")
        }

    write_source({"steps/flights/metrics.py": "BETTER = {'cost': 'lower'}\n"})
    before = keys()
    write_source({"steps/flights/metrics.py": "BETTER = {'cost': 'higher'}\n"})
    after = keys()
    assert [step for step in before if before[step] != after[step]] == ["evaluate"]
