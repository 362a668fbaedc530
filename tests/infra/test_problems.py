"""What a model's problem decides in its stacks: three loops of one app, side by side, and word
labels of a binary problem."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from botocore.validate import ParamValidator

from ratchet.project import load
from ratchet.settings.schema import (
    EvaluationSettings,
    GateSettings,
    ModelSettings,
    MonitorSettings,
    Settings,
)
from tests.infra.assembly import Template, context
from tests.infra.conditions import deployed
from tests.infra.loops import add_loops
from tests.infra.readable import text_of
from tests.infra.test_stack_snapshots import hold

QUALITY = "AWS::SageMaker::ModelQualityJobDefinition"
DATA = "AWS::SageMaker::DataQualityJobDefinition"
SCHEDULE = "AWS::SageMaker::MonitoringSchedule"
MODELS = {
    "prices": ModelSettings(problem="regression", label="price"),
    "digits": ModelSettings(
        problem="multiclass", label="digit", classes=("0", "1"), prediction=1, probability=2
    ),
    "churn": ModelSettings(problem="binary", label="leaves", positive="yes"),
    "clicks": ModelSettings(
        problem="binary", label="clicked", prediction="class", probability="score"
    ),
    "risk": ModelSettings(problem="binary", label="late", threshold="best-f1", probability=1),
}


def settings_of(name: str) -> Settings:
    return dataclasses.replace(
        load("dev"),
        environment=name,
        model=MODELS[name],
        gate=GateSettings(max_regression=2.5),
        evaluation=EvaluationSettings(max_regression=2.5),
        monitor=MonitorSettings(exclude=("month",)),
    )


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Template]:
    """Environment → its serving stack, all of one app."""
    folder: Path = tmp_path_factory.mktemp("problems")
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, map(settings_of, MODELS))
    app.synth()
    return {
        name: json.loads(next(folder.rglob(f"*{name}*Serving*.template.json")).read_text())
        for name in MODELS
    }


def of_kind(template: Template, kind: str) -> list[dict[str, Any]]:
    resources = template["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == kind]


def answers(template: Template) -> dict[str, Any]:
    (definition,) = of_kind(template, QUALITY)
    source = definition["ModelQualityJobInput"]["EndpointInput"]
    return {name: value for name, value in source.items() if name.endswith("Attribute")}


THRESHOLD = {"ProbabilityThresholdAttribute": {"Ref": "ProbabilityThreshold"}}


@pytest.mark.parametrize(
    ("name", "problem", "places"),
    [
        ("prices", "Regression", {"InferenceAttribute": "0"}),
        ("digits", "MulticlassClassification", {"InferenceAttribute": "1"}),
        (
            "clicks",
            "BinaryClassification",
            {"InferenceAttribute": "class", "ProbabilityAttribute": "score"},
        ),
        ("risk", "BinaryClassification", {"ProbabilityAttribute": "1", **THRESHOLD}),
    ],
)
def test_model_monitor_is_told_the_problem_and_where_answers_are(
    serving: Mapping[str, Template], name: str, problem: str, places: dict[str, Any]
) -> None:
    template = serving[name]
    (definition,) = of_kind(template, QUALITY)
    assert definition["ModelQualityAppSpecification"]["ProblemType"] == problem
    assert answers(template) == places
    assert ("ProbabilityThreshold" in template["Parameters"]) == (
        THRESHOLD.items() <= places.items()
    )
    assert len(of_kind(template, SCHEDULE)) == 2


@pytest.mark.parametrize("name", [name for name in MODELS if name != "churn"])
def test_the_definition_is_a_request_that_sagemaker_takes(
    serving: Mapping[str, Template], name: str
) -> None:
    (definition,) = of_kind(serving[name], QUALITY)
    request = {**resolved(definition), "JobDefinitionName": "answers"}
    report = ParamValidator().validate(request, create_model_quality())
    assert not report.has_errors(), report.generate_report()


@cache
def create_model_quality() -> Any:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model("CreateModelQualityJobDefinition").input_shape


def resolved(value: Any) -> Any:
    """With texts in place of references, and a number for the threshold."""
    if value == {"Ref": "ProbabilityThreshold"}:
        return 0.37
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and any(name == "Ref" or name.startswith("Fn::") for name in value):
        return text_of(value)
    return {key: resolved(item) for key, item in value.items() if key != "Tags"}


def test_words_of_a_binary_problem_are_left_to_the_monitoring_pipeline(
    serving: Mapping[str, Template],
) -> None:
    template = serving["churn"]
    assert not [kind for kind in (QUALITY, DATA, SCHEDULE) if of_kind(template, kind)]
    assert template["Parameters"]["MonitorEngine"]["Default"] == "pipeline"
    champion = {
        "ChampionModelPackageArn": "arn:aws:sagemaker:us-east-1:1:model-package/flights-churn/3",
        "BaselineUri": "s3://a/baseline",
    }
    kinds = [resource["Type"] for resource in deployed(template, champion).values()]
    assert "AWS::Scheduler::Schedule" in kinds
    engines = [
        function["Environment"]["Variables"].get("MONITOR_ENGINE")
        for function in of_kind(template, "AWS::Lambda::Function")
    ]
    assert {engine for engine in engines if engine} == {"pipeline"}


def test_its_label_is_in_no_comparison_of_requests(serving: Mapping[str, Template]) -> None:
    (definition,) = of_kind(serving["prices"], DATA)
    excluded = definition["DataQualityJobInput"]["EndpointInput"]["ExcludeFeaturesAttribute"]
    assert excluded == "price,month"


@pytest.mark.parametrize("name", MODELS)
def test_both_alarms_on_what_serves_have_one_rule(
    serving: Mapping[str, Template], name: str
) -> None:
    alarms = {
        alarm["AlarmName"]: alarm for alarm in of_kind(serving[name], "AWS::CloudWatch::Alarm")
    }
    rules = [
        {
            key: value
            for key, value in alarms[f"flights-{name}-{kind}"].items()
            if key not in ("AlarmName", "AlarmDescription", "MetricName", "Tags")
        }
        for kind in ("drift", "model-quality")
    ]
    assert rules[0] == rules[1]


@pytest.mark.parametrize("name", ["prices", "digits"])
def test_the_definition_of_a_problem_is_as_its_snapshot_shows(
    serving: Mapping[str, Template], name: str
) -> None:
    (definition,) = of_kind(serving[name], QUALITY)
    text = json.dumps(resolved(definition), indent=2, sort_keys=True)
    hold(f"{name}-model-quality.json", f"{text}\n")


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        (MODELS["churn"], False),
        (dataclasses.replace(MODELS["churn"], positive="TRUE "), True),
        (dataclasses.replace(MODELS["churn"], positive=""), True),
        (MODELS["digits"], True),
        (MODELS["prices"], True),
    ],
)
def test_whose_labels_model_monitor_is_documented_for(model: ModelSettings, *, taken: bool) -> None:
    settings = dataclasses.replace(load("dev"), model=model)
    assert (settings.no_model_monitor is None) is taken
