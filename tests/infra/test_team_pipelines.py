"""What a pipeline of the team's own is deployed with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from ratchet.authoring import Context, Pipeline, immutable, manifest
from ratchet.pipelines.registry import PipelineEntry
from ratchet.project import load
from tests.infra.assembly import context, loop_folder
from tests.infra.loops import add_loops
from tests.infra.readable import text_of
from tests.projects import list_pipelines

pytestmark = pytest.mark.synth
PATH = "flights-dev-scoring"


def scoring(ctx: Context) -> Pipeline:
    """Asks for the champion, reads landed data and a folder beside it, has a group of its own."""
    p = Pipeline("scoring", ctx)
    champion = p.invoke("champion", ctx.functions.resolve_champion, returns=["model_uri"])
    prices = immutable(f"{ctx.data_uri}/reference/prices/")
    prepare = p.processing(
        "prepare",
        f"{ctx.steps}/prepare.py",
        inputs={"raw": manifest(p.string("InputManifest")), "prices": prices},
        outputs=["train", "eval"],
    )
    train = p.training(
        "train", f"{ctx.steps}/train.py", channels={"train": prepare.outputs["train"]}
    )
    p.judgement(
        "evaluate",
        rows=prepare.outputs["eval"],
        candidate=train.model,
        champion=champion["model_uri"],
    )
    p.register("register", train.model, group="scores")
    return p


def nightly(ctx: Context) -> Pipeline:
    p = Pipeline("nightly", ctx)
    p.halt("stop", "always with", p.string("Word", default="a word"))
    return p


LISTED = {
    "scoring": PipelineEntry(scoring),
    "nightly": PipelineEntry(nightly, schedule="cron(0 6 ? * MON *)", timezone="Europe/Berlin"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("team") / "cdk.out"
    app = cdk.App(outdir=str(out), context=context(), analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.MonkeyPatch.context() as patch:
        list_pipelines(patch, LISTED)
        add_loops(app, [load("dev")])
    app.synth()
    return out


def resources(folder: Path, stack: str, kind: str) -> dict[str, dict[str, Any]]:
    (file,) = loop_folder(folder, "dev").glob(f"*{stack}*.template.json")
    found = json.loads(file.read_text())["Resources"].items()
    return {name: resource for name, resource in found if resource["Type"] == kind}


def statements(folder: Path, role: str) -> dict[str, dict[str, Any]]:
    (policy,) = [
        resource["Properties"]["PolicyDocument"]
        for name, resource in resources(folder, "Pipelines", "AWS::IAM::Policy").items()
        if name.startswith(role)
    ]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def named(statement: dict[str, Any]) -> list[str]:
    return [text_of(resource).rsplit("}", 1)[-1] for resource in statement["Resource"]]


def test_every_listed_pipeline_is_deployed_and_carries_its_cost_tag(folder: Path) -> None:
    pipelines = resources(folder, "Pipelines", "AWS::SageMaker::Pipeline").values()
    tags = {
        pipeline["Properties"]["PipelineName"]: {
            tag["Key"]: tag["Value"] for tag in pipeline["Properties"]["Tags"]
        }
        for pipeline in pipelines
    }
    assert sorted(tags) == ["flights-dev-nightly", "flights-dev-scoring"]
    assert all(tags[name]["pipeline"] == name for name in tags)


def test_the_role_may_do_what_the_definition_needs_and_reads_what_it_names(folder: Path) -> None:
    allowed = statements(folder, "ScoringPipelineRole")
    assert named(allowed["ReadData"]) == ["/raw/*", "/reference/prices/*"]
    assert named(allowed["ReadModels"]) == ["/flights-dev-training/runs/*"]
    assert named(allowed["WriteRuns"]) == [f"/{PATH}/runs/*"]
    assert {action for sid in allowed for action in allowed[sid]["Action"]} >= {
        "sagemaker:CreateProcessingJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:CreateModelPackage",
        "lambda:InvokeFunction",
    }


def test_the_role_of_a_pipeline_without_jobs_reads_no_data_and_invokes_nothing(
    folder: Path,
) -> None:
    allowed = statements(folder, "NightlyPipelineRole")
    actions = {action for sid in allowed for action in allowed[sid]["Action"]}
    assert not {"ReadData", "ReadModels"} & set(allowed)
    assert not {action for action in actions if action.startswith(("sagemaker:", "lambda:"))}


def test_a_group_of_its_own_is_made(folder: Path) -> None:
    (group,) = resources(folder, "Pipelines", "AWS::SageMaker::ModelPackageGroup").values()
    assert group["Properties"]["ModelPackageGroupName"] == "scores"


def test_a_schedule_starts_its_pipeline_alone_and_failures_raise_an_alarm(folder: Path) -> None:
    (schedule,) = resources(folder, "Pipelines", "AWS::Scheduler::Schedule").values()
    properties = schedule["Properties"]
    assert properties["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    assert properties["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert properties["Name"] == "flights-dev-nightly"
    allowed = statements(folder, "NightlyScheduleRole")
    (pipeline,) = allowed["StartPipeline"]["Resource"]
    assert text_of(pipeline).endswith(":pipeline/flights-dev-nightly")
    (alarm,) = resources(folder, "Pipelines", "AWS::CloudWatch::Alarm").values()
    name = alarm["Properties"]["AlarmName"]
    rules = resources(folder, "Serving", "AWS::Events::Rule").values()
    assert any(name in json.dumps(rule["Properties"]) for rule in rules)


def test_what_its_runs_cost_is_recorded(folder: Path) -> None:
    (function,) = resources(folder, "Operations", "AWS::Lambda::Function").values()
    recorded = function["Properties"]["Environment"]["Variables"]["PIPELINES"].split(",")
    assert {"flights-dev-scoring", "flights-dev-nightly"} <= set(recorded)


def test_its_checkpoints_expire(folder: Path) -> None:
    buckets = json.dumps(resources(folder, "Foundation", "AWS::S3::Bucket"))
    assert f"{PATH}/checkpoints/" in buckets


def test_the_stack_says_what_is_in_it(folder: Path) -> None:
    (parameter,) = resources(folder, "Pipelines", "AWS::SSM::Parameter").values()
    assert parameter["Properties"]["Name"] == "/flights/dev/pipelines"
    assert json.loads(parameter["Properties"]["Value"]) == {
        "pipelines": ["scoring", "nightly"],
        "scheduled": ["nightly"],
    }


def test_cdk_nag_finds_nothing_that_is_not_explained(folder: Path) -> None:
    report = json.loads((folder / "validation-report.json").read_text())
    found = [v["ruleName"] for p in report["pluginReports"] for v in p.get("violations", [])]
    assert found == []
