"""The endpoint is updated carefully, captured, watched, and people hear of it."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from ratchet.project import load
from tests.infra.assembly import ENVIRONMENTS, Assembly
from tests.infra.readable import text_of, unfolded
from tests.projects import ROOT

STACK = "dev/Serving"


def only(assembly: Assembly, kind: str, environment: str = "dev") -> dict[str, Any]:
    return assembly.only(f"{environment}/Serving", f"AWS::SageMaker::{kind}")


def alarms(assembly: Assembly, stack: str = STACK) -> dict[str, dict[str, Any]]:
    found = assembly.resources(stack, "AWS::CloudWatch::Alarm").values()
    return {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in found}


def test_what_a_promotion_replaces_has_no_name_and_what_it_updates_has_one(
    assembly: Assembly,
) -> None:
    for kind in ("Model", "EndpointConfig", "DataQualityJobDefinition"):
        name = {"DataQualityJobDefinition": "JobDefinitionName"}.get(kind, f"{kind}Name")
        assert name not in only(assembly, kind)
    assert only(assembly, "Endpoint")["EndpointName"] == "flights-dev"


def test_the_model_is_the_package_and_waits_for_the_permissions(assembly: Assembly) -> None:
    (model,) = assembly.resources(STACK, "AWS::SageMaker::Model").values()
    container = model["Properties"]["PrimaryContainer"]
    assert container == {"ModelPackageName": {"Ref": "ChampionModelPackageArn"}}
    assert [name for name in model["DependsOn"] if name.startswith("ChampionRolePolicy")]


def test_requests_and_answers_are_captured_readably_and_encrypted(assembly: Assembly) -> None:
    capture = only(assembly, "EndpointConfig")["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 100
    assert [o["CaptureMode"] for o in capture["CaptureOptions"]] == ["Input", "Output"]
    readable = capture["CaptureContentTypeHeader"]
    assert readable["JsonContentTypes"] == ["application/json", "application/jsonlines"]
    assert readable["CsvContentTypes"] == ["text/csv"]
    assert text_of(capture["DestinationS3Uri"]).endswith("artifacts-name}/capture")
    assert "Key" in text_of(capture["KmsKeyId"])


def test_the_variant_keeps_its_name_for_traffic_to_shift_by(assembly: Assembly) -> None:
    (variant,) = only(assembly, "EndpointConfig")["ProductionVariants"]
    assert variant["VariantName"] == "AllTraffic"
    assert variant["InitialInstanceCount"] == load("dev").endpoint.instance_count


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_share_of_the_traffic_moves_first_and_alarms_move_it_back(
    assembly: Assembly, environment: str
) -> None:
    settings = load(environment).endpoint
    deployment = only(assembly, "Endpoint", environment)["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "WaitIntervalInSeconds": settings.wait_seconds,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": settings.step_percent},
    }
    assert policy["TerminationWaitInSeconds"] == settings.termination_wait_seconds
    assert policy["MaximumExecutionTimeoutInSeconds"] > settings.update_wait_seconds
    watched = deployment["AutoRollbackConfiguration"]["Alarms"]
    found = assembly.resources(f"{environment}/Serving", "AWS::CloudWatch::Alarm")
    names = {found[alarm["AlarmName"]["Ref"]]["Properties"]["AlarmName"] for alarm in watched}
    prefix = load(environment).prefix
    assert names == {f"{prefix}-endpoint-{kind}" for kind in ("5xx", "4xx", "latency")}


@pytest.mark.parametrize(
    ("kind", "metric", "threshold"),
    [
        ("5xx", "Invocation5XXErrors", 1),
        ("4xx", "Invocation4XXErrors", 50),
        ("latency", "ModelLatency", 1_000_000),
    ],
)
def test_alarms_watch_the_instances_of_the_configuration_that_takes_over(
    assembly: Assembly, kind: str, metric: str, threshold: int
) -> None:
    alarm = alarms(assembly)[f"flights-dev-endpoint-{kind}"]
    (config,) = assembly.resources(STACK, "AWS::SageMaker::EndpointConfig")
    dimensions = {d["Name"]: text_of(d["Value"]) for d in alarm["Dimensions"]}
    assert dimensions == {
        "EndpointName": "flights-dev",
        "VariantName": "AllTraffic",
        "EndpointConfigName": f"${{{config}.EndpointConfigName}}",
    }
    assert (alarm["MetricName"], alarm["Threshold"]) == (metric, threshold)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_an_endpoint_scales_only_where_the_settings_leave_room(assembly: Assembly) -> None:
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    assert assembly.resources(STACK, kind) == {}
    target = assembly.only("prod/Serving", kind)
    settings = load("prod").endpoint
    assert (target["MinCapacity"], target["MaxCapacity"]) == (
        settings.instance_count,
        settings.max_count,
    )
    assert text_of(target["ResourceId"]).startswith("endpoint/${")


def test_a_promotion_keeps_the_instances_that_scaling_has_added(assembly: Assembly) -> None:
    assert "RetainAllVariantProperties" not in only(assembly, "Endpoint")
    scaled = only(assembly, "Endpoint", "prod")
    assert scaled["RetainAllVariantProperties"] is True
    assert scaled["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DataCaptureConfig"}
    ]


# -- monitoring


def test_a_monitoring_schedule_waits_for_the_endpoint_and_names_the_definition(
    assembly: Assembly,
) -> None:
    found = assembly.resources(STACK, "AWS::SageMaker::MonitoringSchedule").values()
    (endpoint,) = assembly.resources(STACK, "AWS::SageMaker::Endpoint")
    schedules = {s["Properties"]["MonitoringScheduleName"]: s for s in found}
    assert set(schedules) == {"flights-dev-data-quality", "flights-dev-model-quality"}
    for schedule in schedules.values():
        assert endpoint in schedule["DependsOn"]
        config = schedule["Properties"]["MonitoringScheduleConfig"]
        assert config["ScheduleConfig"] == {"ScheduleExpression": "cron(0 * ? * * *)"}
        position, (separator, arn) = (
            config["MonitoringJobDefinitionName"]["Fn::Select"][0],
            config["MonitoringJobDefinitionName"]["Fn::Select"][1]["Fn::Split"],
        )
        assert (position, separator) == (1, "/")
        assert arn["Fn::GetAtt"][1] == "JobDefinitionArn"


def test_model_monitor_reads_the_champions_own_baseline(assembly: Assembly) -> None:
    baseline = only(assembly, "DataQualityJobDefinition")["DataQualityBaselineConfig"]
    assert text_of(baseline["StatisticsResource"]["S3Uri"]) == "${BaselineUri}/statistics.json"
    assert text_of(baseline["ConstraintsResource"]["S3Uri"]) == "${BaselineUri}/constraints.json"
    quality = only(assembly, "ModelQualityJobDefinition")["ModelQualityBaselineConfig"]
    assert text_of(quality["ConstraintsResource"]["S3Uri"]) == (
        "${QualityBaselineUri}/constraints.json"
    )


def test_the_label_and_columns_that_move_by_nature_are_left_out_by_model_monitor_too(
    assembly: Assembly,
) -> None:
    job = only(assembly, "DataQualityJobDefinition")["DataQualityJobInput"]["EndpointInput"]
    assert job["ExcludeFeaturesAttribute"].split(",") == ["late", *load("dev").monitor.exclude]


def test_labels_land_where_model_monitor_looks_for_them(assembly: Assembly) -> None:
    job = only(assembly, "ModelQualityJobDefinition")["ModelQualityJobInput"]
    facts = unfolded(parameter(assembly, "serving")["Value"])
    assert text_of(job["GroundTruthS3Input"]["S3Uri"]) == facts["ground_truth_uri"]


def test_the_scheduler_starts_the_monitoring_pipeline_after_the_hour(assembly: Assembly) -> None:
    schedule = assembly.only(STACK, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(10 * * * ? *)"
    assert text_of(schedule["Target"]["Arn"]).endswith(":pipeline/flights-dev-monitoring")


@pytest.mark.parametrize(
    ("name", "metric"),
    [("drift", "DriftViolations"), ("model-quality", "ModelQualityViolations")],
)
def test_one_drift_is_one_alarm_until_a_look_finds_nothing(
    assembly: Assembly, name: str, metric: str
) -> None:
    alarm = alarms(assembly)[f"flights-dev-{name}"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Ratchet", metric)
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
        "Project": "flights",
        "Environment": "dev",
    }
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    assert alarm["TreatMissingData"] == "ignore"


# -- what wakes whom


def rules(assembly: Assembly, prefix: str) -> dict[str, dict[str, Any]]:
    found = assembly.resources(STACK, "AWS::Events::Rule")
    return {k: r["Properties"] for k, r in found.items() if k.startswith(prefix)}


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("SageMaker Model Package State Change", {"ModelPackageGroupName": ["flights-dev"]}),
        ("SageMaker Endpoint State Change", {"EndpointName": ["flights-dev"]}),
        ("CloudFormation Stack Status Change", None),
    ],
)
def test_whatever_changes_what_serves_wakes_the_reconciler(
    assembly: Assembly, kind: str, detail: dict[str, Any] | None
) -> None:
    patterns = [
        r["EventPattern"] for r in rules(assembly, "Reconciler").values() if "EventPattern" in r
    ]
    (pattern,) = [p for p in patterns if p["detail-type"] == [kind]]
    if detail:
        assert pattern["detail"] == detail
    else:
        ((stack,),) = pattern["detail"].values()
        assert text_of(stack["prefix"]).endswith(":stack/flights-dev-serving/")


@pytest.mark.parametrize(
    ("status", "kinds"),
    [("Failed", ("training", "evaluation", "monitoring")), ("Succeeded", ("training",))],
)
def test_people_hear_of_runs_of_the_loops_pipelines_and_of_their_edits(
    assembly: Assembly, status: str, kinds: tuple[str, ...]
) -> None:
    patterns = [r["EventPattern"] for r in rules(assembly, "Messenger").values()]
    of_runs = [p["detail"] for p in patterns if "pipelineArn" in p["detail"]]
    (told,) = [d for d in of_runs if d["currentPipelineExecutionStatus"] == [status]]
    heard = {text_of(arn).partition(":pipeline/")[2] for arn in told["pipelineArn"]}
    own = {f"flights-dev-{kind}" for kind in kinds}
    assert heard == own | {f"{name}-edits" for name in own}


def test_the_schedule_alone_would_do(assembly: Assembly) -> None:
    schedules = [r.get("ScheduleExpression") for r in rules(assembly, "Reconciler").values()]
    assert load("dev").trigger.schedule in schedules


def test_people_hear_of_every_alarm_once(assembly: Assembly) -> None:
    (alarmed,) = rules(assembly, "MessengerWakesAlarmed").values()
    by_function = set(alarmed["EventPattern"]["detail"]["alarmName"])
    stacks = (STACK, "dev/Training", "dev/Evaluation", "dev/Operations")
    everywhere = {name: one for stack in stacks for name, one in alarms(assembly, stack).items()}
    by_themselves = {name for name, alarm in everywhere.items() if alarm.get("AlarmActions")}
    # The reconciler says why it is blocked when it is.
    assert by_function | by_themselves == everywhere.keys() - {"flights-dev-deployment-blocked"}
    assert by_function & by_themselves == set()


def test_that_nobody_can_be_told_is_told_by_the_alarm_itself(assembly: Assembly) -> None:
    (action,) = alarms(assembly)["flights-dev-notify-dead-letters"]["AlarmActions"]
    assert "Topic" in text_of(action)


@pytest.mark.parametrize("owner", ["Messenger", "Monitoring"])
def test_a_function_that_rules_invoke_lets_those_rules_and_keeps_what_fails(
    assembly: Assembly, owner: str
) -> None:
    found = assembly.resources(STACK, "AWS::Lambda::Permission")
    permissions = [p["Properties"] for k, p in found.items() if k.startswith(f"{owner}Wakes")]
    allowed = {p["SourceArn"]["Fn::GetAtt"][0] for p in permissions}
    assert allowed == rules(assembly, f"{owner}Wakes").keys()
    configs = assembly.resources(STACK, "AWS::Lambda::EventInvokeConfig")
    (config,) = [c["Properties"] for k, c in configs.items() if k.startswith(owner)]
    failed = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert failed.startswith(f"{owner}DeadLetters")


@pytest.mark.parametrize("owner", ["Messenger", "Monitoring", "Reconciler"])
def test_what_cannot_be_delivered_ends_in_the_dead_letters(assembly: Assembly, owner: str) -> None:
    for rule in rules(assembly, f"{owner}Wakes").values():
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith(f"{owner}DeadLetters")


def test_jobs_of_pipelines_do_not_wake_the_publisher(assembly: Assembly) -> None:
    (ended,) = rules(assembly, "MonitoringWakesJobEnded").values()
    (names,) = ended["EventPattern"]["detail"]["ProcessingJobName"]
    assert names == {"anything-but": {"prefix": "pipelines-"}}


# -- what functions and the command line are told


def parameter(assembly: Assembly, name: str) -> dict[str, Any]:
    found = assembly.resources(STACK, "AWS::SSM::Parameter").values()
    (properties,) = [
        p["Properties"] for p in found if p["Properties"]["Name"] == f"/flights/dev/{name}"
    ]
    return dict(properties)


def test_the_command_line_is_told_where_everything_is(assembly: Assembly) -> None:
    facts = unfolded(parameter(assembly, "serving")["Value"])
    assert facts["endpoint"] == "flights-dev"
    assert facts["stack"] == "flights-dev-serving"
    assert facts["monitor_schedule"] == "flights-dev-data-quality"
    assert facts["monitoring_pipeline"] == "flights-dev-monitoring"
    assert facts["alarms"] == {
        "drift": "flights-dev-drift",
        "model_quality": "flights-dev-model-quality",
    }
    assert facts["capture_uri"].endswith("/capture")
    assert facts["baseline_uri"] == "${BaselineUri}"
    assert facts["monitor_engine"] == "${MonitorEngine}"
    assert {"reconcile_queue_url", "reconcile_function", "topic_arn"} <= facts.keys()


def environment(assembly: Assembly, name: str, stack: str = STACK) -> dict[str, str]:
    functions = assembly.resources(stack, "AWS::Lambda::Function").values()
    (variables,) = [
        f["Properties"]["Environment"]["Variables"]
        for f in functions
        if f["Properties"]["Handler"] == f"{name}.handler.handler"
    ]
    return {key: text_of(value) for key, value in variables.items()}


def test_the_reconciler_knows_its_stack_group_and_policy(assembly: Assembly) -> None:
    told = environment(assembly, "reconcile_champion")
    assert told["SERVING_STACK"] == "flights-dev-serving"
    assert told["MODEL_PACKAGE_GROUP"] == "flights-dev"
    assert (told["WHEN_NONE_LEFT"], told["MONITOR_ENGINE"]) == ("keep", "auto")


def test_both_engines_are_told_the_same_names(assembly: Assembly) -> None:
    found = assembly.resources(STACK, "AWS::SageMaker::MonitoringSchedule").values()
    names = {s["Properties"]["MonitoringScheduleName"] for s in found}
    told = environment(assembly, "publish_monitoring")
    assert {told["DATA_SCHEDULE"], told["QUALITY_SCHEDULE"]} == names
    body = only(assembly, "Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"]
    text = json.dumps(unfolded(body))
    assert all(f'"{name}"' in text for name in names)


def test_what_serves_is_read_where_it_is_said(assembly: Assembly) -> None:
    for name in ("select_captured", "publish_monitoring"):
        champion = environment(assembly, name)["CHAMPION_PARAMETER"]
        assert champion == parameter(assembly, "champion")["Name"]


def test_the_monitoring_pipeline_calls_the_deployed_functions(assembly: Assembly) -> None:
    body = only(assembly, "Pipeline")["PipelineDefinition"]["PipelineDefinitionBody"]
    text = json.dumps(unfolded(body))
    for name in ("SelectCaptured", "PublishMonitoring"):
        assert f"${{Monitoring{name}Function" in text


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("dev/Training", "start_pipeline"),
        ("dev/Training", "resolve_champion"),
        (STACK, "reconcile_champion"),
        (STACK, "notify"),
        (STACK, "select_captured"),
        (STACK, "publish_monitoring"),
    ],
)
def test_a_function_is_told_what_its_handler_documents_and_nothing_else(
    assembly: Assembly, stack: str, name: str
) -> None:
    handler = ast.parse((ROOT / "lambdas" / name / "handler.py").read_text(encoding="utf-8"))
    section = re.search(
        r"^Environment\n(.*?)(?=^\S)", ast.get_docstring(handler) or "", re.S | re.M
    )
    assert section
    lines = section[1].splitlines()
    documented = {n for line in lines for n in re.findall(r"\b[A-Z][A-Z_]{4,}\b", line)}
    assert environment(assembly, name, stack).keys() == documented
