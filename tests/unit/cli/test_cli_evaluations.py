"""`ratchet models VERSION`: how a version did since; `ratchet run evaluation`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ratchet.cli.views import evaluation_view
from ratchet.deployment.registry import evaluations
from ratchet.loop.evaluations import EvaluationRecord
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import ACCOUNT, START, World
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(days=200)
FACTS = {
    "pipeline": "flights-dev-evaluation",
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/evaluation-role",
    "data_prefix": "labelled/",
    "code_uri": "s3://assets",
    "functions": {
        "resolve_champion": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:resolve",
        "record_evaluation": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:record",
        "start_pipeline": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:start-evaluation",
    },
    "queue_url": "https://sqs/evaluation",
    "dead_letter_queue_url": "https://sqs/evaluation-dead",
}


def evaluation_record(month: int, score: float | None = 0.69, **more: Any) -> dict[str, Any]:
    return {
        "evaluated": f"2013-{month + 1:02d}-02T06:00:00Z",
        "execution": f"run{month}",
        "package_arn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/flights-dev/1",
        "version": 1,
        "manifest": f"s3://artifacts/manifests/{month}/manifest.json",
        "data": f"2013-{month:02d}",
        "metric": "auc",
        "rows": 2704,
        "score": score,
        "interval": None if score is None else {"low": score - 0.02, "high": score + 0.02},
        "floor": 0.5,
        "max_regression": 0.05,
        "registered": 0.71,
        "outcome": "Completed",
        "violations": [],
        "verdict": "champion AUC",
        "served": True,
        "a_later_version_knows": "more",
        **more,
    }


SERIES = [
    evaluation_record(5, 0.70),
    evaluation_record(6, 0.69),
    evaluation_record(7, 0.64, outcome="CompletedWithViolations", violations=["worse"]),
    evaluation_record(8, 0.71, rows=12, outcome="TooFewRows"),
    evaluation_record(
        9, None, outcome="CompletedWithViolations", violations=["no"], verdict="no [seats]"
    ),
]


def keep(serving: ServingWorld, *records: dict[str, Any], version: int = 1) -> None:
    for one in records:
        key = f"evaluations/{version}/{one['execution']}.json"
        serving.world.s3.objects["artifacts", key] = json.dumps(one).encode()


def parsed(record: dict[str, Any]) -> EvaluationRecord:
    found = evaluations.parse(json.dumps(record).encode())
    assert found is not None
    return found


def test_the_series_is_drawn_with_what_it_is_held_against() -> None:
    series = evaluation_view.series([parsed(one) for one in SERIES], now=NOW)
    assert series is not None
    hold("evaluations.txt", drawn([series]))


@pytest.mark.parametrize("words", [("models", "1"), ("models", "show", "1")])
def test_a_version_is_shown_with_its_evaluations(
    type_serving: Type, serving: ServingWorld, words: tuple[str, ...]
) -> None:
    keep(serving, *SERIES)
    keep(serving, evaluation_record(4), version=11)
    result = type_serving(*words)
    assert result.exit_code == 0, result.output
    assert "evaluations ▇▆▁█×" in result.stdout
    assert "2013-07" in result.stdout
    assert "2013-04" not in result.stdout, "that is of version 11"


def test_json_has_the_whole_series_oldest_first(type_serving: Type, serving: ServingWorld) -> None:
    keep(serving, *reversed(SERIES))
    shown = json.loads(type_serving("models", "show", "v1", "--json").stdout)
    assert [one["data"] for one in shown["evaluations"]] == [one["data"] for one in SERIES]
    assert shown["evaluations"][2]["violations"] == ["worse"]
    assert shown["evaluations"][4]["score"] is None


def test_a_version_that_was_never_evaluated_has_none(type_serving: Type) -> None:
    assert json.loads(type_serving("models", "1", "--json").stdout)["evaluations"] == []
    assert "evaluations" not in type_serving("models", "1").stdout


def test_what_is_no_record_is_left_out(type_serving: Type, serving: ServingWorld) -> None:
    keep(serving, SERIES[0])
    serving.world.s3.objects["artifacts", "evaluations/1/other.json"] = b"[1]"
    shown = json.loads(type_serving("models", "1", "--json").stdout)
    assert [one["execution"] for one in shown["evaluations"]] == ["run5"]


def test_show_without_a_version_says_what_to_type(type_serving: Type) -> None:
    result = type_serving("models", "show")
    assert result.exit_code == 2
    assert "models show latest" in result.stderr


def test_two_versions_are_refused(type_serving: Type) -> None:
    result = type_serving("models", "1", "2")
    assert result.exit_code == 2
    assert "'1' and '2' are several" in result.stderr


def test_a_spark_line_of_equal_scores_is_level() -> None:
    assert evaluation_view.spark([0.7, 0.7]) == "▅▅"
    assert evaluation_view.spark([None]) == "×"


@pytest.fixture
def deployed(world: World) -> World:
    world.ssm.parameters[world.target.settings.parameter("evaluation")] = json.dumps(FACTS)
    world.sagemaker.pipelines["flights-dev-evaluation"] = "{}"
    role = f"arn:aws:iam::{ACCOUNT}:role/evaluation-role"
    world.sagemaker.roles["flights-dev-evaluation"] = role
    return world


def test_run_evaluation_takes_the_newest_labelled_data_and_the_stacks_own_role(
    deployed: World, type_: Type
) -> None:
    for kind, digest in (("execution-evaluation", "a" * 64), ("execution", "b" * 64)):
        record = {"manifest": "m", "execution_arn": "arn", "display_name": f"x-{digest[:12]}"}
        deployed.s3.objects["artifacts", f"manifests/{digest}/{kind}.json"] = json.dumps(
            record
        ).encode()
    result = type_("run", "evaluation", "--no-follow")
    assert result.exit_code == 0, result.output
    (started,) = deployed.sagemaker.started
    assert started["PipelineName"] == "flights-dev-evaluation-edits"
    assert started["PipelineParameters"] == [
        {"Name": "InputManifest", "Value": f"s3://artifacts/manifests/{'a' * 64}/manifest.json"}
    ]
    (created,) = deployed.sagemaker.created
    assert created["RoleArn"].endswith("role/evaluation-role")
    assert "role/evaluation-role" in created["PipelineDefinition"]
    assert "function:record" in created["PipelineDefinition"]


def test_run_evaluation_says_what_to_land_when_nothing_has(deployed: World, type_: Type) -> None:
    deployed.s3.objects["artifacts", f"manifests/{'b' * 64}/execution.json"] = b"{}"
    result = type_("run", "evaluation", "--no-follow")
    assert result.exit_code != 0
    assert "ratchet land --for evaluation FILE…" in result.stderr
    assert deployed.sagemaker.started == []


def test_run_evaluation_before_its_stack_is_there_says_to_deploy(world: World, type_: Type) -> None:
    result = type_("run", "evaluation", "--no-follow")
    assert result.exit_code != 0
    assert "ratchet deploy" in result.stderr
