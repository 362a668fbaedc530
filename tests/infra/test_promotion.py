"""What is there with and without a champion, in both engines."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ratchet.project import load
from tests.cloudformation_schemas import resource_schema
from tests.infra.assembly import ENVIRONMENTS, Assembly
from tests.infra.conditions import deployed, references

ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package/flights-{}/3"
CHAMPION = {"ChampionModelPackageArn": ARN.format("dev"), "ChampionVersion": "3"}
BASELINE = {**CHAMPION, "BaselineUri": "s3://artifacts/run/baseline"}
BOTH = {**BASELINE, "QualityBaselineUri": "s3://artifacts/run/quality-baseline"}
BY_PIPELINE = {"MonitorEngine": "pipeline"}

PROMOTIONS: dict[str, dict[str, str]] = {
    "nothing": {},
    "nothing, pipeline": BY_PIPELINE,
    "champion": CHAMPION,
    "champion, pipeline": {**CHAMPION, **BY_PIPELINE},
    "baseline": BASELINE,
    "baseline, pipeline": {**BASELINE, **BY_PIPELINE},
    "both baselines": BOTH,
    "both baselines, pipeline": {**BOTH, **BY_PIPELINE},
    "a baseline without a champion": {**BOTH, **dict.fromkeys(CHAMPION, "none")},
}
SERVING = {"Model", "EndpointConfig", "Endpoint"}
DATA_QUALITY = {"DataQualityJobDefinition", "MonitoringSchedule"}
CONDITIONAL = SERVING | DATA_QUALITY | {"ModelQualityJobDefinition", "Schedule"}


def serving(assembly: Assembly, parameters: dict[str, str], environment: str = "dev") -> Any:
    return deployed(assembly.templates[f"{environment}/Serving"], parameters)


def kinds(resources: dict[str, dict[str, Any]]) -> list[str]:
    found = [resource["Type"].rsplit("::", 1)[1] for resource in resources.values()]
    return sorted(kind for kind in found if kind in CONDITIONAL)


@pytest.mark.parametrize(
    ("promotion", "there"),
    [
        ("nothing", set()),
        ("nothing, pipeline", set()),
        ("a baseline without a champion", set()),
        ("champion", SERVING),
        ("champion, pipeline", SERVING),
        ("baseline", SERVING | DATA_QUALITY),
        ("baseline, pipeline", SERVING | {"Schedule"}),
        ("both baselines, pipeline", SERVING | {"Schedule"}),
    ],
)
def test_what_is_there_follows_from_the_parameters(
    assembly: Assembly, promotion: str, there: set[str]
) -> None:
    assert kinds(serving(assembly, PROMOTIONS[promotion])) == sorted(there)


def test_a_baseline_of_answers_adds_the_monitoring_of_model_quality(assembly: Assembly) -> None:
    extra = ["ModelQualityJobDefinition", "MonitoringSchedule"]
    assert kinds(serving(assembly, BOTH)) == sorted([*SERVING, *DATA_QUALITY, *extra])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("promotion", PROMOTIONS)
def test_whatever_is_there_refers_only_to_what_is_there(
    assembly: Assembly, environment: str, promotion: str
) -> None:
    resources = serving(assembly, PROMOTIONS[promotion], environment)
    parameters = assembly.templates[f"{environment}/Serving"]["Parameters"]
    known = resources.keys() | parameters.keys()
    missing = {
        name: absent
        for name, resource in resources.items()
        if (absent := {r for r in references(resource) if not r.startswith("AWS::")} - known)
    }
    assert missing == {}


def test_the_first_deployment_needs_no_values(assembly: Assembly) -> None:
    for parameter in assembly.templates["dev/Serving"]["Parameters"].values():
        assert "Default" in parameter


@pytest.mark.parametrize("name", ["ChampionModelPackageArn", "BaselineUri", "QualityBaselineUri"])
def test_parameters_start_as_none(assembly: Assembly, name: str) -> None:
    parameter = assembly.templates["prod/Serving"]["Parameters"][name]
    assert parameter["Default"] == "none"
    assert re.fullmatch(parameter["AllowedPattern"], "none")


@pytest.mark.parametrize(
    ("arn", "accepted"),
    [
        (ARN.format("dev"), True),
        (ARN.format("prod"), False),
        (ARN.format("dev").removesuffix("/3"), False),
        (ARN.format("dev") + "/4", False),
        ("", False),
    ],
)
def test_a_champion_comes_from_this_environments_group(
    assembly: Assembly, arn: str, *, accepted: bool
) -> None:
    pattern = assembly.templates["dev/Serving"]["Parameters"]["ChampionModelPackageArn"]
    assert bool(re.fullmatch(pattern["AllowedPattern"], arn)) is accepted


def parameter(resources: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [
        r["Properties"]
        for r in resources.values()
        if r["Type"] == "AWS::SSM::Parameter" and r["Properties"]["Name"] == name
    ]
    properties: dict[str, Any] = found
    return properties


def test_without_a_champion_the_parameter_says_none(assembly: Assembly) -> None:
    assert parameter(serving(assembly, {}), "/flights/dev/champion")["Value"] == "none"


def test_a_champion_is_said_to_be_deployed_only_after_its_endpoint_serves(
    assembly: Assembly,
) -> None:
    resources = serving(assembly, CHAMPION)
    said = parameter(resources, "/flights/dev/champion")
    assert said["Value"] == {"Ref": "ChampionModelPackageArn"}
    (endpoint,) = [k for k, r in resources.items() if r["Type"] == "AWS::SageMaker::Endpoint"]
    assert endpoint in references({"Properties": said})


def test_a_take_down_leaves_nothing_of_the_endpoint(assembly: Assembly) -> None:
    left = serving(assembly, {}).values()
    alarms = [r["Properties"] for r in left if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert not [alarm for alarm in alarms if alarm["Namespace"] == "AWS/SageMaker"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_first_engine_is_model_monitor_unless_the_settings_say_pipeline(
    assembly: Assembly, environment: str
) -> None:
    engine = assembly.templates[f"{environment}/Serving"]["Parameters"]["MonitorEngine"]
    assert load(environment).monitor.engine == "auto"
    assert engine["Default"] == "model-monitor"
    assert engine["AllowedValues"] == ["model-monitor", "pipeline"]


def test_a_binary_champion_is_watched_at_the_threshold_that_it_was_judged_at(
    assembly: Assembly,
) -> None:
    """In the answers' definition alone: a version with another threshold replaces that one, as one
    with another baseline does."""
    template = assembly.templates["dev/Serving"]
    assert template["Parameters"]["ProbabilityThreshold"]["Default"] == 0.5
    users = {
        resource["Type"]: resource["Properties"]
        for resource in template["Resources"].values()
        if "ProbabilityThreshold" in references(resource)
    }
    (kind,) = users
    assert kind == "AWS::SageMaker::ModelQualityJobDefinition"
    part = users[kind]["ModelQualityJobInput"]
    assert part["EndpointInput"]["ProbabilityThresholdAttribute"] == {"Ref": "ProbabilityThreshold"}
    replacing = resource_schema(kind)["createOnlyProperties"]
    assert {"/properties/ModelQualityJobInput", "/properties/ModelQualityBaselineConfig"} <= {
        *replacing
    }
    assert "JobDefinitionName" not in users[kind]
