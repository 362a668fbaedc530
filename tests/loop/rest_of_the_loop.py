"""What a deployed environment does beside the way that the demo shows, so that every role acts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notices import Notices
from ratchet.deployment import standing
from ratchet.deployment.monitoring import starting as monitoring
from ratchet.deployment.pipelines import launch
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import landing
from ratchet.deployment.target import facts
from ratchet.loop import packages
from ratchet.loop.names import NONE
from tests.loop.broken_models import register_broken_model
from tests.loop.deployed_loop import Loop, until
from tests.loop.deployed_policies import Policies
from tests.loop.policy_changes import find, without
from topic import Notice


class RestOfTheLoop:
    """Evaluation, monitoring, model quality, a broken candidate, drift that no run helps against,
    and deliveries that fail: started together, and waited for at the end."""

    def __init__(self, loop: Loop, *, drop: Path, policies: Policies) -> None:
        self._loop = loop
        self._drop = drop
        self._policies = policies
        self._serving = facts.read_serving(loop.target)
        self._evaluation = facts.read_evaluation(loop.target)

    def run(self) -> None:
        """Do it all."""
        self._land_labelled_data()
        monitored = monitoring.start_pipeline(self._loop.target, self._serving)
        broken = self._approve_a_broken_model()
        self._monitor_quality()
        self._tell_of_costs()
        self._drift_again()
        self._loop.finished(monitored)
        self._loop.finished(self._evaluation_run())
        self._evaluate_below_the_floor()
        self._wait_for_the_rollback(broken)
        self._deliver_nothing()
        self._look_for_other_champions()

    def _land_labelled_data(self) -> None:
        parcels = landing.parcels([self._drop], prefix=self._evaluation.data_prefix)
        landing.land(
            self._loop.client("s3"), bucket=self._loop.deployed.data_bucket, parcels=parcels
        )

    def _evaluation_run(self) -> runs.Run:
        pipeline = self._evaluation.pipeline

        def started() -> runs.Run | None:
            return next(iter(runs.listed(self._loop.target, pipeline=pipeline)), None)

        return until(started, "labelled data has started no evaluation")

    def _approve_a_broken_model(self) -> int:
        self._loop.tell_cloud("settings", {"health_check_seconds": 5})
        number = register_broken_model(self._loop)
        self._loop.decide(number, packages.APPROVED)
        return number

    def _wait_for_the_rollback(self, number: int) -> None:
        def failed() -> bool | None:
            versions = standing.look(self._loop.target).versions
            return any(v.version == number and v.failed for v in versions) or None

        until(failed, f"version {number} has not failed", every=1.0)

    def _evaluate_below_the_floor(self) -> None:
        again = launch.launch(self._loop.target, kind="evaluation", values={"Floor": "1"})
        self._loop.finished(again.run)

    def _tell_of_costs(self) -> None:
        """What people were not told yet, for SNS refused it, they are told now."""
        notice = Notice(title="a test", text="A test.", commands=())
        notices = Notices(
            s3=self._loop.client("s3"),
            bucket=self._loop.deployed.artifacts_bucket,
            key="costs/notices.json",
        )
        notices.read()
        notices.change(lambda record: record.with_news("a test", "once", notice))
        self._loop.client("lambda").invoke(
            FunctionName=facts.read_operations(self._loop.target).record_run, Payload=b"{}"
        )

    def _monitor_quality(self) -> None:
        """One of the captured requests, some hours back, with the labels that belong to it."""
        schedules = self._loop.client("sagemaker").list_monitoring_schedules()
        names = [s["MonitoringScheduleName"] for s in schedules["MonitoringScheduleSummaries"]]
        [quality] = [name for name in names if name.endswith("model-quality")]
        hour = datetime.now(UTC) - timedelta(hours=3)
        self._copy_captured(hour)
        self._loop.target.ask(f"monitoring/{quality}/run", {}, seconds=60)

    def _copy_captured(self, hour: datetime) -> None:
        s3, bucket = self._loop.client("s3"), self._loop.deployed.artifacts_bucket
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="capture/")["Contents"]
        newest = max(listed, key=lambda entry: entry["LastModified"])["Key"]
        text = s3.get_object(Bucket=bucket, Key=newest)["Body"].read().decode()
        records = [json.loads(line) for line in text.splitlines()]
        labels = []
        for record in records:
            record["eventMetadata"]["inferenceTime"] = f"{hour:%Y-%m-%dT%H:%M:%SZ}"
            rows = record["captureData"]["endpointOutput"]["data"].split()
            data = "\n".join(str(row % 2) for row in range(len(rows)))
            truth = {"data": data, "encoding": "CSV"}
            event = {"eventId": record["eventMetadata"]["eventId"]}
            labels.append({"groundTruthData": truth, "eventMetadata": event, "eventVersion": "0"})
        folder = newest.rsplit("/", 5)[0]
        for key, lines in (
            (f"{folder}/{hour:%Y/%m/%d/%H}/copy.jsonl", records),
            (f"ground-truth/{hour:%Y/%m/%d/%H}/labels.jsonl", labels),
        ):
            body = "".join(f"{json.dumps(line)}\n" for line in lines)
            s3.put_object(Bucket=bucket, Key=key, Body=body.encode())

    def _drift_again(self) -> None:
        """The alarm goes off: at the limit of runs that brought no better model people are to be
        told that no more are started, and wait for it where SNS refuses; below the limit a run
        starts; and then that one is looked at."""
        [permission] = find(
            self._policies, "*-training/TriggerStartPipelineRole* permissions TellPeople"
        )
        with without(self._loop.target.client, permission):
            self._drift(fruitless_limit=0)
        runs_before = len(self._loop.runs())
        self._drift(fruitless_limit=3)
        self._loop.finished(self._loop.next_run(runs_before))
        self._drift(fruitless_limit=3)

    def _drift(self, *, fruitless_limit: int) -> None:
        functions = self._loop.client("lambda")
        name = self._loop.deployed.functions["start_pipeline"]
        about = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        limits = {"COOLDOWN_HOURS": "0", "FRUITLESS_LIMIT": str(fruitless_limit)}
        seen = len(self._loop.looks())
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**about, **limits}}
        )
        for state in ("OK", "ALARM"):
            self._loop.client("cloudwatch").set_alarm_state(
                AlarmName=self._serving.alarms["drift"], StateValue=state, StateReason="a test"
            )
        self._loop.next_look(seen)

    def _look_for_other_champions(self) -> None:
        """What runs find before anything is deployed, and of a champion of several containers."""
        parameters, name = self._loop.client("ssm"), self._loop.settings.parameter("champion")
        champion = parameters.get_parameter(Name=name)["Parameter"]["Value"]
        try:
            for other in (NONE, _register_chain(self._loop)):
                self._loop.deploy_champion(other)
                for deployed in (self._loop.deployed, self._evaluation):
                    answer = self._loop.client("lambda").invoke(
                        FunctionName=deployed.functions["resolve_champion"], Payload=b"{}"
                    )
                    assert json.load(answer["Payload"])["package_arn"] == other
        finally:
            self._loop.deploy_champion(champion)

    def _deliver_nothing(self) -> None:
        """Nothing may send to the queues and functions of the rules, nor the schedule start the
        pipeline: it goes to the dead letters, and so does what a function fails at."""
        client = self._loop.target.client
        refused = [
            *find(self._policies, "*WakesQueue* policy RulesSend"),
            *find(self._policies, "*Function* policy *Wakes*"),
            *find(self._policies, "*ScheduleRole* permissions StartPipeline"),
            *find(self._policies, "*PublishMonitoringRole* permissions FindWhatModelMonitorDid"),
        ]
        with without(client, *refused):
            rules = self._fire_rules()
            self._fire_schedule()
            for name in ("NotifyFunction", "PublishMonitoringFunction"):
                [(function, _), *_] = find(self._policies, f"*{name}* policy *")
                client("lambda").invoke(
                    FunctionName=function.holder, InvocationType="Event", Payload=b'"nonsense"'
                )
            until(
                lambda: self._are_dead(rules) or None,
                "not all that was refused is a dead letter",
                every=1.0,
            )

    def _fire_rules(self) -> set[str]:
        """Every rule that goes by the clock is due; their ARNs."""
        events, fired = self._loop.client("events"), set()
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                if rule.get("ScheduleExpression"):
                    due = {"ScheduleExpression": "rate(1 minute)", "State": "ENABLED"}
                    events.put_rule(Name=rule["Name"], **due)
                    fired.add(rule["Arn"])
        return fired

    def _fire_schedule(self) -> None:
        """The monitoring pipeline's schedule, which is there only where Model Monitor is not."""
        [(role, _)] = find(self._policies, "*ScheduleRole* permissions StartPipeline")
        [pipeline] = role.statements[0]["Resource"]
        [(queue, _)] = find(self._policies, "*MonitoringDeadLetters* policy RulesSend")
        arn = self._loop.client("iam").get_role(RoleName=role.holder)["Role"]["Arn"]
        self._loop.client("scheduler").create_schedule(
            Name="once",
            ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": pipeline, "RoleArn": arn, "DeadLetterConfig": {"Arn": queue.holder}},
        )

    def _are_dead(self, rules: set[str]) -> bool:
        """Whether there is a letter of each rule, of the schedule, and of both functions."""
        letters = dead_letters(self._loop, self._policies)
        of_functions = {letter.queue for letter in letters if not letter.error}
        return (
            rules <= {letter.source for letter in letters}
            and any(":schedule/" in letter.source for letter in letters)
            and len(of_functions) >= 2
        )


def _register_chain(loop: Loop) -> str:
    """The ARN of a version of two containers, each with the model of the one that serves."""
    sagemaker = loop.client("sagemaker")
    parameter = loop.settings.parameter("champion")
    champion = loop.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    good = sagemaker.describe_model_package(ModelPackageName=champion)
    specification = good["InferenceSpecification"]
    container = {
        name: value
        for name, value in specification["Containers"][0].items()
        if name in ("Image", "Environment", "ModelDataUrl")
    }
    specification["Containers"] = [container, container]
    package = sagemaker.create_model_package(
        ModelPackageGroupName=loop.deployed.model_package_group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=specification,
    )
    return str(package["ModelPackageArn"])


@dataclass(frozen=True)
class DeadLetter:
    """``source``: ARN of the rule or schedule; ``error``: why EventBridge gave it up. Both are
    empty for what a function failed at."""

    queue: str
    source: str
    error: str


def dead_letters(loop: Loop, policies: Policies) -> list[DeadLetter]:
    """What is in the queues of dead letters; it stays there."""
    letters = []
    for name, url in _queues(loop, policies):
        answer = loop.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        for message in answer.get("Messages", ()):
            texts = {
                attribute: value["StringValue"]
                for attribute, value in message.get("MessageAttributes", {}).items()
            }
            source = texts.get("RULE_ARN") or texts.get("SCHEDULE_ARN", "")
            letters.append(DeadLetter(name, source, texts.get("ERROR_MESSAGE", "")))
    return letters


def _queues(loop: Loop, policies: Policies) -> Iterator[tuple[str, str]]:
    for queue, _ in find(policies, "*DeadLetters* policy RulesSend"):
        name = queue.holder.rpartition(":")[2]
        yield queue.owner, loop.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
