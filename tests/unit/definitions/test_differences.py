"""How two definitions differ, in words, and what it costs in cached results."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ratchet.review.cache_effects import effects
from ratchet.review.differences import compare
from ratchet.review.words import PipelineReview, json_of, markdown_of, report, text_of

BASE = json.loads((Path(__file__).parents[2] / "definitions" / "training.json").read_text())
Change = Callable[[dict[str, Any]], None]


def changed(change: Change) -> dict[str, Any]:
    after: dict[str, Any] = copy.deepcopy(BASE)
    change(after)
    return after


def told(after: Mapping[str, Any], **more: Any) -> PipelineReview:
    comparison = compare(BASE, after)
    return report("p", comparison, effects(comparison), **more)


def lines(after: Mapping[str, Any], **more: Any) -> list[str]:
    found = told(after, **more)
    return [f"{t.mark} {t.subject}: {t.text}" for t in (*found.parameters, *found.steps)]


def again(after: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {e.step: e.reasons for e in told(after).cache if not e.keeps}


def step(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    pending = list(definition["Steps"])
    while pending:
        one: dict[str, Any] = pending.pop()
        if one["Name"] == name:
            return one
        pending += one["Arguments"].get("IfSteps", []) + one["Arguments"].get("ElseSteps", [])
    raise KeyError(name)


def test_the_same_is_the_same() -> None:
    found = told(BASE)
    assert not found.differs
    assert text_of(found) == "p: the same\n"
    assert all(effect.keeps for effect in found.cache)


def test_a_hyperparameter_trains_again_and_all_that_follows() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "train")["Arguments"]["HyperParameters"]["max_depth"] = "9"

    after = changed(change)
    assert lines(after) == ["~ train: HyperParameters.max_depth  6 → 9"]
    assert again(after) == {
        "train": ("HyperParameters.max_depth",),
        "evaluate": ("after train",),
        "quality-baseline": ("after evaluate",),
    }


def test_an_instance_type_costs_no_cached_result() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "train")["Arguments"]["ResourceConfig"]["InstanceType"] = "ml.c5.large"
        step(after, "prepare")["Arguments"]["Tags"][0]["Value"] = "houses"

    after = changed(change)
    assert lines(after) == [
        "~ prepare: Tags[project]  flights → houses",
        "~ train: ResourceConfig.InstanceType  ml.m5.large → ml.c5.large",
    ]
    assert again(after) == {}


def test_code_is_told_by_the_files_that_differ() -> None:
    def change(after: dict[str, Any]) -> None:
        arguments = step(after, "train")["Arguments"]["HyperParameters"]
        arguments["sagemaker_submit_directory"] = f"s3://code/{'0' * 64}.gz"

    after = changed(change)
    before_uri = step(BASE, "train")["Arguments"]["HyperParameters"]["sagemaker_submit_directory"]
    bundles = {
        before_uri: {"train.py": "1", "features.py": "1", "old.py": "1"},
        f"s3://code/{'0' * 64}.gz": {"train.py": "2", "features.py": "1", "new.py": "1"},
    }
    assert lines(after, files_of=bundles.get) == ["~ train: code: +new.py, -old.py, train.py"]
    assert lines(after) == ["~ train: code changed"]
    assert again(after)["train"] == ("its code",)


def test_a_reference_that_goes_elsewhere_is_rewired() -> None:
    def change(after: dict[str, Any]) -> None:
        source = step(after, "train")["Arguments"]["InputDataConfig"][0]["DataSource"]
        other = "Steps.prepare.ProcessingOutputConfig.Outputs['eval'].S3Output.S3Uri"
        source["S3DataSource"]["S3Uri"] = {"Get": other}

    after = changed(change)
    assert lines(after) == [
        "~ train: InputDataConfig[train].DataSource.S3DataSource.S3Uri takes ⟨prepare.eval⟩ "
        "instead of ⟨prepare.train⟩"
    ]
    assert "train" in again(after)


def test_steps_come_go_move_and_take_other_names() -> None:
    def change(after: dict[str, Any]) -> None:
        registers = step(after, "new-model")["Arguments"]
        gate = step(after, "no-regression")["Arguments"]
        after["Steps"].append(registers["IfSteps"].pop(0))  # baseline, which nothing refers to now
        register = step(after, "register")["Arguments"]
        for key in ("ModelMetrics", "DriftCheckBaselines"):
            del register[key]["ModelDataQuality"]
        del register["CustomerMetadataProperties"]["baseline-digest"]
        halt = gate["ElseSteps"][0]
        halt["Name"] = "stop"
        message = {"ErrorMessage": "x"}
        after["Steps"].append({"Name": "late", "Type": "Fail", "Arguments": message})
        del after["Steps"][[s["Name"] for s in after["Steps"]].index("late")]
        message = {"ErrorMessage": "too late"}
        gate["ElseSteps"].append({"Name": "late", "Type": "Fail", "Arguments": message})

    found = lines(changed(change))
    assert "~ baseline: moved from where new-model passes to the top level" in found
    assert "~ stop: was halt: another name, the same otherwise" in found
    assert "+ late: added, Fail" in found
    assert not any(line.startswith("-") for line in found)


def test_a_step_that_goes_is_removed() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "no-regression")["Arguments"]["ElseSteps"] = []

    assert lines(changed(change))[0] == "- halt: removed, Fail"


def test_parameters_come_go_and_change() -> None:
    def change(after: dict[str, Any]) -> None:
        parameters = {p["Name"]: p for p in after["Parameters"]}
        parameters["MaxRegression"]["DefaultValue"] = 0.02
        after["Parameters"].append({"Name": "New", "Type": "Integer", "DefaultValue": 3})
        step(after, "halt")["Arguments"]["ErrorMessage"] = {"Get": "Parameters.New"}

    found = lines(changed(change))
    assert found[:2] == [
        "~ MaxRegression: default  0.005 → 0.02",
        "+ New: added, Integer, default 3",
    ]


def test_cache_and_retry_settings_are_arguments_like_others() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "prepare")["CacheConfig"]["ExpireAfter"] = "P7D"
        del step(after, "train")["CacheConfig"]

    after = changed(change)
    assert lines(after) == [
        "~ prepare: CacheConfig.ExpireAfter  P30D → P7D",
        "~ train: CacheConfig.Enabled is gone (was true)",
        "~ train: CacheConfig.ExpireAfter is gone (was P30D)",
    ]
    assert "train" not in {effect.step for effect in told(after).cache}


def test_long_values_are_cut_to_where_they_differ() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "prepare")["Arguments"]["RoleArn"] = f"arn:aws:iam::1:role/{'x' * 200}/end"

    (line,) = lines(changed(change))
    assert len(line) < 250
    assert "…" in line


def test_the_comment_and_the_json_say_the_same() -> None:
    def change(after: dict[str, Any]) -> None:
        step(after, "train")["Arguments"]["HyperParameters"]["max_depth"] = "9"

    after = changed(change)
    comparison = compare(BASE, after)
    found = report("p", comparison, effects(comparison), notes=["a run costs more"])
    comment = markdown_of(found)
    assert "~ train: HyperParameters.max_depth  6 → 9" in comment
    assert "| `evaluate` | runs again: after train |" in comment
    assert comment.endswith("- a run costs more\n")
    facts = json_of(found, comparison)
    assert facts["differences"] == [
        {
            "kind": "argument",
            "subject": "train",
            "path": "HyperParameters.max_depth",
            "before": "6",
            "after": "9",
        }
    ]
    assert {e["step"]: e["keeps"] for e in facts["cache"]}["prepare"] is True


@pytest.mark.parametrize("side", [0, 1])
def test_a_definition_with_mistakes_is_named(side: int) -> None:
    from ratchet.runner import CannotRunError

    pair = [BASE, BASE]
    pair[side] = {"Steps": []}
    with pytest.raises(CannotRunError, match="at least one step"):
        compare(*pair)


CHECK: dict[str, Any] = {
    "Name": "check",
    "Type": "QualityCheck",
    "CheckType": "DATA_QUALITY",
    "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"},
    "SuppliedBaselineStatistics": "s3://b/old.json",
    "FailOnViolation": True,
    "Arguments": {
        "AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["x"]},
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "o",
                    "S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/o"},
                }
            ]
        },
    },
}


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"SuppliedBaselineStatistics": "s3://b/new.json"}, ("SuppliedBaselineStatistics",)),
        ({"FailOnViolation": False}, ()),
    ],
)
def test_a_check_runs_again_for_another_baseline_and_not_for_what_it_does_with_the_outcome(
    change: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    comparison = compare({"Steps": [CHECK]}, {"Steps": [{**CHECK, **change}]})
    (effect,) = effects(comparison)
    assert effect.reasons == reasons
