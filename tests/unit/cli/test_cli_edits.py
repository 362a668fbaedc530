"""A run of an edit: beside the deployed pipeline, marked, and cleaned up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.pipelines import edits
from ratchet.deployment.pipelines.edits import EditPipeline, definition_of, why_needed
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.target import cdk
from ratchet.deployment.target import environment as targets
from ratchet.loop import names
from ratchet.settings.schema import Settings
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import (
    ACCOUNT,
    FACTS,
    PIPELINE,
    FakeRun,
    World,
    arn_of_pipeline,
    deploy_source,
    world_of,
)
from tests.unit.cli.fake_serving import ServingWorld, package, refusal

EDITS = f"{PIPELINE}-edits"
RUN = ("run", "training", "--no-follow", "-p", "InputManifest=s3://m/manifest.json")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


# --- running one


def test_a_source_that_is_what_is_deployed_starts_the_deployed_pipeline(
    type_: Type, world: World
) -> None:
    deploy_source(world)
    shown = type_(*RUN)
    assert shown.exit_code == 0, shown.output
    assert "the source is what is deployed" in shown.stderr
    assert "edit" not in shown.stderr
    (started,) = world.sagemaker.started
    assert started["PipelineName"] == PIPELINE
    assert not (world.sagemaker.created)
    assert not (world.sagemaker.updated)
    assert not (world.s3.puts)


def test_an_edit_runs_beside_the_deployed_pipeline_and_leaves_it_alone(
    type_: Type, world: World
) -> None:
    before = dict(world.sagemaker.pipelines)
    shown = type_(*RUN)
    assert shown.exit_code == 0, shown.output
    assert "This is an edit: it runs beside the deployed pipeline" in shown.stderr
    assert f"the first run of {EDITS}, so no step is cached" in shown.stderr
    assert "uploaded" in shown.stderr
    assert world.sagemaker.pipelines[PIPELINE] == before[PIPELINE]
    assert world.sagemaker.updated == []
    (created,) = world.sagemaker.created
    assert created["PipelineName"] == EDITS
    assert created["RoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}"
    held = {tag["Key"]: tag["Value"] for tag in created["Tags"]}
    assert held["edits-of"] == PIPELINE
    assert (held["project"], held["environment"]) == ("flights", "dev")
    (started,) = world.sagemaker.started
    assert (started["PipelineName"], started["PipelineVersionId"]) == (EDITS, 1)
    assert "an edit, beside the deployed pipeline" in started["PipelineExecutionDescription"]


def test_the_same_edit_again_is_the_same_version_and_another_edit_the_next(
    type_: Type, world: World
) -> None:
    type_(*RUN)
    puts = len(world.s3.puts)
    again = type_(*RUN)
    assert f"cached steps are those of earlier runs of {EDITS}" in again.stderr
    assert world.sagemaker.updated == []
    assert len(world.s3.puts) == puts, "a bundle that is there is not sent again"
    definition = world.sagemaker.pipelines[EDITS].replace("P30D", "P7D")
    world.sagemaker.update_pipeline(PipelineName=EDITS, PipelineDefinition=definition)
    type_(*RUN)
    assert [run["PipelineVersionId"] for run in world.sagemaker.started] == [1, 1, 3]


def test_a_role_that_a_deployment_has_replaced_is_replaced_for_edits_too(
    type_: Type, world: World
) -> None:
    type_(*RUN)
    world.sagemaker.roles[PIPELINE] = f"arn:aws:iam::{ACCOUNT}:role/another"
    type_(*RUN)
    assert world.sagemaker.roles[EDITS].endswith("role/another")


def test_an_edit_writes_where_the_deployed_pipeline_does_and_its_jobs_name_its_own() -> None:
    tag = {"Key": "pipeline", "Value": PIPELINE}
    uri = {"Std:Join": {"On": "/", "Values": ["s3://a", {"Get": "Execution.PipelineName"}]}}
    tags = [tag, {"Key": "run", "Value": {"Get": "Execution.PipelineExecutionId"}}]
    definition = {"Steps": [{"Arguments": {"S3Uri": uri, "Tags": tags}}]}
    (step,) = json.loads(definition_of(json.dumps(definition), PIPELINE))["Steps"]
    assert step["Arguments"]["S3Uri"]["Std:Join"]["Values"] == ["s3://a", PIPELINE]
    assert step["Arguments"]["Tags"] == [{"Key": "pipeline", "Value": EDITS}, tags[1]]


def on_aws(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    world = world_of(replace(settings, protected=True), folder=None)
    world.ssm.parameters[settings.parameter("training")] = json.dumps(FACTS)
    monkeypatch.setattr(targets, "open_target", lambda **_: world.target)
    return world


def test_where_an_edit_may_not_run_what_is_deployed_still_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = on_aws(settings, monkeypatch)
    refused = CliRunner().invoke(app, [*RUN, "--yes"])
    assert refused.exit_code == 1
    assert "dev is protected, so an edit does not run there" in refused.stderr
    assert "ratchet run training --as-deployed" in refused.stderr
    assert not (world.sagemaker.started)
    assert not (world.sagemaker.created)
    assert not (world.s3.puts)
    deploy_source(world)
    assert CliRunner().invoke(app, [*RUN, "--yes"]).exit_code == 0
    assert [run["PipelineName"] for run in world.sagemaker.started] == [PIPELINE]


def test_steps_of_an_edit_take_no_results_of_a_run_of_the_deployed_pipeline(
    type_: Type, world: World, passed: FakeRun
) -> None:
    """SageMaker takes those of the same pipeline only."""
    refused = type_(*RUN, "--step", "evaluate", "--from", passed.id)
    assert refused.exit_code == 1
    assert f"one of {EDITS} is expected" in refused.stderr
    assert "Run the whole edit once: ratchet run training" in refused.stderr
    assert world.sagemaker.started == []
    world.sagemaker.refusal = "The selected steps need a source execution"
    refused = type_(*RUN, "--step", "evaluate")
    assert "need a source execution" in refused.stderr
    assert "Run the whole edit once: ratchet run training" in refused.stderr
    world.sagemaker.refusal = ""
    type_(*RUN)
    shown = type_(*RUN, "--step", "evaluate")
    assert shown.exit_code == 0, shown.stderr
    source = world.sagemaker.started[-1]["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"]
    assert source.startswith(f"{arn_of_pipeline(EDITS)}/execution/")


# --- seeing them


def test_runs_of_a_pipeline_show_those_of_its_edits_too(
    type_: Type, world: World, passed: FakeRun
) -> None:
    type_(*RUN)
    listed = json.loads(type_("runs", "training", "--json").stdout)
    assert [(run["pipeline"], run["edit"]) for run in listed] == [(EDITS, True), (PIPELINE, False)]
    assert "-edits" in type_("runs", "training").stdout


def test_a_version_from_an_edit_is_marked(serving: ServingWorld, type_serving: Type) -> None:
    arn = f"{arn_of_pipeline(EDITS)}/execution/abcdefabcdef"
    serving.sagemaker.packages[0]["MetadataProperties"] = {"GeneratedBy": arn}
    assert type_serving("models").stdout.count("from an edit") == 1
    assert "by hand, from an edit" in type_serving("models", "3").stdout
    assert "from an edit" not in type_serving("models", "1").stdout
    listed = json.loads(type_serving("models", "--json").stdout)
    assert {row["version"]: row["edit"] for row in listed} == {3: True, 2: False, 1: False}


def test_a_pipeline_may_not_have_the_name_of_anothers_edits() -> None:
    from ratchet.authoring import DefinitionError
    from ratchet.pipelines.registry import PipelineEntry, registered
    from ratchet.project import current

    with pytest.raises(DefinitionError, match="in which edits of another run"):
        registered({"scoring-edits": PipelineEntry(lambda ctx: None)}, current().root, "flights")  # type: ignore[arg-type,return-value]


# --- what was not deployed runs


@pytest.fixture
def replaced(world: World) -> World:
    """An edit was put in the deployed pipeline's place, as `ratchet run` once did."""
    definition = deploy_source(world)
    world.cloudformation.deploy(PIPELINE, definition)
    world.sagemaker.pipelines[PIPELINE] = definition.replace("P30D", "P7D")
    return world


@pytest.fixture
def deploys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "run", lambda *_: None)
    monkeypatch.setattr(cdk, "bootstrapped", lambda target: True)


@pytest.mark.usefixtures("deploys")
def test_a_deployment_puts_back_what_it_deployed(replaced: World, type_: Type) -> None:
    shown = type_("deploy")
    assert shown.exit_code == 0, shown.output
    assert f"{PIPELINE} ran something else than was deployed" in shown.stderr
    template = replaced.cloudformation.templates["flights-dev-training"]
    body = template["Resources"]["Pipeline"]["Properties"]["PipelineDefinition"]
    held = replaced.sagemaker.pipelines[PIPELINE]
    assert json.loads(held) == json.loads(body["PipelineDefinitionBody"])
    assert "something else" not in type_("deploy").stderr
    assert len(replaced.sagemaker.updated) == 1


@pytest.mark.usefixtures("deploys")
def test_a_deployment_that_cannot_put_it_back_fails(replaced: World, type_: Type) -> None:
    unknown = {"Fn::Join": ["", ['{"Steps":[],"Gone":"', {"Ref": "Gone"}, '"}']]}
    replaced.cloudformation.deploy(PIPELINE, unknown)
    shown = type_("deploy")
    assert shown.exit_code == 1
    assert f"{PIPELINE}: does not run what was deployed" in shown.stderr
    assert replaced.sagemaker.updated == []


@pytest.mark.usefixtures("deploys")
def test_who_may_not_read_templates_is_told_that_it_is_not_known(
    replaced: World, type_: Type
) -> None:
    denial = refusal("AccessDenied", "User x is not authorized", "GetTemplate")
    replaced.cloudformation.templates["flights-dev-training"] = denial
    shown = type_("deploy")
    assert shown.exit_code == 0, shown.output
    assert "Whether the pipelines run what was deployed is not known" in shown.stderr
    assert "roles/deploy.yaml" in shown.stderr


def test_runs_say_that_what_runs_was_not_deployed(
    replaced: World, type_: Type, passed: FakeRun
) -> None:
    sentence = f"{PIPELINE} does not run what was deployed"
    assert sentence in type_("runs").stderr
    deploy_source(replaced)
    assert sentence not in type_("runs").stderr


def test_a_pull_request_is_compared_with_what_was_deployed(replaced: World, type_: Type) -> None:
    shown = type_("diff", "training", "--exit-code")
    assert shown.exit_code == 0, shown.output
    assert f"{PIPELINE}: the same" in shown.stdout
    assert "does not run what was deployed" in shown.stderr
    assert type_("diff", "training", "--format", "markdown").stdout == f"**{PIPELINE}**: the same\n"


def test_status_says_so_and_lists_the_pipelines_of_edits(
    serving: ServingWorld, type_serving: Type
) -> None:
    assert "edits" not in type_serving("status").stdout
    world = serving.world
    world.sagemaker.pipelines[EDITS] = "{}"
    world.sagemaker.made[EDITS] = datetime.now(UTC)
    serving.cloudformation.deploy(PIPELINE, '{"Steps": []}')
    shown = type_serving("status")
    assert f"{EDITS} last used" in " ".join(shown.stdout.split())
    assert f"{PIPELINE} does not run what was deployed" in shown.stdout
    document = json.loads(type_serving("status", "--json").stdout)
    assert document["changed"] == [PIPELINE]
    assert list(document["edits"]) == [EDITS]


# --- cleaning up


def pipeline(**more: Any) -> EditPipeline:
    values = {"name": EDITS, "last_run": NOW, "running": 0, "orphan": False, **more}
    return EditPipeline(**values)


def version(approval: str, made_by: str = EDITS) -> registry.ModelVersion:
    arn = f"{arn_of_pipeline(made_by)}/execution/abcdefabcdef"
    described = package(4, approval, MetadataProperties={"GeneratedBy": arn})
    return registry.of(described, arn="arn")


CAME_FROM_IT = "version 4 came from it and is not rejected"
OLD = NOW + timedelta(days=edits.KEPT_DAYS)


@pytest.mark.parametrize(
    ("edits_", "versions", "now", "why"),
    [
        (pipeline(), [], OLD, ""),
        (pipeline(), [], OLD - timedelta(seconds=1), "last used 2026-05-01, kept until 2026-05-31"),
        (pipeline(running=1), [], OLD, "1 of its runs is in progress"),
        (pipeline(running=2, orphan=True), [], OLD, "2 of its runs are in progress"),
        (pipeline(orphan=True), [version("Approved")], NOW, ""),
        (pipeline(), [version("Approved")], OLD, CAME_FROM_IT),
        (pipeline(), [version("PendingManualApproval")], OLD, CAME_FROM_IT),
        (pipeline(), [version("Rejected")], OLD, ""),
        (pipeline(), [version("Approved", PIPELINE)], OLD, ""),
    ],
)  # fmt: skip
def test_a_pipeline_of_edits_is_kept_as_long_as_something_needs_it(
    edits_: EditPipeline, versions: list[registry.ModelVersion], now: datetime, why: str
) -> None:
    assert why_needed(edits_, versions, now=now) == why


def test_who_wants_all_gone_keeps_only_what_runs() -> None:
    assert why_needed(pipeline(), [version("Approved")], now=NOW, all_=True) == ""
    assert why_needed(pipeline(running=1), (), now=NOW, all_=True) != ""


@pytest.fixture
def used(serving: ServingWorld, type_serving: Type) -> World:
    """A pipeline of edits that was used today."""
    world = serving.world
    assert type_serving(*RUN).exit_code == 0
    world.sagemaker.made[EDITS] = datetime.now(UTC)
    return world


def test_clean_removes_what_nothing_needs(used: World, type_serving: Type) -> None:
    assert f"{EDITS} stays: last used" in type_serving("clean").stdout
    assert used.sagemaker.deleted == []
    used.sagemaker.made[EDITS] = datetime.now(UTC) - timedelta(days=31)
    assert f"Removed {EDITS}." in type_serving("clean").stdout
    assert used.sagemaker.deleted == [EDITS]
    assert "There is no pipeline of edits." in type_serving("clean").stdout


def test_clean_asks_before_it_removes_what_is_still_of_use(used: World, type_serving: Type) -> None:
    assert type_serving("clean", "--all").exit_code == 1  # nobody answers
    assert used.sagemaker.deleted == []
    assert type_serving("clean", "--all", "--yes").exit_code == 0
    assert used.sagemaker.deleted == [EDITS]


def test_what_is_anothers_is_not_removed(used: World, type_serving: Type) -> None:
    """`flights-dev-eu-training-edits` begins like a pipeline of dev."""
    used.sagemaker.tags[EDITS]["environment"] = "dev-eu"
    assert "it is another environment's" in type_serving("clean", "--all", "--yes").stderr
    assert used.sagemaker.deleted == []


@pytest.mark.usefixtures("deploys")
def test_a_deployment_removes_the_edits_of_a_pipeline_that_is_gone(
    used: World, type_serving: Type
) -> None:
    assert type_serving("deploy").exit_code == 0
    assert used.sagemaker.deleted == []
    del used.sagemaker.pipelines[PIPELINE]
    assert f"Removed {EDITS}." in type_serving("deploy").stdout
    assert names.edited_pipeline(EDITS) == PIPELINE
