"""The stacks of a regression: nothing in them compares its answers with labels."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.project import load
from ratchet.settings.schema import GateSettings, ModelSettings, MonitorSettings
from tests.infra.assembly import STACKS, Template, context
from tests.infra.loops import add_loops

QUALITY = "AWS::SageMaker::ModelQualityJobDefinition"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    settings = dataclasses.replace(
        load("dev"),
        environment="prices",
        model=ModelSettings(problem="regression", label="price"),
        gate=GateSettings(max_regression=2.5),
        monitor=MonitorSettings(exclude=("month",)),
    )
    folder: Path = tmp_path_factory.mktemp("prices")
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, [settings])
    app.synth()
    return {
        stack: json.loads(next(folder.rglob(f"*{stack}*.template.json")).read_text())
        for stack in STACKS
    }


def kinds(template: Template) -> list[str]:
    return [resource["Type"] for resource in template["Resources"].values()]


def test_no_schedule_compares_its_answers_with_labels(templates: dict[str, Template]) -> None:
    serving = templates["Serving"]
    assert QUALITY not in kinds(serving)
    assert kinds(serving).count("AWS::SageMaker::MonitoringSchedule") == 1
    assert kinds(serving).count("AWS::SageMaker::DataQualityJobDefinition") == 1
    assert "quality-baseline" not in json.dumps(templates["Training"])
    assert "publish-quality" not in json.dumps(serving)


def test_its_label_is_in_no_comparison_of_requests(templates: dict[str, Template]) -> None:
    (definition,) = [
        resource["Properties"]
        for resource in templates["Serving"]["Resources"].values()
        if resource["Type"] == "AWS::SageMaker::DataQualityJobDefinition"
    ]
    excluded = definition["DataQualityJobInput"]["EndpointInput"]["ExcludeFeaturesAttribute"]
    assert excluded == "price,month"


def test_the_alarm_on_its_quality_hears_of_evaluations(templates: dict[str, Template]) -> None:
    alarms = [
        resource["Properties"]["AlarmName"]
        for resource in templates["Serving"]["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert "flights-prices-model-quality" in alarms
