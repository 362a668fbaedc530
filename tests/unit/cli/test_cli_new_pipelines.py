"""Pipelines that are not deployed yet, or not any more, typed as a person types it."""

from __future__ import annotations

import json

import pytest

from ratchet.authoring import Context, Pipeline
from tests.projects import list_pipelines
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import World, deploy_source


def scoring(ctx: Context) -> Pipeline:
    p = Pipeline("scoring", ctx)
    train = p.training("train", f"{ctx.steps}/train.py", channels={"train": p.string("Data")})
    p.register("register", train.model)
    return p


def mistaken(ctx: Context) -> Pipeline:
    p = Pipeline("mistaken", ctx)
    p.string("Unused")
    p.halt("stop", "never")
    return p


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, world: World) -> World:
    """training is deployed as the source says it; evaluation, monitoring and scoring are not."""
    deploy_source(world)
    list_pipelines(monkeypatch, {"scoring": scoring})
    return world


def test_a_new_pipeline_is_listed_beside_those_that_are_compared(
    listed: World, type_: Type
) -> None:
    shown = type_("diff")
    assert shown.exit_code == 0, shown.output
    assert "flights-dev-training: the same" in shown.stdout
    assert "flights-dev-scoring: new: 2 steps" in shown.stdout
    assert "+ train     Training" in shown.stdout
    assert "train: new, on ml.m5.large" in shown.stdout
    assert "cached results" not in shown.stdout
    assert type_("diff", "--exit-code").exit_code == 1


def test_a_new_pipeline_is_a_part_of_the_comment(listed: World, type_: Type) -> None:
    text = type_("diff", "--format", "markdown").stdout
    assert "**flights-dev-training**: the same\n" in text
    assert "### flights-dev-scoring\n\nnew: 2 steps\n" in text
    facts = json.loads(type_("diff", "--format", "json").stdout)
    assert facts[-1]["heading"] == "new: 2 steps"
    assert [d["kind"] for d in facts[-1]["differences"]][-1] == "step-added"


def test_a_pipeline_with_mistakes_hides_none_of_the_others(
    listed: World, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_pipelines(monkeypatch, {"mistaken": mistaken})
    shown = type_("diff")
    assert shown.exit_code == 1
    assert "flights-dev-mistaken: has 1 problem:\n  - parameter 'Unused'" in shown.stdout
    assert "flights-dev-training: the same" in shown.stdout
    assert "```text" in type_("diff", "--format", "markdown").stdout


def test_a_deployed_definition_that_cannot_be_read_hides_none_of_the_others(
    listed: World, type_: Type
) -> None:
    listed.sagemaker.pipelines["flights-dev-training"] = "{}"
    shown = type_("diff")
    assert shown.exit_code == 1
    assert "flights-dev-training: the pipeline definition has" in shown.stdout
    assert "flights-dev-scoring: new: 2 steps" in shown.stdout


def test_the_first_deployment_of_all_is_said_in_a_line(
    listed: World, type_: Type, world: World
) -> None:
    world.ssm.parameters.clear()
    world.sagemaker.pipelines.clear()
    shown = type_("diff")
    assert shown.exit_code == 0, shown.output
    assert "dev is not deployed" in shown.stderr
    assert shown.stdout.count(": new: ") == 4
    assert "dev is not deployed" in type_("diff", "--format", "markdown").stdout


def test_without_the_training_stack_what_is_there_cannot_be_compared_and_it_is_said(
    listed: World, type_: Type, world: World
) -> None:
    world.ssm.parameters.clear()
    shown = type_("diff")
    assert shown.exit_code == 0, shown.output
    assert "flights-dev-training: dev is not deployed" in shown.stdout
    assert "flights-dev-scoring: new: 2 steps" in shown.stdout


def test_what_the_source_has_no_longer_is_said(listed: World, type_: Type, world: World) -> None:
    fact = json.dumps({"pipelines": ["scoring", "gone"], "scheduled": []})
    world.ssm.parameters["/flights/dev/pipelines"] = fact
    shown = type_("diff").stdout
    assert "flights-dev-gone: the source has it no longer" in shown
    assert "flights-dev-scoring: new" in shown


def test_a_new_pipeline_is_priced_without_past_runs(listed: World, type_: Type) -> None:
    listed.ssm.parameters.clear()
    shown = type_("costs", "estimate", "scoring", "--assume", "train=1h")
    assert shown.exit_code == 0, shown.output
    assert "A run of flights-dev-scoring costs $0.115" in shown.stdout
    assert "no past runs" in shown.stdout
    assert "package's own table" in shown.stdout


def test_a_run_of_a_new_pipeline_names_the_command_that_deploys_it(
    listed: World, type_: Type
) -> None:
    refused = type_("run", "scoring", "-p", "Data=s3://a/b/")
    assert refused.exit_code == 1
    assert "flights-dev-scoring is not deployed yet: run `ratchet deploy" in refused.stderr


def test_an_unknown_name_is_told_what_there_is(listed: World, type_: Type) -> None:
    refused = type_("run", "scorin", "-p", "Data=s3://a/b/")
    assert "did you mean scoring or monitoring?" in refused.stderr
