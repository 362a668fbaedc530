"""What records the costs of runs: when it wakes, what it may do, and what the limits add."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from ratchet.costs import prices, rows
from ratchet.loop import folders
from ratchet.loop.facts import OperationsFacts, parse
from ratchet.project import load
from ratchet.settings.costs import CostSettings
from ratchet.settings.retention import NotificationSettings
from ratchet.settings.schema import Settings
from ratchet_cdk.loop import Loop
from ratchet_cdk.pipelines.run_costs import dollars
from stacks.foundation import Foundation
from stacks.operations import Operations
from tests.infra.assembly import ENVIRONMENTS, Assembly, Template, context
from tests.infra.loops import add_loops
from tests.infra.readable import text_of

STACK = "dev/Operations"
LIMITS = CostSettings(run_limit_usd=2.5, monthly_budget_usd=100, schedule="rate(1 day)")
TOLD = NotificationSettings(email="team@example.com")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """The stacks of an environment with limits."""
    settings = replace(load("dev"), costs=LIMITS, notifications=TOLD)
    return synthesized(settings, tmp_path_factory.mktemp("limited"))


class CostsAlone(Loop):
    def compose(self) -> None:
        Operations(self, after=Foundation(self))


def synthesized(settings: Settings, folder: Path) -> dict[str, Template]:
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, [settings], loop=CostsAlone)
    app.synth()
    return {
        stack: json.loads(next(folder.rglob(f"*{stack}*.template.json")).read_text())
        for stack in ("Foundation", "Operations")
    }


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    found = template["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == kind}


def only(template: Template, kind: str) -> dict[str, Any]:
    (found,) = of_type(template, kind).values()
    return found


def statements(template: Template) -> Iterator[dict[str, Any]]:
    yield from only(template, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]


def may(template: Template, action: str) -> list[str]:
    """The resources on which the function may do it."""
    return [
        text_of(one).rsplit(":", 1)[-1]
        for statement in statements(template)
        if action in statement["Action"]
        for one in statement["Resource"]
    ]


# -- when it wakes


def schedules(template: Template) -> list[str]:
    found = of_type(template, "AWS::Events::Rule").values()
    return [rule["ScheduleExpression"] for rule in found if "ScheduleExpression" in rule]


def heard(template: Template) -> dict[str, dict[str, Any]]:
    """Detail type → the pattern of what is heard of it."""
    found = of_type(template, "AWS::Events::Rule").values()
    patterns = [rule["EventPattern"] for rule in found if "EventPattern" in rule]
    return {pattern["detail-type"][0]: pattern["detail"] for pattern in patterns}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_ends_of_runs_and_the_schedule_of_the_settings_wake_it(
    assembly: Assembly, environment: str
) -> None:
    template = assembly.templates[f"{environment}/Operations"]
    assert schedules(template) == [load(environment).costs.schedule]
    ((happening, detail),) = heard(template).items()
    assert happening == "SageMaker Model Building Pipeline Execution Status Change"
    assert set(detail["currentPipelineExecutionStatus"]) == rows.ENDED
    (wanted,) = detail["pipelineArn"]
    assert text_of(wanted["prefix"]).endswith(f":pipeline/flights-{environment}-")


def test_a_limit_adds_the_ends_of_steps_and_a_look_every_five_minutes(
    limited: dict[str, Template],
) -> None:
    template = limited["Operations"]
    assert schedules(template) == ["rate(5 minutes)"]
    detail = heard(template)["SageMaker Model Building Pipeline Execution Step Status Change"]
    assert detail["currentStepStatus"] == ["Succeeded", "Failed", "Stopped"]


def test_a_message_is_not_seen_twice_while_the_function_may_still_work_on_it(
    assembly: Assembly,
) -> None:
    function = assembly.only(STACK, "AWS::Lambda::Function")
    (queue,) = [
        one["Properties"]
        for name, one in assembly.resources(STACK, "AWS::SQS::Queue").items()
        if "Wakes" in name
    ]
    assert function["Timeout"] == 300
    assert queue["VisibilityTimeout"] > function["Timeout"]


# -- what it is told


def test_the_function_is_told_what_rows_say_of_every_run(limited: dict[str, Template]) -> None:
    given = only(limited["Operations"], "AWS::Lambda::Function")["Environment"]["Variables"]
    plain = {name: value for name, value in given.items() if isinstance(value, str)}
    assert plain == {
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
        "OWNER": "ml-platform",
        "COST_CENTER": "ml-0001",
        "EXPERIMENT": "default",
        "PIPELINES": "flights-dev-training,flights-dev-evaluation,flights-dev-monitoring",
        "ENDPOINT_NAME": "flights-dev",
        "RUN_LIMIT_USD": "2.5",
        "IDLE_HOURS": "24",
        "LOOK_BACK_DAYS": "7",
    }
    assert given.keys() - plain.keys() == {"ARTIFACTS_BUCKET", "DATA_BUCKET", "TOPIC_ARN"}


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (0.0, "0"), (2.5, "2.5"), (100, "100"), (1e7, "10000000")]
)
def test_dollars_are_written_as_a_person_does(amount: float, text: str) -> None:
    assert dollars(amount) == text


def test_the_facts_are_those_that_the_tools_read(limited: dict[str, Template]) -> None:
    parameter = only(limited["Operations"], "AWS::SSM::Parameter")
    assert parameter["Name"] == load("dev").parameter("operations")
    facts = parse(text_of(parameter["Value"]), OperationsFacts)
    assert (facts.database, facts.table) == ("flights_dev_costs", "run_costs")
    assert facts.rows_uri.endswith("/costs/rows")
    assert (
        facts.budget == only(limited["Operations"], "AWS::Budgets::Budget")["Budget"]["BudgetName"]
    )
    assert facts.run_limit_usd == LIMITS.run_limit_usd


# -- what it may do


def test_it_changes_nothing_but_rows_prices_and_its_metric(assembly: Assembly) -> None:
    template = assembly.templates[STACK]
    actions = {action for one in statements(template) for action in one["Action"]}
    reading = ("Describe", "List", "Get", "Receive", "Decrypt")
    changing = {a for a in actions if not a.split(":")[1].startswith(reading)}
    assert changing == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "cloudwatch:PutMetricData",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "kms:GenerateDataKey",
        "sns:Publish",
        "sqs:DeleteMessage",
    }
    assert [one.rsplit("}", 1)[-1] for one in may(template, "s3:PutObject")] == ["/costs/*"]
    metric = [one for one in statements(template) if "cloudwatch:PutMetricData" in one["Action"]]
    assert metric[0]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Ratchet"}}


def test_only_with_a_limit_may_it_stop_runs_and_only_of_these_pipelines(
    assembly: Assembly, limited: dict[str, Template]
) -> None:
    stop = "sagemaker:StopPipelineExecution"
    assert may(assembly.templates[STACK], stop) == []
    assert may(limited["Operations"], stop) == ["pipeline/flights-dev-*/execution/*"]


def test_it_sees_runs_of_these_pipelines_and_one_endpoint(assembly: Assembly) -> None:
    template = assembly.templates[STACK]
    assert may(template, "sagemaker:ListPipelineExecutions") == ["pipeline/flights-dev-*"]
    assert may(template, "sagemaker:ListPipelineParametersForExecution") == [
        "pipeline/flights-dev-*/execution/*"
    ]
    assert may(template, "sagemaker:DescribeEndpoint") == ["endpoint/flights-dev"]
    assert may(template, "sagemaker:DescribeProcessingJob") == [
        "training-job/pipelines-*",
        "processing-job/pipelines-*",
        "transform-job/pipelines-*",
    ]


def test_of_jobs_without_the_prefix_it_sees_those_with_the_loops_tags(assembly: Assembly) -> None:
    (searches,) = [s for s in statements(assembly.templates[STACK]) if s["Sid"] == "LookAtSearches"]
    assert "training-job/*" in str(searches["Resource"])
    assert searches["Condition"] == {
        "StringEquals": {
            "aws:ResourceTag/project": "flights",
            "aws:ResourceTag/model": "flights",
            "aws:ResourceTag/environment": "dev",
        }
    }


def test_who_tells_people_prices_runs_with_the_same_permissions_and_keeps_nothing(
    assembly: Assembly,
) -> None:
    policies = assembly.resources("dev/Serving", "AWS::IAM::Policy")
    (notify,) = [p["Properties"] for name, p in policies.items() if name.startswith("Messenger")]
    given = {one["Sid"]: one for one in notify["PolicyDocument"]["Statement"]}
    recording = {one["Sid"]: one for one in statements(assembly.templates[STACK])}
    for sid in ("LookAtJobs", "LookAtSearches", "AskForPrices"):
        assert given[sid] == recording[sid]
    assert given["LookAtRuns"]["Action"] == recording["LookAtRuns"]["Action"]
    assert [text_of(arn).rsplit(":", 1)[1] for arn in given["LookAtRuns"]["Resource"]] == [
        f"pipeline/flights-dev-{kind}{edits}/execution/*"
        for kind in ("training", "evaluation", "monitoring")
        for edits in ("", "-edits")
    ]
    read = [text_of(resource) for resource in given["ReadFindings"]["Resource"]]
    assert any(resource.endswith(f"/{prices.FOLDER}*") for resource in read)
    assert not [one for one in given.values() if "s3:PutObject" in one["Action"]]


# -- the table


@pytest.fixture
def table(assembly: Assembly) -> dict[str, Any]:
    given: dict[str, Any] = assembly.only(STACK, "AWS::Glue::Table")["TableInput"]
    return given


def test_the_tables_folders_are_those_that_rows_are_written_to(table: dict[str, Any]) -> None:
    key = rows.key("flights-dev-training", date(2026, 11, 26))
    folder = text_of(table["StorageDescriptor"]["Location"]).split("}/", 1)[1]
    *partitions, _ = key.removeprefix(folder).split("/")
    keys = [column["Name"] for column in table["PartitionKeys"]]
    assert [partition.split("=")[0] for partition in partitions] == keys
    assert folder.startswith(folders.COSTS)
    assert prices.FOLDER.startswith(folders.COSTS)


def test_the_table_knows_every_partition_by_itself(table: dict[str, Any]) -> None:
    given = table["Parameters"]
    projection = {k.removeprefix("projection."): v for k, v in given.items()}
    assert projection["enabled"] == "true"
    assert projection["pipeline.values"].split(",") == [
        "flights-dev-training",
        "flights-dev-training-edits",
        "flights-dev-evaluation",
        "flights-dev-evaluation-edits",
        "flights-dev-monitoring",
        "flights-dev-monitoring-edits",
        rows.ENDPOINTS,
        rows.STORAGE,
    ]
    assert projection["month.format"] == "yyyy-MM"
    assert projection["month.range"] == "2026-01,NOW"


def test_the_tables_columns_are_those_of_a_row(table: dict[str, Any]) -> None:
    columns = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
    row = rows.Row(
        kind="step",
        recorded_at="2026-11-26T00:00:00Z",
        project="p",
        environment="e",
        owner="o",
        cost_center="c",
        pipeline="p-e-training",
    )
    written = json.loads(rows.line(row))
    assert [*columns] == [name for name in written if name != "pipeline"]
    assert columns["cost"] == "decimal(18,9)"
    types = {str: "string", bool: "boolean", int: "int", float: "double"}
    said = {name: types[type(written[name])] for name in ("step", "spot", "attempt")}
    assert said.items() <= columns.items()


# -- the budget


def test_without_a_budget_there_is_none_and_nobody_may_speak_for_it(assembly: Assembly) -> None:
    assert assembly.resources(STACK, "AWS::Budgets::Budget") == {}
    assert "budgets.amazonaws.com" not in json.dumps(assembly.templates["dev/Foundation"])


def test_the_budget_counts_what_carries_all_tags_of_the_loop(limited: dict[str, Template]) -> None:
    budget = only(limited["Operations"], "AWS::Budgets::Budget")["Budget"]
    assert budget["BudgetLimit"] == {"Amount": 100, "Unit": "USD"}
    assert budget["TimeUnit"] == "MONTHLY"
    tags = load("dev").tags
    assert budget["FilterExpression"] == {
        "And": [
            {"Tags": {"Key": key, "Values": [tags[key]]}}
            for key in ("project", "model", "environment")
        ]
    }


def test_the_budget_tells_the_topic_and_the_mailbox_in_time(limited: dict[str, Template]) -> None:
    told = only(limited["Operations"], "AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    assert [
        (one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in told
    ] == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    for one in told:
        sns, email = one["Subscribers"]
        assert sns["SubscriptionType"] == "SNS"
        assert "Topic" in text_of(sns["Address"])
        assert email == {"SubscriptionType": "EMAIL", "Address": "team@example.com"}


def test_the_budget_may_publish_to_the_encrypted_topic_for_this_account_alone(
    limited: dict[str, Template],
) -> None:
    foundation = limited["Foundation"]
    policies = [
        only(foundation, "AWS::SNS::TopicPolicy")["PolicyDocument"],
        only(foundation, "AWS::KMS::Key")["KeyPolicy"],
    ]
    for policy in policies:
        (statement,) = [
            s for s in policy["Statement"] if s["Principal"] == {"Service": "budgets.amazonaws.com"}
        ]
        account = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
        assert text_of(account) == "${AWS::AccountId}"


def test_another_mailbox_makes_another_budget_since_that_replaces_it(
    limited: dict[str, Template], tmp_path: Path
) -> None:
    other = NotificationSettings(email="others@example.com")
    settings = replace(load("dev"), costs=LIMITS, notifications=other)
    names = [
        only(templates["Operations"], "AWS::Budgets::Budget")["Budget"]["BudgetName"]
        for templates in (limited, synthesized(settings, tmp_path))
    ]
    assert names[0] != names[1]
    assert all(name.startswith("flights-dev-monthly-") for name in names)
