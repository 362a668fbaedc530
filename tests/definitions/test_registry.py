"""What a project lists is what it has, and a name that cannot be is refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.authoring import Context, DefinitionError, Pipeline
from ratchet.pipelines.registry import (
    PIPELINES_STACK,
    PipelineEntry,
    construct_id,
    pipelines,
    registered,
)
from tests.projects import ROOT, copy_of_project, small_project

LOOP = ("training", "evaluation", "monitoring")
LISTED = """
from ratchet.authoring import Pipeline

def training(ctx):
    p = Pipeline("training", ctx)
    p.halt("{word}", name="stop")
    return p

PIPELINES = {{"training": training, "{word}": training}}
"""


def training(ctx: Context) -> Pipeline:
    p = Pipeline("training", ctx)
    p.halt("stop", name="halt")
    return p


def scoring(ctx: Context) -> Pipeline:
    p = Pipeline("scoring", ctx)
    p.halt("stop", "never with", p.string("Word"))
    return p


def nightly(ctx: Context) -> Pipeline:
    p = Pipeline("nightly", ctx)
    p.halt("stop", "always with", p.string("Word", default="a word"))
    return p


def folder_of_an_import(root: Path, name: str) -> Path:
    folder = root / "pipelines" / "flights" / name
    folder.mkdir(parents=True)
    (folder / "definition.json").write_text(json.dumps({"Parameters": [], "Steps": []}))
    return root


def refused(entries: dict[str, PipelineEntry], root: Path) -> str:
    with pytest.raises(DefinitionError) as error:
        registered(entries, root, "flights")
    return str(error.value)


def test_the_loops_own_pipelines_live_in_the_stacks_of_what_wakes_them() -> None:
    stacks = {name: entry.stack for name, entry in pipelines(ROOT, "flights").items()}
    assert stacks == {"training": "training", "evaluation": "evaluation", "monitoring": "serving"}


def test_a_pipeline_of_ones_own_and_an_imported_one_live_in_the_same_stack(tmp_path: Path) -> None:
    folder_of_an_import(tmp_path, "house-prices")
    entries = registered({"training": training, "scoring": scoring}, tmp_path, "flights")
    assert [*entries] == [*LOOP, "scoring", "house-prices"]
    assert {entries[name].stack for name in ("scoring", "house-prices")} == {PIPELINES_STACK}
    assert [name for name, entry in entries.items() if entry.imported] == ["house-prices"]
    assert [entry.name for entry in entries.values()] == list(entries)
    assert {entry.model for entry in entries.values()} == {"flights"}


def test_a_function_is_listed_as_an_entry_that_says_no_more(tmp_path: Path) -> None:
    alone = registered({"scoring": scoring}, tmp_path, "flights")
    assert alone == registered({"scoring": PipelineEntry(scoring)}, tmp_path, "flights")


def test_evaluation_and_monitoring_come_by_themselves_and_a_listed_one_stands_in(
    tmp_path: Path,
) -> None:
    entries = registered({"training": training}, tmp_path, "flights")
    assert [*entries] == [*LOOP]
    own = registered({"training": training, "monitoring": scoring}, tmp_path, "flights")
    assert [*own] == [*LOOP]
    assert own["monitoring"].define is scoring
    assert own["monitoring"].stack == "serving"
    assert own["evaluation"] == entries["evaluation"]


def test_an_import_is_the_models_in_whose_folder_it_lies(tmp_path: Path) -> None:
    folder_of_an_import(tmp_path, "house-prices")
    assert "house-prices" not in registered({"training": training}, tmp_path, "hotels")


def test_an_import_that_was_cut_short_is_no_pipeline(tmp_path: Path) -> None:
    folder_of_an_import(tmp_path, ".house-prices.k3x9a")
    assert [*registered({"training": training}, tmp_path, "flights")] == [*LOOP]


def test_every_listed_pipeline_is_made_under_its_name(ctx: Context) -> None:
    for name, entry in pipelines(ROOT, "flights").items():
        assert entry.compile(replace(ctx, source=ROOT)).name == ctx.settings.pipeline_name(name)


def test_two_projects_in_one_process_each_get_their_own(ctx: Context, tmp_path: Path) -> None:
    words = ("first", "second")
    roots = {
        word: small_project(
            tmp_path / word,
            "flights",
            files={
                "pipeline_defs/flights/__init__.py": LISTED.format(word=word),
            },
        )
        for word in words
    }
    for word in (*words, *words):
        entries = pipelines(roots[word], "flights")
        assert [*entries] == [*LOOP, word]
        (step,) = entries["training"].compile(ctx).definition()["Steps"]
        assert step["Arguments"]["ErrorMessage"]["Std:Join"]["Values"] == [word]
    assert [*pipelines(ROOT, "flights")] == [*LOOP]


def test_a_pipeline_may_lie_in_a_module_beside_the_list(tmp_path: Path) -> None:
    copies = [copy_of_project(tmp_path / name) for name in ("first", "second")]
    for copy in copies:
        define = pipelines(copy, "flights")["training"].define
        assert Path(define.__code__.co_filename).is_relative_to(copy)


def test_two_models_of_a_project_have_lists_of_their_own(tmp_path: Path) -> None:
    root = small_project(
        tmp_path,
        "flights",
        "hotels",
        files={
            f"pipeline_defs/{model}/__init__.py": LISTED.format(word=f"of-{model}")
            for model in ("flights", "hotels")
        },
    )
    for model in ("flights", "hotels"):
        entries = pipelines(root, model)
        assert [*entries] == [*LOOP, f"of-{model}"]
        assert {entry.model for entry in entries.values()} == {model}


def test_a_model_without_a_list_is_told_which_file_is_missing(tmp_path: Path) -> None:
    root = small_project(tmp_path, "flights")
    with pytest.raises(DefinitionError) as error:
        pipelines(root, "flights")
    assert f"{root}/pipeline_defs/flights/__init__.py is not there" in str(error.value)
    assert "ratchet init --model flights" in str(error.value)


def test_a_project_that_is_no_package_never_takes_the_list_of_another(tmp_path: Path) -> None:
    pipelines(ROOT, "flights")
    files = {"pipeline_defs/flights/__init__.py": LISTED.format(word="x")}
    root = small_project(tmp_path, "flights", files=files)
    (root / "pipeline_defs/__init__.py").unlink()
    with pytest.raises(DefinitionError, match=r"pipeline_defs/__init__\.py is not there"):
        pipelines(root, "flights")


@pytest.mark.parametrize("text", ["", "PIPELINES = {}", "PIPELINES = ['training']"])
def test_a_list_without_a_training_pipeline_is_refused_with_an_example(
    text: str, tmp_path: Path
) -> None:
    files = {"pipeline_defs/flights/__init__.py": text}
    root = small_project(tmp_path, "flights", files=files)
    with pytest.raises(DefinitionError) as error:
        pipelines(root, "flights")
    assert "pipeline_defs/flights/__init__.py lists no 'training'" in str(error.value)
    assert "PIPELINES = {'training': training}" in str(error.value)


def test_a_module_that_a_list_imports_and_that_is_missing_is_named_as_python_names_it(
    tmp_path: Path,
) -> None:
    files = {"pipeline_defs/flights/__init__.py": "import not_there_at_all"}
    root = small_project(tmp_path, "flights", files=files)
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        pipelines(root, "flights")


def test_a_name_that_an_import_has_too_is_refused_with_the_command_that_helps(
    tmp_path: Path,
) -> None:
    folder_of_an_import(tmp_path, "scoring")
    message = refused({"scoring": PipelineEntry(scoring)}, tmp_path)
    assert "PIPELINES in pipeline_defs/flights/__init__.py and the folder" in message
    assert "git mv pipelines/flights/scoring pipelines/flights/scoring-sdk" in message


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
