"""What docs/guides/review.md promises of each role, done with that role and nothing else.

The tests share one cloud and run in order: a workflow deploys, a person lands data, a run, an
approval, a prediction. The last ones hold the decisions of all of it against the templates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.deployment.pipelines import edits
from ratchet.local_cloud import control
from ratchet.project import Project
from tests.loop.deployed_loop import until, write_drop
from tests.loop.forbidden_calls import FORBIDDEN, bootstrap_role
from tests.loop.roles_at_work import Permission, Stage, build, recipe, run_cdk
from tests.projects import MODEL, copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

NARROW = ("review", "person")
"""Roles that may not deploy."""

NOT_ASKED_HERE = {
    "SeeSearches": "pipelines with a Tuning step",
    "LetEndpointsScale": "the local cloud has no service-linked roles",
    "SeeThatItIsBootstrapped": "who reads a stack's parameter: docs/guides/aws-only.md",
    "LeaveThemTheirRoles": "UpdatePipeline without a role in the request: docs/guides/aws-only.md",
}
"""Statements that no command of these tests needs → what does."""

ELSEWHERE = {
    "sagemaker:DescribeTransformJob": "pipelines with a Transform step",
    "s3:AbortMultipartUpload": "an upload in parts that fails",
}
"""Actions that no command of these tests needs → what does."""

OTHER_RESOURCES = {
    "model-package/flights-dev-*/*": "groups of imported pipelines",
    f"{'?' * 64}/*": "code of imported pipelines",
    "role/flights-dev-pipe*Role*": "roles of imported pipelines",
}
"""Ends of resources that no command of these tests needs → what does."""


@pytest.fixture(scope="module")
def stage(assembly_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("roles") / "cloud"
    try:
        yield build(folder, assembly=assembly_folder)
    finally:
        control.down(folder)


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The commands compile a source whose train step was edited, by each test in its way."""
    project = copy_of_project(tmp_path / "project")
    script = project / "steps" / MODEL / "train.py"
    script.write_text(f"{script.read_text()}\n# {request.node.name}\n")
    monkeypatch.chdir(project)


def denied(call: Callable[..., Any], **request: Any) -> str:
    """The sentence of AWS's with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "403"}, error
    return str(error["Message"])


def stack_states(stage: Stage) -> list[tuple[str, str, object]]:
    stacks = stage.administrator.client("cloudformation").describe_stacks()["Stacks"]
    return [(s["StackName"], s["StackStatus"], s.get("LastUpdatedTime")) for s in stacks]


# --- a workflow deploys


def test_a_workflow_deploys_by_the_bootstrap_roles_alone(stage: Stage) -> None:
    deployed = {name for name, *_ in stack_states(stage) if name.startswith("flights-dev-")}
    stacks = ("foundation", "training", "evaluation", "serving", "operations", "pipelines")
    assert deployed == {f"flights-dev-{name}" for name in stacks}
    asked = {decision.action for decision in stage.decisions("deploy")}
    comparing = {"cloudformation:GetTemplate", "sagemaker:DescribePipeline"}
    assert asked == {"sts:AssumeRole", "ssm:GetParameter", "sagemaker:ListPipelines"} | comparing
    assert all(decision.allowed for decision in stage.decisions("deploy"))


# --- a person works


def test_a_person_lands_data_and_follows_the_run_that_starts(stage: Stage, tmp_path: Path) -> None:
    for month in (1, 2):
        write_drop(month, tmp_path / "drops")
    landed = stage.works("person", "land", str(tmp_path / "drops"))
    assert "6 new" in landed.stdout
    until(lambda: stage.loop.runs() or None, "no run started")
    assert stage.works("person", "runs", "--json").data()
    shown = stage.works("person", "show", "latest", "--follow")
    assert "version 1" in shown.stdout
    stage.loop.recorded(stage.loop.runs()[0])


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("runs", "registered version 1"),
        ("show latest", "no champion"),
        ("logs latest train", "trained on"),
        ("logs latest champion", "champion"),
        ("models", "waits for approval"),
        ("models 1", "(higher is better)"),
        ("lineage 1", "raw/"),
        ("graph training", "no-regression"),
        ("status", "waits for approval"),
        ("diff", "the same"),
        ("costs", "total"),
        ("costs --by step", "evaluate"),
        ("costs estimate training", "A run of flights-dev-training costs"),
        ("costs setup", "not active"),
        ("monitor show", "No analysis yet"),
    ],
)
def test_a_person_sees(stage: Stage, words: str, shown: str) -> None:
    typed = stage.works("person", *words.split())
    assert shown in typed.stdout


def test_the_bill_is_refused_by_the_bill_alone(stage: Stage) -> None:
    assert "The local cloud has no bill" in stage.refused("person", "costs", "reconcile")


def test_a_person_approves_and_asks_the_endpoint(stage: Stage, tmp_path: Path) -> None:
    approved = stage.works("person", "approve", "1", "--because", "as good as any")
    assert "Version 1 will serve" in approved.stdout
    stage.works("person", "status", "--follow")
    described = stage.administrator.client("sagemaker").describe_model_package(
        ModelPackageName=stage.works("person", "models", "1", "--json").data()["arn"]
    )
    assert stage.roles["person"] in described["ApprovalDescription"]
    rows = tmp_path / "rows.csv"
    rows.write_text(request_rows(stage))
    answers = stage.works("person", "predict", str(rows), "--json").data()
    assert len(answers) == 3
    assert stage.works("person", "status", "--json").data()
    asked = stage.works("person", "predict", str(rows), "--csv").stdout.splitlines()
    labels = tmp_path / "labels.csv"
    words = ("label", "0", "1", "0")
    labels.write_text("".join(f"{a},{b}\n" for a, b in zip(asked, words, strict=True)))
    assert "3" in stage.works("person", "monitor", "labels", str(labels), "--unmatched").stdout


def request_rows(stage: Stage) -> str:
    """Three rows that the model was evaluated on, as CSV with a header."""
    s3, bucket = stage.administrator.client("s3"), stage.loop.deployed.artifacts_bucket
    key = next(
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", ())
        if entry["Key"].endswith("eval.csv")
    )
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return "".join(line + "\n" for line in text.splitlines()[:4])


def test_a_person_sees_the_analysis_of_the_traffic(stage: Stage) -> None:
    stage.administrator.ask("flush", {})
    stage.works("person", "monitor", "run")
    assert "model-monitor" in stage.works("person", "monitor", "show").stdout


def test_a_person_sees_what_another_instance_costs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its price is not among those that runs were recorded with, so the Price List is asked."""
    settings = stage.loop.settings
    train = replace(settings.step("train"), instance_type="ml.m5.xlarge")
    larger = replace(settings, steps={**settings.steps, "train": train})
    monkeypatch.setattr(Project, "settings", lambda *_: larger)
    assert "ml.m5.large → ml.m5.xlarge" in stage.works("person", "diff", "training").stdout


@pytest.mark.usefixtures("edited")
def test_a_person_runs_stops_and_retries_the_code_of_their_checkout(stage: Stage) -> None:
    started = stage.works("person", "run", "training", "--no-follow")
    assert "uploaded train" in started.stderr
    assert "This is an edit: it runs beside the deployed pipeline" in started.stderr
    stop(stage)
    assert "Retrying" in stage.works("person", "retry", "latest", "--no-follow").stdout
    stop(stage)


def stop(stage: Stage) -> None:
    stage.works("person", "stop", "latest")
    assert stage.type("person", "show", "latest", "--follow").code == 0


@pytest.mark.usefixtures("edited")
def test_a_person_runs_another_edit_and_removes_what_it_left(stage: Stage) -> None:
    started = stage.works("person", "run", "training", "--no-follow")
    assert "cached steps are those of earlier runs" in started.stderr
    stop(stage)
    assert "flights-dev-training-edits stays: last used" in stage.works("person", "clean").stdout
    assert "Removed" in stage.works("person", "clean", "--all", "--yes").stdout


@pytest.mark.usefixtures("edited")
def test_a_workflow_puts_back_what_was_deployed_and_removes_edits_that_nothing_needs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.works("person", "run", "training", "--no-follow")
    stop(stage)
    sagemaker, name = stage.administrator.client("sagemaker"), stage.loop.deployed.pipeline
    edit = sagemaker.describe_pipeline(PipelineName=f"{name}-edits")["PipelineDefinition"]
    sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=edit)
    assert f"{name} does not run what was deployed" in stage.works("person", "status").stdout
    monkeypatch.setattr(edits, "KEPT_DAYS", 0)
    ((_, *words),) = recipe("deploy", ENV="dev")
    deployed = stage.works("deploy", *words, "--app", str(stage.assembly))
    assert f"{name} ran something else than was deployed" in deployed.stderr
    assert f"Removed {name}-edits." in deployed.stdout
    assert "does not run what was deployed" not in stage.works("person", "status").stdout


@pytest.mark.usefixtures("edited")
def test_whom_the_parameters_keep_from_it_neither_changes_a_pipeline_nor_approves(
    stage: Stage,
) -> None:
    root = f"arn:aws:iam::{stage.administrator.account}:root"
    arn = stage.make(
        "person",
        stack="flights-guests-dev",
        Project="flights",
        Environment="dev",
        Trusted=root,
        ChangesPipelines="no",
        Approves="no",
    )
    stage.roles["guest"] = arn.rpartition("/")[2]
    assert "s3:PutObject" in stage.refused("guest", "run", "training", "--no-follow")
    assert "sagemaker:UpdateModelPackage" in stage.refused("guest", "reject", "1")
    stage.works("guest", "run", "training", "--as-deployed", "--no-follow")
    stage.type("guest", "stop", "latest")  # it may have ended, all of it cached


def test_a_person_rejects_what_serves(stage: Stage) -> None:
    assert "is rejected" in stage.works("person", "reject", "1").stdout


def test_all_that_a_person_may_do_asked_for_no_more_than_they_have(stage: Stage) -> None:
    """Also where a command goes on without an answer."""
    refused = [d for d in stage.decisions("person") if not d.allowed]
    assert refused == []


def test_cloudformation_needs_no_more_than_its_policy(stage: Stage) -> None:
    assert [d for d in stage.decisions("execution") if not d.allowed] == []


def test_cloudformation_makes_no_role_of_another_name(stage: Stage) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "anybody",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        },
    }
    cloudformation = stage.administrator.client("cloudformation")
    arn = f"arn:aws:iam::{stage.administrator.account}:role/{stage.roles['execution']}"
    cloudformation.create_stack(
        StackName="anybody",
        TemplateBody=json.dumps({"Resources": {"Role": role}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        RoleARN=arn,
    )
    assert stage.ended("anybody")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="anybody")["StackEvents"]
    reasons = "\n".join(event.get("ResourceStatusReason", "") for event in events)
    assert "is not authorized to perform: iam:CreateRole" in reasons


# --- a pull request reads


def test_a_pull_request_says_what_would_change(stage: Stage, edited: None) -> None:
    (diff, *_, (_, _, *cdk_diff), _) = recipe("review", ENV="dev")
    said = stage.works("review", *diff[1:])
    assert "~ train: code: train.py" in said.stdout
    assert "runs again: its code" in said.stdout
    words = cdk_diff[: cdk_diff.index("2>&1")]
    code, output = run_cdk(stage, "review", "diff", *words)
    assert code == 0, output
    assert output.count("There were no differences") == 6
    assert "lookup-role" in output, "it may not be that role, and goes on with its own rights"


READING = {
    "land": ("land", __file__),
    "runs": ("runs",),
    "run": ("run", "training", "--no-follow"),
    "approve": ("approve", "1"),
    "reject": ("reject", "1"),
    "predict": ("predict", "ROWS"),
    "status": ("status",),
    "logs": ("logs", "latest"),
    "costs": ("costs",),
}


@pytest.mark.parametrize("command", READING)
def test_a_pull_request_is_refused_the_rest_with_what_it_lacks(
    stage: Stage, command: str, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("carrier,dest\nAA,JFK\n")
    words = [str(rows) if word == "ROWS" else word for word in READING[command]]
    message = stage.refused("review", *words)
    assert message.startswith("not allowed (")
    assert f"The role {stage.roles['review']} lacks: {{" in message or "It needs s3:" in message


@pytest.mark.parametrize("kind", NARROW)
def test_who_may_not_deploy_changes_nothing_though_the_cdk_goes_on(stage: Stage, kind: str) -> None:
    """The CDK goes on with its caller's own rights where it may not be a bootstrap role."""
    before = stack_states(stage)
    code, output = run_cdk(
        stage, kind, "deploy", "dev/**", "--require-approval", "never", "--force"
    )
    assert code != 0
    assert "could not be used to assume" in output
    assert stack_states(stage) == before


# --- what nobody of them may


@pytest.fixture(scope="module")
def prod(stage: Stage) -> None:
    """What the roles of dev are kept from: it is there, so only policies refuse it."""
    target = stage.administrator
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{target.account}:root"},
        "Action": "sts:AssumeRole",
    }
    target.client("iam").create_role(
        RoleName=bootstrap_role("prod", "deploy")["RoleArn"].rpartition("/")[2],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    target.client("s3").create_bucket(Bucket="flights-prod-data")
    target.client("s3").put_object(Bucket="flights-prod-data", Key="raw/a.csv", Body=b"a")
    target.client("ssm").put_parameter(Name="/flights/prod/training", Value="{}", Type="String")


@pytest.mark.usefixtures("prod")
@pytest.mark.parametrize(
    ("kind", "what"), [(kind, what) for kind, calls in FORBIDDEN.items() for what in calls]
)
def test_a_role_is_refused(stage: Stage, kind: str, what: str) -> None:
    service, operation, request = FORBIDDEN[kind][what]
    client = stage.target(kind).client(service)
    assert "is not authorized to perform" in denied(getattr(client, operation), **request(stage))


def test_a_person_sees_how_things_stand_also_when_others_were_refused(stage: Stage) -> None:
    assert "version 1" in stage.works("person", "models", "1").stdout
    assert "trigger queue" in stage.works("person", "status").stdout


# --- acting as a role


def test_the_variables_of_a_role_are_those_of_its_session(stage: Stage) -> None:
    typed = stage.works("person", "cloud", "env", "--json")
    assert typed.data()["AWS_SESSION_TOKEN"]
    assert typed.data()["AWS_ACCESS_KEY_ID"] != stage.administrator.variables["AWS_ACCESS_KEY_ID"]
    caller = stage.target("person").client("sts").get_caller_identity()
    assert f":assumed-role/{stage.roles['person']}/" in caller["Arn"]


def test_a_role_that_is_not_there_is_named_with_those_that_are_near(stage: Stage) -> None:
    name = stage.roles["person"]
    stage.roles["slip"] = name[:-1]
    assert f"did you mean {name}" in stage.refused("slip", "runs")
    assert f"did you mean {name}" in stage.refused("slip", "cloud", "env")


def test_a_role_of_a_service_is_nobodys_to_act_as(stage: Stage) -> None:
    stage.roles["pipeline"] = stage.loop.deployed.role_arn.rpartition("/")[2]
    assert "trust policy does not allow the local cloud's user" in stage.refused("pipeline", "runs")


# --- and no statement is there in vain


@pytest.mark.parametrize("kind", ["deploy", "execution", "person", "review"])
def test_without_any_one_statement_a_command_above_fails(stage: Stage, kind: str) -> None:
    permissions = stage.permissions(kind)
    allowed = [decision for decision in stage.decisions(kind) if decision.allowed]
    needless = [
        permission.sid
        for permission in permissions
        if permission.sid not in NOT_ASKED_HERE and not only_by(permission, permissions, allowed)
    ]
    assert needless == []


def only_by(permission: Permission, permissions: list[Permission], allowed: list[Any]) -> list[Any]:
    """What was allowed by one statement, and would be by no other."""
    others = [other for other in permissions if other != permission]
    return [
        decision
        for decision in allowed
        if permission.decided(decision) and not any(o.covers(decision) for o in others)
    ]


@pytest.mark.parametrize("kind", ["deploy", "person", "review"])
def test_every_action_and_resource_of_a_statement_is_needed(stage: Stage, kind: str) -> None:
    allowed = [decision for decision in stage.decisions(kind) if decision.allowed]
    needless = []
    for permission in stage.permissions(kind):
        decisions = [d for d in allowed if permission.decided(d)]
        for action in permission.actions:
            if (
                permission.sid not in NOT_ASKED_HERE
                and action not in ELSEWHERE
                and action not in {d.action for d in decisions}
            ):
                needless.append(f"{permission.sid}: {action}")
        for resource in permission.resources:
            narrowed = Permission(
                policy=permission.policy,
                sid=permission.sid,
                actions=permission.actions,
                resources=(resource,),
            )
            elsewhere = permission.sid in NOT_ASKED_HERE or resource.endswith(
                tuple(OTHER_RESOURCES)
            )
            if not elsewhere and not any(narrowed.covers(d) for d in decisions):
                needless.append(f"{permission.sid}: {resource}")
    assert needless == []
