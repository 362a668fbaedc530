"""What a project lists is what it has, and a name that cannot be is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_defs import PIPELINES, pipelines
from ratchet.authoring import Context, DefinitionError, Pipeline
from ratchet.pipelines.registry import PIPELINES_STACK, PipelineEntry, construct_id, registered

Define = Callable[[Context], Pipeline]


def scoring(ctx: Context) -> Pipeline:
    p = Pipeline("scoring", ctx)
    p.halt("stop", "never with", p.string("Word"))
    return p


def nightly(ctx: Context) -> Pipeline:
    p = Pipeline("nightly", ctx)
    p.halt("stop", "always with", p.string("Word", default="a word"))
    return p


def folder_of_an_import(root: Path, name: str) -> Path:
    folder = root / "pipelines" / name
    folder.mkdir(parents=True)
    (folder / "definition.json").write_text(json.dumps({"Parameters": [], "Steps": []}))
    return root


def refused(entries: dict[str, PipelineEntry], root: Path) -> str:
    with pytest.raises(DefinitionError) as error:
        registered(entries, root, "flights")
    return str(error.value)


def test_the_loops_own_pipelines_live_in_the_stacks_of_what_wakes_them() -> None:
    stacks = {name: entry.stack for name, entry in PIPELINES.items()}
    assert stacks == {"training": "training", "evaluation": "evaluation", "monitoring": "serving"}


def test_a_pipeline_of_ones_own_and_an_imported_one_live_in_the_same_stack(tmp_path: Path) -> None:
    folder_of_an_import(tmp_path, "house-prices")
    entries = registered({"scoring": PipelineEntry(scoring)}, tmp_path, "flights")
    assert {name: entry.stack for name, entry in entries.items()} == dict.fromkeys(
        ("scoring", "house-prices"), PIPELINES_STACK
    )
    assert [entry.imported for entry in entries.values()] == [False, True]
    assert [entry.name for entry in entries.values()] == list(entries)


def test_the_project_has_those_that_it_lists(tmp_path: Path) -> None:
    assert list(pipelines(tmp_path)) == list(PIPELINES)


def test_every_listed_pipeline_is_made_under_its_name(ctx: Context) -> None:
    root = Path(__file__).parents[2]
    for name, entry in pipelines(root).items():
        assert entry.compile(replace(ctx, source=root)).name == ctx.settings.pipeline_name(name)


def test_a_name_that_an_import_has_too_is_refused_with_the_command_that_helps(
    tmp_path: Path,
) -> None:
    folder_of_an_import(tmp_path, "scoring")
    message = refused({"scoring": PipelineEntry(scoring)}, tmp_path)
    assert "PIPELINES in pipeline_defs/__init__.py and the folder pipelines/scoring" in message
    assert "git mv pipelines/scoring pipelines/scoring-sdk" in message


@pytest.mark.parametrize("name", ["my scoring", "scoring_v2", "-scoring", "größe", "", "s" * 65])
def test_a_name_that_sagemaker_does_not_take_is_refused_with_one_that_it_takes(
    name: str, tmp_path: Path
) -> None:
    message = refused({name: PipelineEntry(scoring)}, tmp_path)
    assert "a name is letters, digits and hyphens between them" in message
    example = message.rsplit("for example '", 1)[1].rstrip("'")
    registered({example: PipelineEntry(scoring)}, tmp_path, "flights")


def test_names_that_cloudformation_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    entries = {"house-prices": PipelineEntry(scoring), "HousePrices": PipelineEntry(scoring)}
    assert "differs from 'HousePrices' by hyphens or capitals alone" in refused(entries, tmp_path)
    assert construct_id("house-prices") == "HousePrices"


def test_the_name_of_the_stacks_own_record_is_refused(tmp_path: Path) -> None:
    assert "own record" in refused({"deployed": PipelineEntry(scoring)}, tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (PipelineEntry(nightly, schedule="every day"), "schedule = 'every day': expected a sched"),
        (
            PipelineEntry(nightly, schedule="rate(1 day)", timezone="Berlin"),
            "timezone = 'Berlin': expected a time zone",
        ),
    ],
)
def test_a_schedule_that_eventbridge_does_not_take_is_refused(
    entry: PipelineEntry, message: str, tmp_path: Path
) -> None:
    assert message in refused({"nightly": entry}, tmp_path)


def test_a_pipeline_listed_under_another_name_is_refused(ctx: Context, tmp_path: Path) -> None:
    entry = registered({"score": PipelineEntry(scoring)}, tmp_path, "flights")["score"]
    with pytest.raises(DefinitionError, match=r"write Pipeline\('score', ctx\), or list it as"):
        entry.compile(ctx)


def test_a_function_without_a_return_is_told_so(ctx: Context, tmp_path: Path) -> None:
    def forgotten(ctx: Context) -> Pipeline:
        Pipeline("forgotten", ctx)
        return None  # type: ignore[return-value]

    entry = registered({"forgotten": PipelineEntry(forgotten)}, tmp_path, "flights")["forgotten"]
    with pytest.raises(DefinitionError, match="end it with: return p"):
        entry.compile(ctx)


def test_a_schedule_starts_only_what_has_a_default_for_every_parameter(
    ctx: Context, tmp_path: Path
) -> None:
    listed = {
        "scoring": PipelineEntry(scoring, schedule="rate(1 day)"),
        "nightly": PipelineEntry(nightly, schedule="rate(1 day)"),
    }
    entries = registered(listed, tmp_path, "flights")
    assert entries["nightly"].compile(ctx).definition()
    with pytest.raises(DefinitionError, match=r"parameter 'Word': it has no default"):
        entries["scoring"].compile(ctx)
