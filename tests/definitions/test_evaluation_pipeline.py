"""The evaluation pipeline's definition: the champion alone, by the training pipeline's steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline_defs.flights.training import training
from ratchet.authoring import Context, Pipeline
from ratchet.pipelines.evaluation import evaluation
from ratchet.settings.schema import EvaluationSettings

GOLDEN = Path(__file__).parent / "evaluation.json"

StepOf = Callable[[Pipeline, str], dict[str, Any]]


def test_the_definition_is_the_one_that_was_reviewed(ctx: Context) -> None:
    written = evaluation(ctx).to_json(indent=1) + "\n"
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        GOLDEN.write_text(written)

    assert written == GOLDEN.read_text(), "if meant: RATCHET_UPDATE_SNAPSHOTS=1 writes it anew"


def test_every_job_waits_until_it_is_known_that_something_is_deployed(ctx: Context) -> None:
    champion, deployed = evaluation(ctx).definition()["Steps"]

    assert (champion["Name"], champion["Type"]) == ("champion", "Lambda")
    branches = {
        outcome: [(step["Name"], step["Type"]) for step in deployed["Arguments"][outcome]]
        for outcome in ("IfSteps", "ElseSteps")
    }
    assert branches == {
        "IfSteps": [("prepare", "Processing"), ("evaluate", "Processing"), ("report", "Lambda")],
        "ElseSteps": [("nothing-deployed", "Lambda")],
    }


def test_its_steps_run_the_very_bundles_of_the_training_pipeline(ctx: Context) -> None:
    mine = {bundle.name: bundle.digest for bundle in evaluation(ctx).bundles}
    theirs = {bundle.name: bundle.digest for bundle in training(ctx).bundles}

    assert set(mine) == {"prepare", "evaluate"}
    assert mine.items() <= theirs.items()


def test_it_differs_from_training_in_what_is_judged_and_in_nothing_else(
    ctx: Context, step_of: StepOf
) -> None:
    def told(pipeline: Pipeline, step: str) -> list[Any]:
        arguments: list[Any] = step_of(pipeline, step)["Arguments"]["AppSpecification"][
            "ContainerArguments"
        ]
        return arguments

    mine, theirs = evaluation(ctx), training(ctx)

    assert told(mine, "prepare")[-2:] == ["--judge", "all"]
    assert "--judge" not in told(theirs, "prepare")
    assert "--train" not in told(mine, "prepare")
    with_candidate = told(theirs, "evaluate")
    place = with_candidate.index("--candidate")
    versions = with_candidate.index("--champion-version")
    assert told(mine, "evaluate") == [
        *with_candidate[:place],
        *with_candidate[place + 2 : versions],
        *with_candidate[versions + 8 :],
    ]


def test_the_standards_are_parameters_with_the_settings_as_defaults(ctx: Context) -> None:
    standards = EvaluationSettings(floor=0.6, max_regression=0.01)
    ctx = replace(ctx, settings=replace(ctx.settings, evaluation=standards))

    declared = {
        p["Name"]: p.get("DefaultValue") for p in evaluation(ctx).definition()["Parameters"]
    }

    assert (declared["Floor"], declared["MaxRegression"]) == (0.6, 0.01)
    assert declared["InputManifest"] is None


def test_the_expensive_steps_are_cached_and_the_champion_is_asked_for_each_time(
    ctx: Context, step_of: StepOf
) -> None:
    p = evaluation(ctx)

    assert {s for s in ("prepare", "evaluate") if "CacheConfig" in step_of(p, s)} == {
        "prepare",
        "evaluate",
    }
    assert "CacheConfig" not in step_of(p, "champion")
