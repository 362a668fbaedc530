"""The pipeline is the authored definition, its code is published, and what lands wakes it."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, Functions
from ratchet.pipelines.registry import pipelines
from ratchet.project import load
from tests.infra.assembly import ENVIRONMENTS, Assembly, loop_folder
from tests.infra.readable import text_of, unfolded
from tests.projects import MODEL, ROOT

STACK = "dev/Training"
BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-us-east-1"


def definition(assembly: Assembly, stack: str) -> dict[str, Any]:
    properties = assembly.only(stack, "AWS::SageMaker::Pipeline")
    body: dict[str, Any] = unfolded(properties["PipelineDefinition"]["PipelineDefinitionBody"])
    return body


def as_deployed(value: Any) -> Any:
    """With real-looking values where the template refers to something."""
    text = json.dumps(value)
    for pattern, real in (
        (r"\$\{\w*Role\w*\.Arn\}", "arn:aws:iam::111122223333:role/pipeline"),
        (r"\$\{\w*Function\w*\.Arn\}", "arn:aws:lambda:us-east-1:111122223333:function:f"),
        (r"\$\{import ([^}]*)\}", r"\1"),
        (r"\$\{AWS::AccountId\}", "111122223333"),
    ):
        text = re.sub(pattern, real, text)
    return json.loads(text)


def files_to_publish(assembly: Assembly, environment: str) -> dict[str, Path]:
    """`s3://bucket/key` → the file, of one environment's training stack."""
    folder = loop_folder(assembly.folder, environment)
    manifest = json.loads(next(folder.glob("*Training*.assets.json")).read_text())
    published = {}
    for asset in manifest["files"].values():
        for place in asset["destinations"].values():
            uri = f"s3://{place['bucketName']}/{place['objectKey']}"
            published[uri] = folder / asset["source"]["path"]
    return published


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_deployed_definition_is_what_the_laptop_makes_from_the_deployed_facts(
    assembly: Assembly, environment: str
) -> None:
    stack = f"{environment}/Training"
    facts = as_deployed(unfolded(assembly.only(stack, "AWS::SSM::Parameter")["Value"]))
    context = Context(
        settings=load(environment),
        role_arn=facts["role_arn"],
        artifacts_uri=f"s3://{facts['artifacts_bucket']}",
        output_key_arn=facts["output_key_arn"],
        code_uri=facts["code_uri"],
        functions=Functions(resolve_champion=facts["functions"]["resolve_champion"]),
        source=ROOT,
    )
    deployed = as_deployed(definition(assembly, stack))
    assert deployed == pipelines(ROOT, MODEL)["training"].define(context).definition()


def test_the_deployed_facts_are_all_that_the_command_line_needs(assembly: Assembly) -> None:
    parameter = assembly.only(STACK, "AWS::SSM::Parameter")
    assert parameter["Name"] == "/flights/dev/training"
    facts = unfolded(parameter["Value"])
    assert facts["pipeline"] == "flights-dev-training"
    assert facts["data_prefix"] == "raw/"
    assert facts["code_uri"] == "s3://cdk-hnb659fds-assets-${AWS::AccountId}-us-east-1"
    assert facts["model_package_group"] == "flights-dev"
    assert set(facts["functions"]) == {"resolve_champion", "start_pipeline"}
    assert facts["queue_url"] != facts["dead_letter_queue_url"]
    assert facts["protected"] is False
    assert unfolded(assembly.only("prod/Training", "AWS::SSM::Parameter")["Value"])["protected"]


def test_every_bundle_is_published_where_the_definition_looks_for_it(assembly: Assembly) -> None:
    text = json.dumps(definition(assembly, STACK))
    published = files_to_publish(assembly, "dev")
    bundles = {uri: file for uri, file in published.items() if uri.endswith(".gz")}
    assert len(bundles) == 4
    for uri, file in bundles.items():
        assert uri in text
        with tarfile.open(file) as archive:
            assert archive.getnames()


def test_environments_share_the_published_files(assembly: Assembly) -> None:
    bundles = [
        {file.resolve() for uri, file in files_to_publish(assembly, e).items() if ".gz" in uri}
        for e in ENVIRONMENTS
    ]
    assert bundles[0] == bundles[1] == bundles[2]


@pytest.mark.parametrize("name", ["start_pipeline", "resolve_champion"])
def test_a_function_is_its_folder_and_what_it_imports(assembly: Assembly, name: str) -> None:
    functions = assembly.resources(STACK, "AWS::Lambda::Function").values()
    (properties,) = [
        f["Properties"] for f in functions if f["Properties"]["Handler"].startswith(f"{name}.")
    ]
    uri = f"s3://{text_of(properties['Code']['S3Bucket'])}/{properties['Code']['S3Key']}"
    with zipfile.ZipFile(files_to_publish(assembly, "dev")[uri]) as archive:
        names = archive.namelist()
    assert f"{name}/handler.py" in names
    assert "aws_clients.py" in names
    assert any(path.startswith("models/sagemaker/") for path in names)
    other = {"start_pipeline": "resolve_champion", "resolve_champion": "start_pipeline"}[name]
    assert not [path for path in names if path.startswith(other) or path.endswith(".pyc")]
    assert "trim_models.py" not in names


def test_functions_run_on_arm_with_their_own_role_and_log_group(assembly: Assembly) -> None:
    functions = assembly.resources(STACK, "AWS::Lambda::Function").values()
    roles = {json.dumps(f["Properties"]["Role"]) for f in functions}
    groups = {json.dumps(f["Properties"]["LoggingConfig"]["LogGroup"]) for f in functions}
    assert len(roles) == len(groups) == len(functions) == 2
    for function in functions:
        assert function["Properties"]["Architectures"] == ["arm64"]
        assert function["Properties"]["Runtime"] == "python3.13"
    for group in assembly.resources(STACK, "AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == load("dev").retention.log_days


def test_nothing_runs_before_its_permissions_stand(assembly: Assembly) -> None:
    for kind in ("AWS::Lambda::Function", "AWS::SageMaker::Pipeline"):
        for resource in assembly.resources(STACK, kind).values():
            assert [name for name in resource["DependsOn"] if "RolePolicy" in name]


# -- what wakes the trigger


QUEUES = {"Queue": "TriggerWakes", "DeadLetters": "TriggerDeadLetters"}


def queue_id(assembly: Assembly, name: str) -> str:
    found = assembly.resources(STACK, "AWS::SQS::Queue")
    (key,) = [key for key in found if key.startswith(f"{QUEUES[name]}Queue")]
    return key


def rule(assembly: Assembly, name: str, stack: str = STACK) -> dict[str, Any]:
    found = assembly.resources(stack, "AWS::Events::Rule")
    (key,) = [key for key in found if key.startswith(f"TriggerWakes{name}")]
    properties: dict[str, Any] = found[key]["Properties"]
    return properties


def test_objects_that_land_or_go_below_the_prefix_wake_it(assembly: Assembly) -> None:
    pattern = rule(assembly, "DataChanged")["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created", "Object Deleted"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "raw/"}]}
    (bucket,) = pattern["detail"]["bucket"]["name"]
    assert text_of(bucket) == "${import flights-dev-foundation-data-name}"


def test_the_end_of_a_run_wakes_it_however_the_run_ended(assembly: Assembly) -> None:
    pattern = rule(assembly, "RunEnded")["EventPattern"]
    assert pattern["source"] == ["aws.sagemaker"]
    assert pattern["detail"]["currentPipelineExecutionStatus"] == ["Succeeded", "Failed", "Stopped"]
    (arn,) = pattern["detail"]["pipelineArn"]
    assert text_of(arn).endswith(":pipeline/flights-dev-training")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_schedule_wakes_it_when_no_event_does(assembly: Assembly, environment: str) -> None:
    schedule = rule(assembly, "Schedule", f"{environment}/Training")["ScheduleExpression"]
    assert schedule == load(environment).trigger.schedule


def test_drift_wakes_it_by_the_names_of_alarms_that_another_stack_makes(
    assembly: Assembly,
) -> None:
    detail = rule(assembly, "Drifted")["EventPattern"]["detail"]
    assert detail["state"] == {"value": ["ALARM"]}
    alarms = assembly.resources("dev/Serving", "AWS::CloudWatch::Alarm").values()
    assert set(detail["alarmName"]) <= {alarm["Properties"]["AlarmName"] for alarm in alarms}
    assert "flights-dev-drift" in detail["alarmName"]


@pytest.mark.parametrize("name", ["DataChanged", "RunEnded", "Schedule", "Drifted"])
def test_every_rule_sends_to_the_queue_and_what_fails_to_the_dead_letters(
    assembly: Assembly, name: str
) -> None:
    (target,) = rule(assembly, name)["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [queue_id(assembly, "Queue"), "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {
        "Fn::GetAtt": [queue_id(assembly, "DeadLetters"), "Arn"]
    }
    assert rule(assembly, name)["State"] == "ENABLED"


@pytest.mark.parametrize("name", ["Queue", "DeadLetters"])
def test_only_the_rules_send_and_only_over_tls(assembly: Assembly, name: str) -> None:
    key = queue_id(assembly, name)
    policies = assembly.resources(STACK, "AWS::SQS::QueuePolicy").values()
    (policy,) = [p["Properties"] for p in policies if p["Properties"]["Queues"] == [{"Ref": key}]]
    deny, allow = sorted(
        policy["PolicyDocument"]["Statement"], key=lambda s: s["Effect"], reverse=False
    )[::-1]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    rules = assembly.resources(STACK, "AWS::Events::Rule")
    senders = allow["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert sorted(sender["Fn::GetAtt"][0] for sender in senders) == sorted(rules)


def test_messages_are_encrypted_and_go_to_the_dead_letters_after_five_attempts(
    assembly: Assembly,
) -> None:
    queues = assembly.resources(STACK, "AWS::SQS::Queue")
    queue = queues[queue_id(assembly, "Queue")]["Properties"]
    dead = queues[queue_id(assembly, "DeadLetters")]["Properties"]
    assert queue["SqsManagedSseEnabled"] is dead["SqsManagedSseEnabled"] is True
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [queue_id(assembly, "DeadLetters"), "Arn"]},
        "maxReceiveCount": 5,
    }
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_dead_letter_raises_the_alarm(assembly: Assembly) -> None:
    alarm = assembly.only(STACK, "AWS::CloudWatch::Alarm")
    (dimension,) = alarm["Dimensions"]
    assert dimension["Value"]["Fn::GetAtt"][0] == queue_id(assembly, "DeadLetters")
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")


def test_the_queue_wakes_the_function_which_names_the_messages_it_could_not_handle(
    assembly: Assembly,
) -> None:
    mapping = assembly.only(STACK, "AWS::Lambda::EventSourceMapping")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue_id(assembly, "Queue"), "Arn"]}
    assert mapping["FunctionName"]["Ref"].startswith("TriggerStartPipeline")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # More than ten messages a batch need a window: Lambda refuses the mapping otherwise.
    assert mapping["BatchSize"] > 10
    assert mapping["MaximumBatchingWindowInSeconds"] >= 1


def test_a_message_stays_hidden_while_the_function_may_still_work_on_it(
    assembly: Assembly,
) -> None:
    functions = assembly.resources(STACK, "AWS::Lambda::Function")
    (timeout,) = [
        f["Properties"]["Timeout"]
        for key, f in functions.items()
        if key.startswith("TriggerStartPipeline")
    ]
    queues = assembly.resources(STACK, "AWS::SQS::Queue")
    queue = queues[queue_id(assembly, "Queue")]["Properties"]
    window = assembly.only(STACK, "AWS::Lambda::EventSourceMapping")[
        "MaximumBatchingWindowInSeconds"
    ]
    assert queue["VisibilityTimeout"] >= timeout + window


def test_the_functions_are_told_what_they_look_at(assembly: Assembly) -> None:
    functions = assembly.resources(STACK, "AWS::Lambda::Function").values()
    start, resolve = (
        next(
            f["Properties"]["Environment"]["Variables"]
            for f in functions
            if f["Properties"]["Handler"] == f"{name}.handler.handler"
        )
        for name in ("start_pipeline", "resolve_champion")
    )
    assert {k: text_of(v) for k, v in start.items() if k not in ("QUEUE_URL", "TOPIC_ARN")} == {
        "DATA_BUCKET": "${import flights-dev-foundation-data-name}",
        "DATA_PREFIX": "raw/",
        "WINDOW": "0",
        "INTAKE": "training",
        "TIME_ZONE": "UTC",
        "ARTIFACTS_BUCKET": "${import flights-dev-foundation-artifacts-name}",
        "PIPELINE_NAME": "flights-dev-training",
        "SETTLE_SECONDS": str(load("dev").trigger.settle_seconds),
        "MAX_WAIT_SECONDS": str(load("dev").trigger.max_wait_seconds),
        "DRIFT_ALARMS": "flights-dev-drift,flights-dev-model-quality",
        "COOLDOWN_HOURS": str(load("dev").feedback.cooldown_hours),
        "FRUITLESS_LIMIT": "3",
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
    }
    assert start["QUEUE_URL"] == {"Ref": queue_id(assembly, "Queue")}
    assert {k: text_of(v) for k, v in resolve.items()} == {
        "CHAINS_URI": "s3://${import flights-dev-foundation-artifacts-name}"
        "/flights-dev-training/runs/chains/",
        "CHAMPION_PARAMETER": "/flights/dev/champion",
        "MODEL_PACKAGE_GROUP": "flights-dev",
        "NO_CHAMPION_URI": "s3://${import flights-dev-foundation-artifacts-name}/champion/none/",
    }
