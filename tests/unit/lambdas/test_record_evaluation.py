"""How the champion did is kept once, held against its standards, and raises the alarm."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import aws_clients
from notify import handler as notify
from ratchet.loop.problems import PROBLEMS, Better
from record_evaluation import evaluation
from record_evaluation import handler as entry
from record_evaluation.evaluation import Judged, ReportError, Standards
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ServiceError, arn_of
from tests.unit.lambdas.refusals import RefuseNth

NOW = datetime(2013, 8, 2, 13, 20, tzinfo=UTC)
REPORT = "flights-dev-evaluation/runs/1/evaluate/report/evaluation.json"
REGISTERED = {"metric": "auc", "better": "higher", "candidate-score": "0.7"}
STANDARDS = Standards(floor=0.6, max_regression=0.05, minimum_rows=100)
RMSE_REPORT: Mapping[str, Any] = {
    "problem": "regression",
    "metric": "rmse",
    "better": "lower",
    "rows": 500,
    "champion": {"status": "scored", "score": 43.2, "metrics": {}},
    "interval": None,
    "verdict": "champion rmse 43.200",
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """Version 3 serves; it had an AUC of 0.7 when it was registered."""
    cloud = FakeCloud(now=NOW)
    cloud.register(3, "Approved", CustomerMetadataProperties=REGISTERED)
    cloud.parameters["/flights/dev/champion"] = arn_of(3)
    environment = {
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "CHAMPION_PARAMETER": "/flights/dev/champion",
        "MINIMUM_ROWS": "100",
        "ENDPOINT_NAME": "flights-dev",
        "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:people",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for service in ("sagemaker", "s3", "ssm", "cloudwatch", "sns"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    for made in (entry._recording, notify._happenings):
        made.cache_clear()
    object.__setattr__(entry._recording(), "now", lambda: cloud.now)
    yield cloud
    for made in (entry._recording, notify._happenings):
        made.cache_clear()


def recorded(
    cloud: FakeCloud,
    auc: float | None = 0.69,
    *,
    rows: int = 500,
    version: int = 3,
    execution: str = "run1",
    threshold: float | None = None,
) -> dict[str, str]:
    champion = {
        "threshold": threshold,
        "status": "unscorable" if auc is None else "scored",
        "score": auc,
        "metrics": {"auc": auc, "log_loss": None},
    }
    interval = {"low": 0.6, "high": 0.72, "confidence": 0.95, "resamples": 1000}
    report = {
        "metric": "auc",
        "better": "higher",
        "rows": rows,
        "champion": champion,
        "interval": interval if auc else None,
        "verdict": "cannot be scored: KeyError" if auc is None else f"champion AUC {auc}",
    }
    cloud._store(ARTIFACTS, REPORT, json.dumps(report).encode())
    keys = ["labelled/2013-07/flights.csv", "labelled/2013-06/flights.csv"]
    manifest = [{"prefix": "s3://data/"}, *keys]
    cloud._store(ARTIFACTS, "manifests/d/manifest.json", json.dumps(manifest).encode())
    return entry.handler(
        {
            "package_arn": arn_of(version),
            "execution": execution,
            "manifest": f"s3://{ARTIFACTS}/manifests/d/manifest.json",
            "report": f"s3://{ARTIFACTS}/{REPORT}",
            "floor": 0.6,
            "max_regression": 0.05,
        },
        None,
    )


def record(cloud: FakeCloud, execution: str = "run1", version: int = 3) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(
        cloud.buckets[ARTIFACTS][f"evaluations/{version}/{execution}.json"].body
    )
    return known


def metrics(cloud: FakeCloud) -> list[tuple[str, float]]:
    return [(datum["MetricName"], datum["Value"]) for _, datum in cloud.metrics]


def test_the_record_says_when_which_data_and_how_it_stands_to_its_standards(
    cloud: FakeCloud,
) -> None:
    answer = recorded(cloud)

    found = record(cloud)
    assert answer["outcome"] == found["outcome"] == "Completed"
    assert found["evaluated"] == "2013-08-02T13:20:00Z"
    assert found["data"] == "2013-06 to 2013-07"
    assert (found["rows"], found["score"], found["registered"]) == (500, 0.69, 0.7)
    assert (found["floor"], found["max_regression"]) == (0.6, 0.05)
    assert found["interval"]["high"] == 0.72
    assert metrics(cloud) == [("ModelQualityViolations", 0.0), ("EvaluationScore", 0.69)]


def test_whichever_call_is_refused_once_the_step_that_is_tried_again_ends_the_same(
    cloud: FakeCloud,
) -> None:
    recorded(cloud)
    calls = len(cloud.calls)
    for number in range(1, calls + 1):
        FakeCloud.__init__(cloud, now=NOW)
        cloud.register(3, "Approved", CustomerMetadataProperties=REGISTERED)
        cloud.parameters["/flights/dev/champion"] = arn_of(3)
        cloud.before = RefuseNth(number)
        try:
            recorded(cloud)
        except ClientError:
            recorded(cloud)
        assert ("ModelQualityViolations", 0.0) in metrics(cloud)
        assert record(cloud)["outcome"] == "Completed"
        assert "evaluations/latest.json" in cloud.buckets[ARTIFACTS]


@pytest.mark.parametrize("refused", ["EvaluationScore", "UpdateModelPackage", "PutObject"])
def test_nothing_that_is_refused_holds_back_what_the_alarm_watches(
    cloud: FakeCloud, refused: str
) -> None:
    def before(name: str, given: Mapping[str, Any]) -> None:
        if refused in (name, *(d["MetricName"] for d in given.get("MetricData", ()))):
            raise ServiceError("AccessDenied", status=403)

    cloud.before = before
    if refused == "PutObject":
        with pytest.raises(ClientError):
            recorded(cloud, 0.55)
    else:
        assert recorded(cloud, 0.55)["outcome"] == "CompletedWithViolations"
    assert metrics(cloud)[0] == ("ModelQualityViolations", 2.0)


def test_the_latest_evaluation_stands_on_the_version(cloud: FakeCloud) -> None:
    recorded(cloud)

    noted = cloud.packages[arn_of(3)]["CustomerMetadataProperties"]
    assert noted == {
        **REGISTERED,
        "evaluation-time": "2013-08-02T13:20:00Z",
        "evaluation-outcome": "Completed",
        "evaluation-score": "0.690000",
    }


@pytest.mark.parametrize(
    ("auc", "broken"),
    [
        (0.55, ["below the floor of 0.6", "more than 0.05 below the 0.7000 at registration"]),
        (0.62, ["more than 0.05 below the 0.7000 at registration"]),
        (None, ["cannot be scored"]),
    ],
)
def test_what_is_worse_than_its_standards_raises_the_alarm(
    cloud: FakeCloud, auc: float | None, broken: list[str]
) -> None:
    assert recorded(cloud, auc)["outcome"] == "CompletedWithViolations"

    found = record(cloud)["violations"]
    assert len(found) == len(broken)
    assert all(part in text for part, text in zip(broken, found, strict=True))
    assert ("ModelQualityViolations", float(len(broken))) in metrics(cloud)


def test_the_same_execution_recorded_twice_changes_nothing(cloud: FakeCloud) -> None:
    first = recorded(cloud, 0.55)
    before, put = record(cloud), metrics(cloud)
    cloud.advance(3600)
    changed = cloud.count("UpdateModelPackage")

    assert recorded(cloud, 0.69) == first
    assert record(cloud) == before
    assert metrics(cloud) == put
    assert cloud.count("UpdateModelPackage") == changed


def test_an_earlier_evaluation_does_not_take_the_place_of_a_later_one(cloud: FakeCloud) -> None:
    recorded(cloud, 0.66, execution="early")
    cloud.advance(60)
    recorded(cloud, 0.68, execution="late")
    recorded(cloud, execution="early")

    noted = cloud.packages[arn_of(3)]["CustomerMetadataProperties"]
    assert noted["evaluation-score"] == "0.680000"


def test_too_few_rows_neither_raise_the_alarm_nor_end_it(cloud: FakeCloud) -> None:
    assert recorded(cloud, 0.55, rows=99)["outcome"] == "TooFewRows"

    assert metrics(cloud) == [("EvaluationScore", 0.55)]


def test_a_version_that_was_replaced_meanwhile_is_recorded_and_raises_no_alarm(
    cloud: FakeCloud,
) -> None:
    cloud.parameters["/flights/dev/champion"] = arn_of(4)

    answer = recorded(cloud, 0.55)

    assert record(cloud)["served"] is False
    assert "no longer serves" in answer["verdict"]
    assert metrics(cloud) == []


def test_a_version_whose_deployment_failed_is_not_touched_or_it_would_count_as_approved_anew(
    cloud: FakeCloud,
) -> None:
    mark = {"ratchet-deployment": "failed 2013-08-02T13:00:05Z: no ping"}
    cloud.packages[arn_of(3)]["CustomerMetadataProperties"].update(mark)

    recorded(cloud)

    assert cloud.count("UpdateModelPackage") == 0
    assert record(cloud)["score"] == 0.69


def test_with_nothing_deployed_it_says_so_and_records_nothing(cloud: FakeCloud) -> None:
    answer = entry.handler({"package_arn": "none", "execution": "run1", "manifest": "m"}, None)

    assert answer["outcome"] == "NothingDeployed"
    assert "nothing is deployed" in answer["verdict"]
    assert not any(key.startswith("evaluations/") for key in cloud.buckets[ARTIFACTS])


def test_a_score_at_its_limits_meets_them() -> None:
    assert list(evaluation.violations(judged("auc", 0.6), STANDARDS, registered=0.625)) == []


def test_a_version_without_a_score_at_registration_is_held_against_the_floor_alone() -> None:
    assert evaluation.registered_score(REGISTERED, "f1") is None
    assert list(evaluation.violations(judged("f1", 0.61), STANDARDS, registered=None)) == []


PRICES = Standards(floor=50, max_regression=2, minimum_rows=100)


@pytest.mark.parametrize(
    ("score", "broken"),
    [
        (27.3, []),  # better than at registration, in a metric where less is better
        (44.0, []),
        (45.5, ["rmse 45.500 is more than 2 above the 43.200 at registration"]),
        (
            59.6,
            [
                "rmse 59.600 is above the ceiling of 50",
                "rmse 59.600 is more than 2 above the 43.200 at registration",
            ],
        ),
    ],
)
def test_where_less_is_better_more_is_worse(score: float, broken: list[str]) -> None:
    found = judged("rmse", score, "lower")
    assert list(evaluation.violations(found, PRICES, registered=43.2)) == broken
    outcome = "CompletedWithViolations" if broken else "Completed"
    assert evaluation.outcome_of(found, PRICES, registered=43.2) == outcome


def test_without_a_floor_only_the_score_at_registration_counts() -> None:
    standards = Standards(floor=None, max_regression=2, minimum_rows=100)
    assert list(evaluation.violations(judged("r2", -9.0), standards, registered=None)) == []


def test_a_report_and_a_version_of_before_metrics_had_directions_are_read(
    cloud: FakeCloud,
) -> None:
    champion = {"status": "scored", "auc": 0.69, "log_loss": 0.5}
    report = {"metric": "auc", "rows": 500, "champion": champion, "verdict": "fine"}
    found = evaluation.judged(report, uri="s3://r")
    assert (found.score, found.better) == (0.69, "higher")
    assert evaluation.registered_score({"candidate-auc": "0.7"}, "auc") == 0.7


def judged(metric: str, score: float, better: Better = "higher") -> Judged:
    return Judged(metric=metric, better=better, rows=500, score=score, interval=None, verdict="")


@pytest.mark.parametrize("report", [{}, {"metric": "auc", "rows": 5, "champion": None}, []])
def test_a_report_on_no_champion_is_refused_with_what_is_expected(report: Any) -> None:
    with pytest.raises(ReportError, match=r"s3://r is no report .* docs/guides/evaluation.md"):
        evaluation.judged(report, uri="s3://r")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"champion": {"status": "scored", "score": math.nan, "metrics": {}}},
            "champion.score is NaN",
        ),
        (
            {"champion": {"status": "scored", "score": math.inf, "metrics": {}}},
            "champion.score is Infinity",
        ),
        (
            {"champion": {"status": "scored", "score": None, "metrics": {}}},
            "champion.score is null",
        ),
        (
            {"champion": {"status": "scored", "score": True, "metrics": {}}},
            "champion.score is true",
        ),
        (
            {"champion": {"status": "scored", "score": "0.6", "metrics": {}}},
            'champion.score is "0.6"',
        ),
        (
            {"champion": {"status": "none", "score": None, "metrics": {}}},
            'champion.status is "none"; expected',
        ),
        ({"rows": math.nan}, "rows is NaN"),
        ({"interval": {"low": 1.0, "high": math.nan}}, "interval.high is NaN"),
        ({"better": "sideways"}, 'better is "sideways"; expected higher or lower'),
        ({"better": "higher"}, 'better is "higher", and lower is better of rmse'),
    ],
)
def test_a_value_that_decides_nothing_is_refused_by_its_name(
    changes: dict[str, Any], reason: str
) -> None:
    report = {**RMSE_REPORT, **changes}
    with pytest.raises(ReportError, match=re.escape(reason)):
        evaluation.judged(report, uri="s3://r")


def test_a_metric_of_the_teams_own_has_the_direction_that_its_report_says() -> None:
    report = {**RMSE_REPORT, "metric": "cost", "better": "higher"}
    assert evaluation.judged(report, uri="s3://r").better == "higher"
    assert evaluation.judged({**report, "better": "lower"}, uri="s3://r").better == "lower"


@pytest.mark.parametrize(
    ("problem", "metric"), [(p, m) for p, row in PROBLEMS.items() for m in row.metrics]
)
def test_of_every_metric_better_raises_no_alarm_and_worse_does(problem: str, metric: str) -> None:
    better = PROBLEMS[problem].metrics[metric].better
    registered, step = 0.5, 0.2 if better == "higher" else -0.2
    standards = Standards(floor=registered - step, max_regression=0.1, minimum_rows=100)

    def broken(score: float) -> int:
        champion = {"status": "scored", "score": score, "metrics": {}}
        report = {**RMSE_REPORT, "problem": problem, "metric": metric, "better": better}
        judged = evaluation.judged({**report, "champion": champion}, uri="s3://r")
        return len(list(evaluation.violations(judged, standards, registered=registered)))

    assert [broken(registered + n * step) for n in (2, 1, 0, -0.4)] == [0, 0, 0, 0]
    assert [broken(registered - n * step) for n in (0.6, 2)] == [1, 2]


@pytest.mark.parametrize(
    ("registered", "scored_at", "refused"),
    [
        ("0.37", 0.37, False),
        ("0.37", 0.5, True),
        ("0", 0.5, True),
        (None, 0.5, False),
        ("0.37", None, False),
    ],
)
def test_a_score_counts_at_the_threshold_that_the_version_was_registered_with(
    cloud: FakeCloud, registered: str | None, scored_at: float | None, *, refused: bool
) -> None:
    metadata = {} if registered is None else {"threshold": registered}
    champion = {"status": "scored", "score": 0.6, "metrics": {}, "threshold": scored_at}
    report = {**RMSE_REPORT, "problem": "binary", "metric": "f1", "better": "higher"}
    judged = evaluation.judged({**report, "champion": champion}, uri="s3://r")
    assert judged.threshold == scored_at
    if not refused:
        evaluation.check_threshold(judged, metadata, uri="s3://r")
        return
    with pytest.raises(ReportError, match=r"s3://r has a score at the threshold 0\.5"):
        evaluation.check_threshold(judged, metadata, uri="s3://r")


def test_the_threshold_is_checked_as_an_evaluation_is_recorded(cloud: FakeCloud) -> None:
    cloud.packages[arn_of(3)]["CustomerMetadataProperties"]["threshold"] = "0.37"
    recorded(cloud)  # a report of before reports said it
    with pytest.raises(ReportError, match=r"registered at 0\.37"):
        recorded(cloud, threshold=0.5, execution="run2")
    assert recorded(cloud, threshold=0.37, execution="run3")["outcome"] == "Completed"


@pytest.mark.parametrize("score", ["nan", "inf", "-Infinity", "", "fine"])
def test_a_score_at_registration_that_is_no_number_is_none(score: str) -> None:
    assert evaluation.registered_score({**REGISTERED, "candidate-score": score}, "auc") is None


@pytest.mark.parametrize(
    ("floor", "ending"),
    [
        (50.0, "not registered by its rmse, so only the ceiling of 50 counts"),
        (None, "so nothing is compared: there is no ceiling either"),
    ],
)
def test_a_version_that_was_registered_by_another_metric_is_said_to_be(
    cloud: FakeCloud, floor: float | None, ending: str
) -> None:
    cloud._store(ARTIFACTS, REPORT, json.dumps(RMSE_REPORT).encode())
    event = {
        "package_arn": arn_of(3),
        "execution": "run1",
        "manifest": f"s3://{ARTIFACTS}/manifests/d/manifest.json",
        "report": f"s3://{ARTIFACTS}/{REPORT}",
        "max_regression": 2,
        **({} if floor is None else {"floor": floor}),
    }
    assert ending in entry.handler(event, None)["verdict"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["labelled/2013-07/a.csv", "labelled/2013-07/b.csv"], "2013-07"),
        (["labelled/2013-07/a.csv", "labelled/2013-05/a.csv"], "2013-05 to 2013-07"),
        (["a.csv"], ""),
        ([], ""),
    ],
)
def test_data_is_named_by_its_folders(keys: list[str], said: str) -> None:
    assert evaluation.data_of([{"prefix": "s3://data/"}, *keys]) == said


def test_people_hear_which_version_fell_short_and_on_which_data(cloud: FakeCloud) -> None:
    recorded(cloud, 0.55)
    cloud.advance(60)
    cloud.raise_alarm("flights-dev-model-quality", metric="ModelQualityViolations")
    detail = {"alarmName": "flights-dev-model-quality", "state": {"value": "ALARM"}}

    notify.handler({"detail-type": "CloudWatch Alarm State Change", "detail": detail}, None)

    text = json.loads(cloud.notices[-1]["Message"])["email"]
    assert "Version 3, which serves, was evaluated on new labelled data" in text
    assert "2013-06 to 2013-07" in text
    assert "below the floor of 0.6" in text
    assert "ratchet models show 3" in text


def test_an_alarm_long_after_an_evaluation_is_told_as_that_of_traffic(cloud: FakeCloud) -> None:
    recorded(cloud, 0.55)
    cloud.now += timedelta(hours=2)
    cloud.raise_alarm("flights-dev-model-quality", metric="ModelQualityViolations")
    detail = {"alarmName": "flights-dev-model-quality", "state": {"value": "ALARM"}}

    notify.handler({"detail-type": "CloudWatch Alarm State Change", "detail": detail}, None)

    text = json.loads(cloud.notices[-1]["Message"])["email"]
    assert "labels that arrived" in text
