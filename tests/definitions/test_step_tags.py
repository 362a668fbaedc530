"""No job of any step runs without the tags that its cost is told apart by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, Pipeline
from ratchet.definition.service_model import is_taggable
from ratchet.definition.step_types import STEP_TYPES
from ratchet.imported import ImportedPipeline
from ratchet.pipelines.registry import pipelines
from tests.definitions.laptop import ROOT
from tests.definitions.step_tags import lacking, taggable_steps, takes_tags
from tests.definitions.test_imported_pipelines import PLACEMENT
from tests.sdk.imports import taken_in

WITH_TAGS = sorted(kind for kind in STEP_TYPES if takes_tags(kind))


@pytest.mark.parametrize("kind", ["training", "evaluation", "monitoring"])
def test_every_job_of_the_loop_carries_all_tags(kind: str, ctx: Context) -> None:
    definition = pipelines(ROOT, "flights")[kind].compile(replace(ctx, source=ROOT)).definition()
    assert taggable_steps(definition)
    assert lacking(definition, pipeline=ctx.settings.pipeline_name(kind)) == []


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_every_job_of_an_imported_pipeline_carries_all_tags(version: str, tmp_path: Path) -> None:
    pipeline = ImportedPipeline(taken_in(version, tmp_path).stored, PLACEMENT)
    definition = pipeline.definition()
    kinds = {step["Type"] for step in taggable_steps(definition)}
    assert kinds == {"Processing", "QualityCheck", "Training", "Model", "Transform"}
    assert lacking(definition, pipeline=pipeline.name) == []


def test_an_imported_pipeline_that_declares_no_experiment_has_that_of_the_settings(
    tmp_path: Path,
) -> None:
    stored = taken_in("v3", tmp_path).stored
    kept = [p for p in stored.definition["Parameters"] if p["Name"] != "Experiment"]
    definition = {**stored.definition, "Parameters": kept, "PipelineExperimentConfig": None}
    pipeline = ImportedPipeline(replace(stored, definition=definition), PLACEMENT)
    given = [step["Arguments"]["Tags"] for step in taggable_steps(pipeline.definition())]
    found = [{tag["Key"]: tag["Value"] for tag in tags}["experiment"] for tags in given]
    assert set(found) == {PLACEMENT.settings.experiment}


@pytest.mark.parametrize("kind", STEP_TYPES)
def test_what_takes_tags_is_what_botocore_says(kind: str) -> None:
    assert is_taggable(kind) is takes_tags(kind)


@pytest.mark.parametrize("kind", WITH_TAGS)
def test_a_step_of_any_type_is_given_the_tags(kind: str, pipeline: Pipeline) -> None:
    made = pipeline.step("made", kind, {}).to_json()
    assert lacking({"Steps": [made]}, pipeline=pipeline.name) == []


def test_a_step_in_the_branch_of_a_branch_is_looked_at() -> None:
    def gate(*steps: dict[str, Any]) -> dict[str, Any]:
        return {"Name": "gate", "Type": "Condition", "Arguments": {"ElseSteps": [*steps]}}

    bare = {"Name": "fit", "Type": "Training", "Arguments": {}}
    found = lacking({"Steps": [gate(gate(bare))]}, pipeline="p")
    assert found[0] == "fit: has no project"
    assert len(found) == 9


def test_a_tag_that_says_something_else_is_told() -> None:
    carried = [{"Key": "step", "Value": "other"}]
    step = {"Name": "fit", "Type": "Training", "Arguments": {"Tags": carried}}
    assert "fit: step is other" in lacking({"Steps": [step]}, pipeline="p")
