"""What a definition's steps run on, wherever SageMaker's requests name it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ratchet.costs.estimate import Planned
from ratchet.definition.step_types import row_of
from ratchet.review import cache_effects, differences, instances
from ratchet.runner import validate

TRAINING = Path(__file__).parents[2] / "definitions" / "training.json"


def planned(change: Any = lambda steps: None, **values: Any) -> dict[str, Planned]:
    document = json.loads(TRAINING.read_text())
    change({step["Name"]: step for step in document["Steps"]})
    definition = validate(document, stand_ins=None)
    return {one.step: one for one in instances.planned(definition, values=values)}


def test_every_step_that_runs_on_instances_is_there_in_running_order() -> None:
    found = planned()
    assert list(found) == ["prepare", "train", "evaluate", "baseline", "quality-baseline"]
    train = found["train"]
    assert (train.component, train.instances) == ("Training", "ml.m5.large")
    assert train.cache_for == timedelta(days=30)
    assert train.takes == {"prepare"}
    assert {found[name].component for name in found if name != "train"} == {"Processing"}
    assert (found["baseline"].gate, found["baseline"].apart) == ("new-model", False)


def test_spot_and_the_number_of_instances_are_read() -> None:
    def change(steps: Any) -> None:
        arguments = steps["train"]["Arguments"]
        arguments["EnableManagedSpotTraining"] = True
        arguments["ResourceConfig"]["InstanceCount"] = 3

    found = planned(change)["train"]
    assert (found.instances, found.spot) == ("3 × ml.m5.large", True)


def by_parameter(steps: Any) -> None:
    config = steps["train"]["Arguments"]["ResourceConfig"]
    config["InstanceType"] = {"Get": "Parameters.Experiment"}


def test_a_parameter_decides_by_its_default_or_by_what_the_run_is_given() -> None:
    assert planned(by_parameter)["train"].instance_type == "default"
    given = planned(by_parameter, Experiment="ml.g5.xlarge")
    assert given["train"].instance_type == "ml.g5.xlarge"


def test_a_parameter_without_a_value_is_named() -> None:
    def change(steps: Any) -> None:
        config = steps["train"]["Arguments"]["ResourceConfig"]
        config["InstanceType"] = {"Get": "Parameters.InputManifest"}

    found = planned(change)["train"]
    assert (found.instance_type, found.instances) == ("", "")
    assert found.unknown == (
        "its instances are decided by the parameter InputManifest: -p InputManifest=…"
    )


def test_a_change_says_which_steps_run_again() -> None:
    before = TRAINING.read_text()
    after = json.loads(before)
    (train,) = (step for step in after["Steps"] if step["Name"] == "train")
    train["Arguments"]["HyperParameters"]["max_depth"] = '"9"'
    comparison = differences.compare(before, json.dumps(after))
    effects = [e for e in cache_effects.effects(comparison) if not e.keeps]
    found = {o.step: o for o in instances.planned(comparison.after, effects=effects)}
    assert not found["prepare"].runs_again
    assert found["train"].runs_again
    assert found["evaluate"].runs_again


@pytest.mark.parametrize("kind", ["Job", "EMR", "AutoML"])
def test_what_somebody_else_bills_is_named(kind: str) -> None:
    step = {"Name": "s", "Type": kind, "Arguments": {}}
    (entry,) = instances.planned(validate({"Steps": [step]}, stand_ins=None))
    assert (entry.step_type, entry.unknown) == (kind, row_of(kind).billed_elsewhere)
