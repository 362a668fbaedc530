"""What people are told, and in which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aws_clients
from notice_texts import NoticeTexts
from notify import handler as entry
from tests.unit.lambdas.fake_billed import FakeBilled
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeExecution, ServiceError
from tests.unit.lambdas.fake_serving import ENDPOINT, arn_of
from tests.unit.lambdas.refusals import refuse
from topic import Notice

TOPIC = "arn:aws:sns:us-east-1:000000000000:people"
LOOP = NoticeTexts(project="flights", environment="dev")
RUN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-dev-training/execution/abc123"
VERDICT = "candidate AUC 0.7012 against the champion's 0.7134 on the same 500 rows"

ALL = [
    LOOP.waiting(3, description=VERDICT, metadata={"metric": "auc", "candidate-score": "0.7"}),
    LOOP.waiting(3, description=VERDICT, metadata={}, edit=True),
    LOOP.deployed(3, previous="2"),
    LOOP.rolled_back(2, previous="3", why="version 3 was rejected"),
    LOOP.promotion_failed(3, serving="2", why="no ping"),
    LOOP.engine_switched(3, why="closed"),
    LOOP.goes_on_serving(why="version 3 is rejected"),
    LOOP.taken_down(version="3"),
    LOOP.stuck(why="the stack is broken", command="aws cloudformation x"),
    LOOP.halted("abc123", verdict=VERDICT),
    LOOP.halted("abc123", verdict=VERDICT, edit=True),
    LOOP.no_new_model("abc123", verdict="it is version 3 already: no new model"),
    LOOP.no_new_model("abc123", verdict=""),
    LOOP.run_failed("abc123", pipeline="training", step="train", why="out of memory"),
    LOOP.drift(["temp", "dewp"], window=" of today", retrains=True),
    LOOP.model_quality(["auc"], window="", retrains=False),
    LOOP.no_more_retrains(3, since="2013-07-01"),
    LOOP.dead_letters("queue"),
    LOOP.over_the_limit("abc123", pipeline="p", cost="The run has cost $2.", limit="$1.00"),
    LOOP.idle_endpoint("flights-dev", hours=24, on="2 × ml.m5.large", cost="$5.52"),
    LOOP.idle_endpoint("flights-dev", hours=24, on="1 × ml.x9.large", cost=None),
    LOOP.alarm("flights-dev-5xx", description="errors", reason="threshold crossed"),
]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBilled]:
    cloud = FakeBilled(prices={"ml.m5.large": {"Training": "0.115", "Processing": "0.115"}})
    environment = {
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
        "TOPIC_ARN": TOPIC,
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "ENDPOINT_NAME": ENDPOINT,
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for service in ("sagemaker", "s3", "cloudwatch", "sns", "pricing"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    entry._happenings.cache_clear()
    yield cloud
    entry._happenings.cache_clear()


def told(cloud: FakeBilled, kind: str, **detail: Any) -> str | None:
    """The mail about an event: its subject and text; None when nothing was sent."""
    before = len(cloud.notices)
    entry.handler({"detail-type": kind, "detail": detail}, None)
    if len(cloud.notices) == before:
        return None
    notice = cloud.notices[-1]
    return f"{notice['Subject']}\n{json.loads(notice['Message'])['email']}"


def run(cloud: FakeBilled, status: str, *steps: dict[str, Any]) -> str | None:
    execution = FakeExecution(
        arn=RUN, name="", description="", manifest="", status=status, steps=list(steps)
    )
    cloud.executions.append(execution)
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    return told(cloud, kind, pipelineExecutionArn=RUN, currentPipelineExecutionStatus=status)


def alarm(cloud: FakeBilled, name: str, state: str = "ALARM") -> str:
    mail = told(cloud, "CloudWatch Alarm State Change", alarmName=name, state={"value": state})
    return mail or ""


# -- every notice -------------------------------------------------------------------------------


@pytest.mark.parametrize("notice", ALL, ids=lambda notice: notice.title)
def test_every_notice_says_whose_it_is_and_what_to_type_next(notice: Notice) -> None:
    assert notice.subject.startswith("flights dev: ")
    assert notice.commands
    assert all(
        f"{command}\n" in f"{json.loads(notice.message())['email']}\n"
        for command in notice.commands
    )
    for command in notice.commands:
        assert "--env dev" in command or command.startswith("aws ")


@pytest.mark.parametrize("notice", ALL, ids=lambda notice: notice.title)
def test_every_notice_is_whole_sentences(notice: Notice) -> None:
    assert notice.text[0].isupper()
    assert notice.text.endswith(".")
    assert ".." not in notice.text
    assert "  " not in notice.text


@given(st.text(max_size=300))
def test_a_subject_is_always_one_that_sns_takes(title: str) -> None:
    subject = Notice(title=title, text="", commands=()).subject
    assert 1 <= len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()
    assert not subject[0].isspace()


def test_chat_gets_the_schema_that_it_shows_and_mail_gets_text() -> None:
    notice = LOOP.waiting(3, description=VERDICT, metadata={})
    message = json.loads(notice.message())
    assert set(message) == {"default", "email", "https"}
    chat = json.loads(message["https"])
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert chat["content"]["textType"] == "client-markdown"
    assert chat["content"]["nextSteps"][0] == "`ratchet approve 3 --env dev`"
    assert message["email"].endswith("ratchet lineage 3 --env dev")


# -- the registry -------------------------------------------------------------------------------

PACKAGE_EVENT = "SageMaker Model Package State Change"


@pytest.mark.parametrize(
    "score",
    [
        {"metric": "auc", "better": "higher", "candidate-score": "0.7134"},
        {"candidate-auc": "0.7134"},  # of before versions named their metric
    ],
)
def test_a_registered_version_waits_for_approval_with_its_metrics(
    cloud: FakeBilled, score: dict[str, str]
) -> None:
    metadata = {**score, "regression": "-0.0122", "champion-version": "2"}
    cloud.register(3, ModelPackageDescription=VERDICT, CustomerMetadataProperties=metadata)
    mail = told(cloud, PACKAGE_EVENT, ModelPackageArn=arn_of(3))
    assert mail is not None
    assert mail.startswith("flights dev: version 3 waits for approval (auc 0.7134)")
    assert VERDICT[1:] in mail
    assert "0.0122 better than version 2" in mail
    assert "ratchet approve 3 --env dev" in mail


def test_whoever_decides_on_a_version_of_an_edit_is_told_so(cloud: FakeBilled) -> None:
    for version, pipeline in ((3, "flights-dev-training-edits"), (4, "flights-dev-training")):
        run = RUN.replace("flights-dev-training", pipeline)
        cloud.register(version, MetadataProperties={"GeneratedBy": run})
        mail = told(cloud, PACKAGE_EVENT, ModelPackageArn=arn_of(version))
        assert mail is not None
        assert ("It is from an edit that was run by hand" in mail) is (version == 3)


def test_the_first_version_is_compared_with_none(cloud: FakeBilled) -> None:
    cloud.register(1, CustomerMetadataProperties={"champion-version": "none", "regression": "0.0"})
    mail = told(cloud, PACKAGE_EVENT, ModelPackageArn=arn_of(1))
    assert mail is not None
    assert "better" not in mail


@pytest.mark.parametrize("approval", ["Approved", "Rejected"])
def test_a_version_that_was_decided_on_meanwhile_is_not_announced(
    cloud: FakeBilled, approval: str
) -> None:
    cloud.register(3, approval)
    event = {"ModelPackageArn": arn_of(3), "ModelApprovalStatus": "PendingManualApproval"}
    assert told(cloud, PACKAGE_EVENT, **event) is None


def test_a_version_that_was_deleted_meanwhile_is_not_announced(cloud: FakeBilled) -> None:
    assert told(cloud, PACKAGE_EVENT, ModelPackageArn=arn_of(3)) is None


# -- runs ---------------------------------------------------------------------------------------

HALT = {
    "StepName": "halt",
    "StepStatus": "Failed",
    "Metadata": {"Fail": {"ErrorMessage": f"{VERDICT} The gate allows at most 0.005"}},
}
TRAIN = {"StepName": "train", "StepStatus": "Failed", "FailureReason": "AlgorithmError: exit 1"}


def test_a_halted_run_is_told_with_both_scores(cloud: FakeBilled) -> None:
    mail = run(cloud, "Failed", {"StepName": "prepare", "StepStatus": "Succeeded"}, HALT)
    assert mail is not None
    assert mail.startswith("flights dev: the candidate was halted by the gate")
    assert "0.7012" in mail
    assert "0.7134" in mail
    assert "ratchet show abc123 --env dev" in mail


def test_a_run_that_halted_is_told_so_though_another_step_failed_before(cloud: FakeBilled) -> None:
    mail = run(cloud, "Failed", TRAIN, HALT)
    assert mail is not None
    assert mail.startswith("flights dev: the candidate was halted by the gate")


def test_a_failed_run_is_told_with_its_step_and_reason(cloud: FakeBilled) -> None:
    mail = run(cloud, "Failed", TRAIN)
    assert mail is not None
    assert mail.startswith("flights dev: the run abc123 failed in its step train")
    assert "AlgorithmError: exit 1." in mail
    assert "ratchet logs abc123 train --env dev" in mail


def test_a_run_that_failed_without_a_step_is_told_too(cloud: FakeBilled) -> None:
    mail = run(cloud, "Failed")
    assert mail is not None
    assert "No reason is given." in mail


def gate(name: str, *, passed: bool) -> dict[str, Any]:
    outcome = {"Condition": {"Outcome": str(passed)}}
    return {"StepName": name, "StepStatus": "Succeeded", "Metadata": outcome}


def evaluated(cloud: FakeBilled, status: str) -> dict[str, Any]:
    """A step that evaluated a candidate of this status, and left its report."""
    folder = f"s3://{ARTIFACTS}/flights-dev-training/runs/abc123/evaluate/report"
    outputs = [
        {"OutputName": "predictions", "S3Output": {"S3Uri": "s3://elsewhere/predictions"}},
        {"OutputName": "report", "S3Output": {"S3Uri": folder}},
    ]
    verdict = "candidate auc 0.7 on 500 rows: it is version 3 already: no new model"
    report = {"candidate": {"status": status}, "verdict": verdict}
    key = "flights-dev-training/runs/abc123/evaluate/report/evaluation.json"
    cloud._store(ARTIFACTS, key, json.dumps(report).encode())
    answer = {"ProcessingOutputConfig": {"Outputs": outputs}}
    return cloud.job("evaluate", 60, answer=answer)


def test_a_run_that_went_well_is_no_news(cloud: FakeBilled) -> None:
    passed = [gate("no-regression", passed=True), gate("new-model", passed=True)]
    for steps in ([], passed, [*passed, evaluated(cloud, "new")]):
        cloud.executions.clear()
        assert run(cloud, "Succeeded", *steps) is None


@pytest.mark.parametrize("status", ["champion", "registered"])
def test_a_run_that_made_no_new_model_is_told_with_the_version_that_it_is(
    cloud: FakeBilled, status: str
) -> None:
    prepare = cloud.job("prepare", 60)
    mail = run(
        cloud, "Succeeded", prepare, evaluated(cloud, status), gate("new-model", passed=False)
    )
    assert mail is not None
    assert mail.startswith("flights dev: no new model")
    assert "it is version 3 already" in mail
    assert "ratchet show abc123 --env dev" in mail
    assert "halted" not in mail


def test_without_its_report_a_run_that_made_no_new_model_is_told_all_the_same(
    cloud: FakeBilled,
) -> None:
    step = evaluated(cloud, "champion")
    cloud.buckets[ARTIFACTS].clear()
    mail = run(cloud, "Succeeded", step, gate("new-model", passed=False))
    assert mail is not None
    assert "Its candidate is a version that is there." in mail


# -- alarms -------------------------------------------------------------------------------------


def analysis(cloud: FakeBilled, kind: str, *violations: dict[str, str]) -> None:
    folder = "flights-dev-monitoring/runs/1/analyze/analysis"
    record = {"start": "2013-07-01T12:00:00Z", "end": "2013-07-01T13:00:00Z"}
    record["analysis"] = f"s3://{ARTIFACTS}/{folder}"
    report = {"violations": list(violations)}
    for key, body in (
        (f"monitoring/{ENDPOINT}/{kind}.json", record),
        (f"{folder}/constraint_violations.json", report),
    ):
        cloud._store(ARTIFACTS, key, json.dumps(body).encode())


def test_drift_is_told_with_the_features_that_drifted(cloud: FakeBilled) -> None:
    cloud.raise_alarm("flights-dev-drift")
    analysis(cloud, "data-quality", *({"feature_name": name} for name in ("temp", "dewp", "temp")))
    mail = alarm(cloud, "flights-dev-drift")
    assert mail.startswith("flights dev: drift in the traffic: temp, dewp\n")
    assert "from 2013-07-01T12:00:00Z to 2013-07-01T13:00:00Z" in mail
    assert "starts automatically" in mail
    assert "ratchet monitor show --env dev" in mail


def test_with_feedback_off_drift_only_tells(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDBACK_ENABLED", "false")
    cloud.raise_alarm("flights-dev-drift")
    mail = alarm(cloud, "flights-dev-drift")
    assert "Feedback is off" in mail
    assert "ratchet run training --env dev" in mail


def test_many_features_are_counted(cloud: FakeBilled) -> None:
    cloud.raise_alarm("flights-dev-drift")
    analysis(cloud, "data-quality", *({"feature_name": f"f{number}"} for number in range(9)))
    assert "f0, f1, f2, f3, f4 and 4 more" in alarm(cloud, "flights-dev-drift")


def test_a_fall_of_model_quality_names_the_metrics(cloud: FakeBilled) -> None:
    cloud.raise_alarm("flights-dev-model-quality", metric="ModelQualityViolations")
    analysis(cloud, "model-quality", {"metric_name": "auc"})
    assert alarm(cloud, "flights-dev-model-quality").startswith(
        "flights dev: the champion answers worse than it did: auc"
    )


def test_dead_letters_name_their_queue(cloud: FakeBilled) -> None:
    cloud.alarms["flights-dev-trigger-dead-letters"] = {
        "AlarmName": "flights-dev-trigger-dead-letters",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "trigger-dead"}],
    }
    mail = alarm(cloud, "flights-dev-trigger-dead-letters")
    assert "The queue trigger-dead holds messages" in mail
    assert "--queue-name trigger-dead" in mail


def test_any_other_alarm_is_told_in_its_own_words(cloud: FakeBilled) -> None:
    cloud.alarms["flights-dev-endpoint-5xx"] = {
        "AlarmName": "flights-dev-endpoint-5xx",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "AlarmDescription": "the endpoint fails",
        "StateReason": "3 > 1",
    }
    mail = alarm(cloud, "flights-dev-endpoint-5xx")
    assert "The endpoint fails. 3 > 1." in mail


def test_an_alarm_that_ends_or_is_deleted_is_no_news(cloud: FakeBilled) -> None:
    cloud.raise_alarm("flights-dev-drift")
    assert alarm(cloud, "flights-dev-drift", "OK") == ""
    assert alarm(cloud, "flights-dev-endpoint-4xx") == ""


def test_an_unknown_event_is_no_news(cloud: FakeBilled) -> None:
    assert told(cloud, "Something Else") is None


# -- what it cost ------------------------------------------------------------------------------


def test_a_run_that_failed_says_what_it_cost(cloud: FakeBilled) -> None:
    steps = [
        cloud.job("prepare", 36),
        cloud.job("train", 360, kind="TrainingJob", StepStatus="Failed", FailureReason="memory"),
    ]
    mail = run(cloud, "Failed", *steps)
    assert mail
    assert "failed in its step train: Memory. The run cost $0.01 (train $0.01, prepare $" in mail


def test_a_version_that_waits_says_what_its_training_has_cost(cloud: FakeBilled) -> None:
    made = cloud.run("abc123", cloud.job("train", 3600, kind="TrainingJob"), status="Executing")
    cloud.register(3, MetadataProperties={"GeneratedBy": made.arn})
    mail = told(cloud, "SageMaker Model Package State Change", ModelPackageArn=arn_of(3))
    assert mail
    assert "The run has cost $0.12 so far." in mail


def test_a_notice_is_not_held_back_by_what_cannot_be_reckoned(cloud: FakeBilled) -> None:
    step = cloud.job("train", 360, kind="TrainingJob", StepStatus="Failed", FailureReason="memory")

    def deny(operation: str, given: object) -> None:
        if operation == "DescribeTrainingJob":
            raise ServiceError("AccessDeniedException", "sagemaker:DescribeTrainingJob")

    cloud.before = deny
    mail = run(cloud, "Failed", step)
    assert mail
    assert "failed in its step train: Memory." in mail
    assert "cost" not in mail


@pytest.mark.parametrize("refused", ["GetObject", "GetProducts", "DescribeTrainingJob"])
def test_details_that_cannot_be_read_hold_no_notice_back(cloud: FakeBilled, refused: str) -> None:
    cloud.before = refuse(refused)
    cloud.raise_alarm("flights-dev-drift")
    assert "drift in the traffic" in alarm(cloud, "flights-dev-drift")
    job = cloud.job("train", 36, kind="TrainingJob")
    mail = run(cloud, "Failed", {**job, "StepStatus": "Failed", "FailureReason": "out of memory"})
    assert mail is not None
    assert "out of memory" in mail.lower()
