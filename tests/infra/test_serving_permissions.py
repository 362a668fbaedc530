"""Least privilege of what serves: known actions, and wildcards with known reasons only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.assembly import Assembly
from tests.infra.readable import text_of

STACK = "dev/Serving"
SAGEMAKER = r"arn:aws:sagemaker:us-east-1:\$\{AWS::AccountId\}:"
ARTIFACTS = r"\$\{import flights-dev-foundation-artifacts-arn\}"

# Resource with a wildcard → why it cannot be narrower.
WILDCARDS = {
    r"\*": "PutMetricData, GetAuthorizationToken, GetProducts and two lists know no resource",
    SAGEMAKER + r"(processing|training|transform)-job/pipelines-\*": "SageMaker names steps' jobs",
    SAGEMAKER
    + r"processing-job/(model-monitoring|groundtruth-merge)-\*": "Model Monitor names its jobs",
    SAGEMAKER + r"(training|hyper-parameter-tuning)-job/\*": "a search has no prefix; by its tags",
    SAGEMAKER + r"experiment(-trial|-trial-component)?/\*": "a parameter of the run names it",
    SAGEMAKER + r"model-package/flights-dev/\*": "the registry numbers versions",
    SAGEMAKER + r"(endpoint-config|model)/\*": "CloudFormation names them; read only",
    SAGEMAKER
    + r"pipeline/flights-dev-(training|evaluation|monitoring)(-edits)?/execution/\*": "SageMaker "
    "names executions",
    r"arn:aws:cloudformation:.*:stack/flights-dev-serving/\*": "ends in a random part",
    r"arn:aws:logs:.*:log-group:/aws/sagemaker/(\w+Jobs|Endpoints/flights-dev):\*": "streams",
    ARTIFACTS
    + r"/(flights-dev-(training|monitoring)/runs|capture|evaluations|ground-truth|monitoring|"
    + r"monitoring/reports|manifests|deployment|costs/prices)/\*": "named by those who write",
    r"arn:aws:s3:::cdk-hnb659fds-assets-\$\{AWS::AccountId\}-us-east-1/\*\.gz": "named by content",
}


def statements(assembly: Assembly, role: str = "") -> Iterator[dict[str, Any]]:
    for name, policy in assembly.resources(STACK, "AWS::IAM::Policy").items():
        if name.startswith(role):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def resources(statement: dict[str, Any]) -> list[str]:
    return [text_of(resource) for resource in statement["Resource"]]


def allowed(assembly: Assembly, role: str, action: str) -> list[str]:
    """The resources on which a role may do something."""
    return [
        resource
        for statement in statements(assembly, role)
        if action in statement["Action"]
        for resource in resources(statement)
    ]


def test_every_wildcard_of_what_serves_has_a_known_reason(assembly: Assembly) -> None:
    wide = {r for s in statements(assembly) for r in resources(s) if "*" in r}
    unknown = [r for r in wide if not any(re.fullmatch(known, r) for known in WILDCARDS)]
    assert unknown == []
    unused = [known for known in WILDCARDS if not any(re.fullmatch(known, r) for r in wide)]
    assert unused == []


def test_every_action_is_named(assembly: Assembly) -> None:
    for statement in statements(assembly):
        assert not [action for action in statement["Action"] if "*" in action]


def test_only_the_reconciler_updates_a_stack_and_only_this_one(assembly: Assembly) -> None:
    for role in ("Champion", "ModelMonitor", "Monitoring", "Messenger"):
        assert allowed(assembly, role, "cloudformation:UpdateStack") == []
    (stack,) = allowed(assembly, "Reconciler", "cloudformation:UpdateStack")
    assert stack.endswith(":stack/flights-dev-serving/*")


def test_an_update_brings_neither_another_template_nor_another_role(assembly: Assembly) -> None:
    (statement,) = [s for s in statements(assembly) if "cloudformation:UpdateStack" in s["Action"]]
    assert statement["Condition"] == {
        "Null": {"cloudformation:TemplateUrl": "true", "cloudformation:RoleArn": "true"}
    }


@pytest.mark.parametrize("stack", ["Training", "Evaluation", "Serving", "Operations"])
def test_no_function_approves_a_version(assembly: Assembly, stack: str) -> None:
    updates = [
        statement
        for policy in assembly.resources(f"dev/{stack}", "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "sagemaker:UpdateModelPackage" in statement["Action"]
    ]
    for statement in updates:
        assert statement["Condition"] == {"Null": {"sagemaker:ModelApprovalStatus": "true"}}


def test_the_endpoint_pulls_the_images_that_versions_are_registered_with(
    assembly: Assembly,
) -> None:
    images = allowed(assembly, "ChampionRole", "ecr:BatchGetImage")
    assert images == ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"]


def test_model_monitor_pulls_its_analyzer_and_what_merges_labels_before_it(
    assembly: Assembly,
) -> None:
    repositories = allowed(assembly, "ModelMonitor", "ecr:BatchGetImage")
    assert [arn.rsplit("/", 1)[1] for arn in repositories] == [
        "sagemaker-model-monitor-analyzer",
        "sagemaker-model-monitor-groundtruth-merger",
    ]
    assert allowed(assembly, "ModelMonitor", "kms:Encrypt")


def test_a_failed_job_of_model_monitor_raises_an_alarm_that_people_hear(
    assembly: Assembly,
) -> None:
    rules = assembly.resources(STACK, "AWS::Events::Rule")
    (name,) = [name for name in rules if name.startswith("ModelMonitorJobFailed")]
    detail = rules[name]["Properties"]["EventPattern"]["detail"]
    (role,) = [
        name
        for name in assembly.resources(STACK, "AWS::IAM::Role")
        if name.startswith("ModelMonitorRole")
    ]
    assert detail == {
        "ProcessingJobStatus": ["Failed"],
        "RoleArn": [{"Fn::GetAtt": [role, "Arn"]}],
    }
    (alarm,) = [
        alarm["Properties"]
        for alarm in assembly.resources(STACK, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["AlarmName"] == "flights-dev-monitoring-failed"
    ]
    assert alarm["Dimensions"] == [{"Name": "RuleName", "Value": {"Ref": name}}]
    heard = [
        arn.rsplit(":", 1)[1] for arn in allowed(assembly, "Messenger", "cloudwatch:DescribeAlarms")
    ]
    assert "flights-dev-monitoring-failed" in heard


def test_the_reconciler_may_do_nothing_to_what_the_stack_consists_of(assembly: Assembly) -> None:
    actions = {a for s in statements(assembly, "Reconciler") for a in s["Action"]}
    changing = {
        action
        for action in actions
        if action.split(":")[0] in ("sagemaker", "iam", "cloudformation")
        and not re.match(r"\w+:(Describe|List|Get)", action)
    }
    assert changing == {"cloudformation:UpdateStack", "sagemaker:UpdateModelPackage"}


def test_the_reconciler_marks_versions_of_its_group_alone(assembly: Assembly) -> None:
    (packages,) = allowed(assembly, "Reconciler", "sagemaker:UpdateModelPackage")
    assert packages.endswith(":model-package/flights-dev/*")


def test_the_endpoint_reads_models_and_writes_what_it_captures(assembly: Assembly) -> None:
    bucket = "${import flights-dev-foundation-artifacts-arn}"
    assert allowed(assembly, "ChampionRole", "s3:GetObject") == [
        f"{bucket}/flights-dev-training/runs/*"
    ]
    assert allowed(assembly, "ChampionRole", "s3:PutObject") == [f"{bucket}/capture/*"]
    assert allowed(assembly, "ChampionRole", "kms:Decrypt")
    assert allowed(assembly, "ChampionRole", "kms:GenerateDataKey")


def test_the_endpoint_watches_the_alarms_that_roll_it_back(assembly: Assembly) -> None:
    watched = allowed(assembly, "ChampionRole", "cloudwatch:DescribeAlarms")
    assert [arn.rsplit(":", 1)[1] for arn in watched] == [
        "flights-dev-endpoint-5xx",
        "flights-dev-endpoint-4xx",
        "flights-dev-endpoint-latency",
    ]


def test_nobody_deletes_an_object(assembly: Assembly) -> None:
    actions = {a for s in statements(assembly) for a in s["Action"]}
    assert not [action for action in actions if action.startswith("s3:Delete")]


def test_the_scheduler_starts_the_monitoring_pipeline_and_no_other(assembly: Assembly) -> None:
    (pipeline,) = allowed(assembly, "MonitoringSchedule", "sagemaker:StartPipelineExecution")
    assert pipeline.endswith(":pipeline/flights-dev-monitoring")


@pytest.mark.parametrize(
    ("role", "namespaces"),
    [
        ("ReconcilerReconcile", "Ratchet"),
        (
            "MonitoringPublish",
            [
                "Ratchet",
                "aws/sagemaker/Endpoints/data-metrics",
                "aws/sagemaker/Endpoints/model-metrics",
            ],
        ),
    ],
)
def test_metrics_are_put_in_known_namespaces_only(
    assembly: Assembly, role: str, namespaces: str | list[str]
) -> None:
    (statement,) = [
        s for s in statements(assembly, role) if "cloudwatch:PutMetricData" in s["Action"]
    ]
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": namespaces}}


@pytest.mark.parametrize("service", ["sagemaker", "scheduler"])
def test_services_assume_roles_for_this_account_alone(assembly: Assembly, service: str) -> None:
    found = [
        trust
        for role in assembly.resources(STACK, "AWS::IAM::Role").values()
        for trust in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    ]
    assert found
    for trust in found:
        account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert trust["Condition"] == {"StringEquals": account}
