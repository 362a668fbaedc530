"""The evaluation pipeline's stack: its own intake and roles, and nothing of the training's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.authoring import Context, Functions
from ratchet.pipelines.registry import pipelines
from ratchet.project import load
from tests.infra.assembly import ENVIRONMENTS, Assembly
from tests.infra.readable import text_of, unfolded
from tests.infra.test_training_stack import as_deployed, definition
from tests.projects import MODEL, ROOT

STACK = "dev/Evaluation"


def statements(assembly: Assembly, role: str = "") -> Iterator[dict[str, Any]]:
    for name, policy in assembly.resources(STACK, "AWS::IAM::Policy").items():
        if name.startswith(role):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def allowed(assembly: Assembly, role: str, action: str) -> list[str]:
    return [
        text_of(resource)
        for statement in statements(assembly, role)
        if action in statement["Action"]
        for resource in statement["Resource"]
    ]


def last(arns: list[str]) -> list[str]:
    """What stands after the bucket's or the account's part."""
    return [arn.replace("}/", ":", 1).rsplit(":", 1)[-1] for arn in arns]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_deployed_definition_is_what_the_laptop_makes_from_the_deployed_facts(
    assembly: Assembly, environment: str
) -> None:
    stack = f"{environment}/Evaluation"
    facts = as_deployed(unfolded(assembly.only(stack, "AWS::SSM::Parameter")["Value"]))
    training = as_deployed(
        unfolded(assembly.only(f"{environment}/Training", "AWS::SSM::Parameter")["Value"])
    )
    called = {name: facts["functions"][name] for name in ("resolve_champion", "record_evaluation")}
    context = Context(
        settings=load(environment),
        role_arn=facts["role_arn"],
        artifacts_uri=f"s3://{training['artifacts_bucket']}",
        output_key_arn=training["output_key_arn"],
        code_uri=facts["code_uri"],
        functions=Functions(**called),
        source=ROOT,
    )
    assert (
        as_deployed(definition(assembly, stack))
        == pipelines(ROOT, MODEL)["evaluation"].define(context).definition()
    )


def test_it_takes_nothing_from_the_training_stack(assembly: Assembly) -> None:
    text = json.dumps(assembly.templates[STACK])
    assert "flights-dev-foundation-" in text, "what it shares is imported from there"
    assert "flights-dev-training:ExportsOutput" not in text
    assert "flights-dev-training-" not in text


def test_labelled_data_wakes_it_and_training_data_does_not(assembly: Assembly) -> None:
    rules = assembly.resources(STACK, "AWS::Events::Rule").values()
    (landed,) = [
        rule["Properties"]["EventPattern"]["detail"]
        for rule in rules
        if rule["Properties"].get("EventPattern", {}).get("source") == ["aws.s3"]
    ]
    assert landed["object"] == {"key": [{"prefix": "labelled/"}]}
    sources = [rule["Properties"].get("EventPattern", {}).get("source") for rule in rules]
    assert ["aws.cloudwatch"] not in sources, "drift trains, it does not evaluate"


def test_its_jobs_read_labelled_data_and_models_and_write_their_own_runs(
    assembly: Assembly,
) -> None:
    role = "EvaluationPipelineRole"
    read = set(last(allowed(assembly, role, "s3:GetObject")))
    assert {name for name in read if not name.endswith(".gz")} == {
        "flights-dev-evaluation/runs/*",
        "flights-dev-training/runs/*",
        "labelled/*",
        "manifests/*",
    }
    assert last(allowed(assembly, role, "s3:PutObject")) == ["flights-dev-evaluation/runs/*"]


def test_it_neither_trains_nor_registers(assembly: Assembly) -> None:
    assert allowed(assembly, "", "sagemaker:CreateModelPackage") == []
    started = allowed(assembly, "", "sagemaker:StartPipelineExecution")
    assert last(started) == ["pipeline/flights-dev-evaluation"]


def test_what_records_writes_metrics_of_the_loop_and_on_versions_of_its_group(
    assembly: Assembly,
) -> None:
    role = "EvaluationRecordEvaluationRole"
    (put,) = [s for s in statements(assembly, role) if "cloudwatch:PutMetricData" in s["Action"]]
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Ratchet"}}
    assert last(allowed(assembly, role, "sagemaker:UpdateModelPackage")) == [
        "model-package/flights-dev/*"
    ]
    assert last(allowed(assembly, role, "s3:PutObject")) == ["evaluations/*"]
    assert last(allowed(assembly, role, "ssm:GetParameter")) == ["parameter/flights/dev/champion"]


def test_every_action_is_named(assembly: Assembly) -> None:
    for statement in statements(assembly):
        assert not [action for action in statement["Action"] if "*" in action]
