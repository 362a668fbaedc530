"""A call that a function's role does not allow fails the test that makes it."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.loop import folders, names
from tests.unit.lambdas import policies
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA, PIPELINE, FakeCloud
from tests.unit.lambdas.policies import Request

Call = tuple[str, str, dict[str, Any]]


def refusal(function: str, call: Call) -> str:
    """As the fake cloud sees the call on its way."""
    service, operation, parameters = call
    requests: list[Request] = []
    client = FakeCloud().client(service)

    def see(model: Any, params: Any, **_: Any) -> tuple[Any, Any]:
        requests.append(
            Request(
                service=service,
                operation=model.name,
                parameters=parameters,
                wire=params,
                is_missing=False,
            )
        )
        raise InterruptedError

    client.meta.events.register_first("before-call", see)
    try:
        with pytest.raises(InterruptedError):
            getattr(client, operation)(**parameters)
    finally:
        client.meta.events.unregister("before-call", see)
    return policies.refusal(function, requests[0]) or ""


def put(key: str, bucket: str = ARTIFACTS) -> Call:
    return "s3", "put_object", {"Bucket": bucket, "Key": key, "Body": b""}


def metric(namespace: str) -> Call:
    return "cloudwatch", "put_metric_data", {"Namespace": namespace, "MetricData": []}


def start(pipeline: str) -> Call:
    return (
        "sagemaker",
        "start_pipeline_execution",
        {"PipelineName": pipeline, "ClientRequestToken": "0" * 32},
    )


UPDATE = {"StackName": "flights-dev-serving", "UsePreviousTemplate": True}


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ("start_pipeline", put(folders.manifest("d"))),
        ("start_pipeline", put(folders.trigger_state(names.TRAINING))),
        ("start_pipeline", put(folders.trigger_state(names.EVALUATION))),
        ("start_pipeline", start(PIPELINE)),
        ("publish_monitoring", metric(names.DATA_NAMESPACE)),
        ("record_run", metric(names.NAMESPACE)),
        ("reconcile_champion", ("cloudformation", "update_stack", UPDATE)),
    ],
)
def test_what_the_loop_does_is_allowed(function: str, call: Call) -> None:
    assert refusal(function, call) == ""


@pytest.mark.parametrize(
    ("function", "call", "action"),
    [
        ("start_pipeline", put("manifest/d/manifest.json"), "s3:PutObject"),
        ("start_pipeline", put("raw/x.csv", DATA), "s3:PutObject"),
        ("start_pipeline", put("evaluations/latest.json"), "s3:PutObject"),
        ("start_pipeline", start("flights-prod-training"), "sagemaker:StartPipelineExecution"),
        ("record_run", metric("Rachet"), "cloudwatch:PutMetricData"),
        ("record_run", metric(names.DATA_NAMESPACE), "cloudwatch:PutMetricData"),
        ("notify", metric(names.NAMESPACE), "cloudwatch:PutMetricData"),
        (
            "reconcile_champion",
            (
                "cloudformation",
                "update_stack",
                {**UPDATE, "RoleARN": "arn:aws:iam::1:role/any-role"},
            ),
            "cloudformation:UpdateStack",
        ),
        (
            "reconcile_champion",
            ("cloudformation", "update_stack", {**UPDATE, "StackName": "flights-dev-training"}),
            "cloudformation:UpdateStack",
        ),
        (
            "select_captured",
            ("ssm", "get_parameter", {"Name": "/flights/dev/training"}),
            "ssm:GetParameter",
        ),
        (
            "notify",
            ("cloudwatch", "describe_alarms", {"AlarmNames": ["flights-dev-drift", "other"]}),
            "cloudwatch:DescribeAlarms",
        ),
    ],
)
def test_anything_else_is_not(function: str, call: Call, action: str) -> None:
    assert f"{function}: {action} on " in refusal(function, call)


@pytest.mark.parametrize(
    ("metric_name", "dimensions", "known"),
    [
        (names.DRIFT_VIOLATIONS, ["Project", "Environment"], True),
        (names.RUN_COST, ["Project", "Environment", "Pipeline"], True),
        (names.RUN_COST, ["Project", "Environment"], False),
        ("DriftsViolated", ["Project", "Environment"], False),
        (names.DRIFT_VIOLATIONS, ["Project"], False),
    ],
)
def test_a_metric_is_known_by_its_name_and_its_dimensions(
    metric_name: str, dimensions: list[str], known: bool
) -> None:
    data = [{"MetricName": metric_name, "Dimensions": [{"Name": name} for name in dimensions]}]
    request = Request(
        service="cloudwatch",
        operation="PutMetricData",
        parameters={"Namespace": names.NAMESPACE, "MetricData": data},
        wire={},
        is_missing=False,
    )
    assert (list(policies.unknown_metrics(request)) == []) is known


def test_what_is_not_there_is_said_only_to_those_who_may_list() -> None:
    request = Request(
        service="s3",
        operation="GetObject",
        parameters={"Bucket": ARTIFACTS, "Key": "x"},
        wire={"method": "GET", "url_path": "", "query_string": {}, "headers": {}, "body": b""},
        is_missing=True,
    )
    needs = [(need.action, need.resource) for need in policies.needs_of(request)]
    assert ("s3:ListBucket", f"arn:aws:s3:::{ARTIFACTS}") in needs
    assert ("kms:Decrypt", policies.KEY) in needs
