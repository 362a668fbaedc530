"""What runs cost is recorded once they end, and recording again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.costs.rows import Row
from record_run import handler as entry
from tests.unit.lambdas.fake_billed import ACCOUNT, FakeBilled
from tests.unit.lambdas.fake_cloud import ARTIFACTS, ServiceError
from tests.unit.lambdas.record_driver import (
    NOW,
    PRICES,
    XLARGE,
    connected,
    look,
    notices,
    recorded,
)
from tests.unit.lambdas.refusals import RefuseNth, refuse


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBilled]:
    yield connected(FakeBilled(now=NOW, prices=dict(PRICES)), monkeypatch)
    entry._labels.cache_clear()


def costs(found: list[Row]) -> dict[str, float | None]:
    return {row.step: None if row.cost is None else float(row.cost) for row in found}


def metrics(cloud: FakeBilled) -> list[tuple[str, str, float]]:
    return [
        (
            datum["MetricName"],
            next(d["Value"] for d in datum["Dimensions"] if d["Name"] == "Pipeline"),
            datum["Value"],
        )
        for _, datum in cloud.metrics
    ]


def plain(name: str, kind: str, **about: Any) -> Mapping[str, Any]:
    return {"StepName": name, "StepStatus": "Succeeded", "Metadata": {kind: about}}


def whole_run(cloud: FakeBilled, name: str = "r1") -> None:
    """36 s of preparing, six minutes of training on two, and what costs nothing."""
    made = cloud.run(
        name,
        cloud.job("prepare", 36),
        cloud.job("train", 360, kind="TrainingJob", instances=XLARGE),
        plain("champion", "Lambda", Arn="arn:aws:lambda:us-east-1:000000000000:function:f"),
        plain("gate", "Condition", Outcome="True"),
        plain("register", "RegisterModel", Arn=f"{ACCOUNT}:model-package/flights-dev/7"),
    )
    cloud.experiments[made.arn] = "deeper-trees"
    cloud.advance(600)


def test_each_step_of_a_run_that_ended_is_a_row_with_what_it_cost(cloud: FakeBilled) -> None:
    whole_run(cloud)
    look()

    found = recorded(cloud)
    # 36 s × $0.115 an hour; 360 s × 2 × $0.23 an hour
    assert costs(found) == {
        "prepare": 0.00115,
        "train": 0.046,
        "champion": 0,
        "gate": 0,
        "register": 0,
    }
    train = next(row for row in found if row.step == "train")
    assert (train.project, train.owner, train.cost_center) == (
        "flights",
        "ml-platform",
        "ml-0001",
    )
    assert (train.run, train.run_name, train.run_status) == ("r1", "run r1", "Succeeded")
    assert (train.experiment, train.step_type, train.component) == (
        "deeper-trees",
        "Training",
        "Training",
    )
    assert (train.instance_type, train.instance_count, train.billed_seconds) == (
        "ml.m5.xlarge",
        2,
        360,
    )
    assert (train.price, train.price_source, train.price_date) == (
        Decimal("0.23"),
        "price-list",
        "2026-11-26",
    )
    assert {row.model_version for row in found if row.model_version} == {7}


def test_the_run_is_a_metric_of_its_pipeline(cloud: FakeBilled) -> None:
    whole_run(cloud)
    look()
    assert metrics(cloud) == [("RunCost", "flights-dev-training", 0.04715)]
    ((_, datum),) = cloud.metrics
    assert datum["Timestamp"] == NOW + timedelta(seconds=360)  # the end of its last step


def test_recording_twice_changes_nothing(cloud: FakeBilled) -> None:
    whole_run(cloud)
    look()
    before, puts = dict(cloud.buckets[ARTIFACTS]), cloud.count("PutObject")
    cloud.advance(3600)
    look()
    assert cloud.buckets[ARTIFACTS] == before
    assert cloud.count("PutObject") == puts
    assert len(cloud.metrics) == 1
    assert cloud.count("ListPipelineExecutionSteps") == 3  # three pages, once


def test_a_run_in_progress_is_left_until_it_ends(cloud: FakeBilled) -> None:
    run = cloud.run("r1", cloud.job("prepare", 36), status="Executing")
    look()
    assert recorded(cloud) == []
    run.status = "Succeeded"
    look()
    assert costs(recorded(cloud)) == {"prepare": 0.00115}


def test_an_event_that_was_lost_is_caught_up_by_the_next_look(cloud: FakeBilled) -> None:
    whole_run(cloud)
    cloud.advance(6 * 86_400)
    look()
    assert len(recorded(cloud)) == 5


def test_older_runs_are_recorded_when_somebody_asks_for_them(cloud: FakeBilled) -> None:
    whole_run(cloud)
    cloud.advance(30 * 86_400)
    look()
    assert recorded(cloud) == []
    look(look_back_days=60)
    assert len(recorded(cloud)) == 5


def test_runs_of_a_day_share_an_object_and_pipelines_do_not(cloud: FakeBilled) -> None:
    whole_run(cloud)
    cloud.run("r2", cloud.job("prepare", 72))
    cloud.run("m1", cloud.job("analyze", 36), pipeline="flights-dev-monitoring")
    cloud.advance(86_400)
    cloud.run("r3", cloud.job("prepare", 36))
    cloud.advance(600)
    look()
    keys = [key for key in cloud.buckets[ARTIFACTS] if "rows/pipeline=flights" in key]
    assert sorted(keys) == [
        "costs/rows/pipeline=flights-dev-monitoring/month=2026-11/2026-11-26.jsonl.gz",
        "costs/rows/pipeline=flights-dev-training/month=2026-11/2026-11-26.jsonl.gz",
        "costs/rows/pipeline=flights-dev-training/month=2026-11/2026-11-27.jsonl.gz",
    ]
    assert {row.run for row in recorded(cloud)} == {"r1", "r2", "r3"}


# -- what is cached, tried again, and not known ----------------------------------------------------


def cached(step: Mapping[str, Any], run: str, *, told: bool = True) -> dict[str, Any]:
    source = f"{ACCOUNT}:pipeline/flights-dev-training/execution/{run}"
    about = {"CacheHitResult": {"SourcePipelineExecutionArn": source}}
    return {**step, **about} if told else {**step, **about, "Metadata": {"ProcessingJob": {}}}


@pytest.mark.parametrize("told", [True, False], ids=["with its job", "without its job"])
def test_a_cache_hit_costs_nothing_and_says_what_it_saved(cloud: FakeBilled, told: bool) -> None:
    prepare = cloud.job("prepare", 36)
    cloud.run("r1", prepare)
    cloud.run("r2", cached(prepare, "r1", told=told), cloud.job("train", 36))
    look()
    hit = next(row for row in recorded(cloud) if row.run == "r2" and row.step == "prepare")
    assert (hit.cache_hit, hit.cached_from) == (True, "r1")
    assert (hit.cost, hit.billed_seconds) == (Decimal(0), 0.0)
    assert hit.saved_by_cache == Decimal("0.00115")
    assert hit.job_arn == ""
    assert sum(row.cost or 0 for row in recorded(cloud)) == Decimal("0.0023")


def test_what_a_cached_job_saved_is_unknown_when_nobody_remembers_it(cloud: FakeBilled) -> None:
    prepare = cloud.job("prepare", 36)
    cloud.run("r1", prepare)
    cloud.run("r2", cached(prepare, "r1"))
    cloud.jobs.clear()
    look()
    hit = next(row for row in recorded(cloud) if row.run == "r2")
    assert (hit.cost, hit.saved_by_cache) == (Decimal(0), None)


def test_an_unknown_instance_type_has_an_unknown_price_and_never_zero(cloud: FakeBilled) -> None:
    odd = {"InstanceType": "ml.x9.large", "InstanceCount": 1}
    cloud.run("r1", cloud.job("prepare", 36), cloud.job("train", 36, instances=odd))
    look()
    train = next(row for row in recorded(cloud) if row.step == "train")
    assert (train.cost, train.price, train.price_source) == (None, None, "unknown")
    assert train.units == Decimal("0.01")
    assert metrics(cloud) == []  # not before its price is known


def test_a_price_that_becomes_known_is_filled_in(cloud: FakeBilled) -> None:
    odd = {"InstanceType": "ml.x9.large", "InstanceCount": 1}
    cloud.run("r1", cloud.job("train", 36, instances=odd))
    look()
    asked = cloud.count("ListPipelineExecutionSteps")
    cloud.advance(3600)
    look()
    assert cloud.count("ListPipelineExecutionSteps") == asked  # as long as it is not
    cloud.prices["ml.x9.large"] = {"Processing": "9.00"}
    cloud.advance(8 * 86_400)
    look(look_back_days=30)
    assert costs(recorded(cloud)) == {"train": 0.09}
    assert metrics(cloud) == [("RunCost", "flights-dev-training", 0.09)]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_without_the_price_list_the_packages_prices_are_used_and_it_is_said(
    cloud: FakeBilled,
    code: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ratchet.costs import bundled_prices

    known = bundled_prices.Bundled(amount=Decimal("0.2"), date="2026-09-24")
    monkeypatch.setattr(bundled_prices, "price", lambda region, component, kind: known)
    cloud.pricing_fails = ServiceError(code, "not authorized to perform: pricing:GetProducts")
    cloud.run("r1", cloud.job("prepare", 36))
    look()
    (row,) = recorded(cloud)
    assert (row.price_source, row.price_date) == ("bundled", "2026-09-24")
    assert row.cost == Decimal("0.002")
    warnings = [line for line in capsys.readouterr().out.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    if code == "AccessDeniedException":
        assert "pricing:GetProducts" in warnings[0]


def test_prices_are_asked_for_once_a_week(cloud: FakeBilled) -> None:
    for day in range(9):
        cloud.run(f"r{day}", cloud.job("prepare", 36))
        look()
        cloud.advance(86_400)
    asked = [given for name, given in cloud.calls if name == "GetProducts"]
    kinds = [
        f["Value"] for given in asked for f in given["Filters"] if f["Field"] == "instanceName"
    ]
    assert kinds == ["ml.m5.large", "ml.m5.large"]


def test_the_job_of_an_attempt_that_nobody_saw_is_unknown(cloud: FakeBilled) -> None:
    cloud.run("r1", cloud.job("train", 36, AttemptCount=3))
    look()
    found = recorded(cloud)
    assert [(row.attempt, row.cost) for row in found] == [
        (1, None),
        (2, None),
        (3, Decimal("0.00115")),
    ]
    asked = cloud.count("ListPipelineExecutionSteps")
    look()
    assert cloud.count("ListPipelineExecutionSteps") == asked  # it will never be known


def test_a_run_that_is_retried_keeps_what_its_failed_job_cost(cloud: FakeBilled) -> None:
    run = cloud.run("r1", cloud.job("train", 36, StepStatus="Failed"), status="Failed")
    cloud.ended[run.arn] = cloud.now
    cloud.advance(60)
    look()
    cloud.advance(60)
    run.status, run.steps = "Executing", [cloud.job("train", 72)]
    look()
    run.status, cloud.ended[run.arn] = "Failed", cloud.now + timedelta(seconds=60)
    cloud.advance(120)
    look()
    assert sorted(row.cost or 0 for row in recorded(cloud)) == [
        Decimal("0.00115"),
        Decimal("0.0023"),
    ]
    assert [value for *_, value in metrics(cloud)] == [0.00115, 0.0023]  # what came on top


def test_a_step_of_a_kind_that_has_no_price_here_is_unknown(cloud: FakeBilled) -> None:
    cloud.run("r1", plain("cluster", "EMR"), plain("automatic", "AutoMLJob", Arn="a/b"))
    look()
    assert costs(recorded(cloud)) == {"cluster": None, "automatic": None}


def test_a_tuning_step_is_the_sum_of_its_children(cloud: FakeBilled) -> None:
    tuning = cloud.job("tune", 900, kind="TuningJob")
    name = tuning["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    for _ in range(5):
        child = cloud.job("child", 72, kind="TrainingJob")["Metadata"]["TrainingJob"]["Arn"]
        cloud.children.setdefault(name, []).append(child.rpartition("/")[2])
    cloud.run("r1", tuning)
    cloud.advance(1000)
    look()
    (row,) = recorded(cloud)
    assert (row.step_type, row.component, row.children) == ("Tuning", "Training", 5)
    assert row.cost == Decimal("0.0115")  # 5 × 72 s × $0.115 an hour


def test_a_row_has_the_type_that_the_definition_has(cloud: FakeBilled) -> None:
    check_job = cloud.job("check", 72)
    check = {"QualityCheck": {"CheckJobArn": check_job["Metadata"]["ProcessingJob"]["Arn"]}}
    cloud.run("r1", {**check_job, "Metadata": check}, plain("automatic", "AutoMLJob", Arn="a/b"))
    look()
    rows = {row.step: row for row in recorded(cloud)}
    assert {name: row.step_type for name, row in rows.items()} == {
        "check": "QualityCheck", "automatic": "AutoML",
    }  # fmt: skip
    assert (rows["check"].component, rows["check"].cost) == ("Processing", Decimal("0.0023"))


def test_a_tuning_step_that_started_no_training_is_a_row_that_costs_nothing(
    cloud: FakeBilled,
) -> None:
    tuning = cloud.job("tune", 9, kind="TuningJob")
    cloud.children[tuning["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]] = []
    cloud.run("r1", tuning)
    look()
    assert costs(recorded(cloud)) == {"tune": 0}


def test_spot_capacity_shows_what_it_saved(cloud: FakeBilled) -> None:
    spot = {
        "EnableManagedSpotTraining": True,
        "TrainingTimeInSeconds": 360,
        "BillableTimeInSeconds": 90,
    }
    cloud.run("r1", cloud.job("train", 360, kind="TrainingJob", answer=spot))
    look()
    (row,) = recorded(cloud)
    assert (row.spot, row.billed_seconds, row.used_seconds) == (True, 90, 360)
    assert (row.cost, row.saved_by_spot) == (Decimal("0.002875"), Decimal("0.008625"))


# -- several at once, and failures -----------------------------------------------------------------


def test_two_looks_at_once_leave_what_the_later_one_saw(cloud: FakeBilled) -> None:
    whole_run(cloud)
    entered = False

    def meanwhile(operation: str, given: Mapping[str, Any]) -> None:
        nonlocal entered
        if operation == "PutObject" and "rows" in given["Key"] and not entered:
            entered = True
            cloud.run("r2", cloud.job("prepare", 72))
            look()

    cloud.before = meanwhile
    look()
    assert {row.run for row in recorded(cloud)} == {"r1", "r2"}
    assert len(recorded(cloud)) == 6
    assert sorted(value for *_, value in metrics(cloud)) == [0.0023, 0.04715]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["look", "end", "hour"]), max_size=8), st.integers(0, 40))
def test_whatever_the_wakes_and_wherever_one_crashes_the_rows_are_the_same(
    monkeypatch: pytest.MonkeyPatch, acts: list[str], crash_at: int
) -> None:
    cloud = connected(FakeBilled(now=NOW, prices=dict(PRICES)), monkeypatch)
    run = cloud.run("r1", cloud.job("prepare", 36), cloud.job("train", 72), status="Executing")
    cloud.advance(100)
    calls = 0

    def crash(operation: str, given: Mapping[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if calls == crash_at:
            raise ServiceError("ServiceUnavailable", status=400)

    cloud.after = crash
    for act in [*acts, "end", "look", "look"]:
        if act == "look":
            entry.handler({"Records": [{"messageId": "m", "body": "{}"}]}, None)
        elif act == "end":
            run.status = "Succeeded"
        else:
            cloud.advance(3600)
    assert costs(recorded(cloud)) == {"prepare": 0.00115, "train": 0.0023}
    assert len(metrics(cloud)) <= 1


def test_a_missing_permission_fails_the_batch_and_is_named(
    cloud: FakeBilled, capsys: pytest.CaptureFixture[str]
) -> None:
    whole_run(cloud)

    def deny(operation: str, given: Mapping[str, Any]) -> None:
        if operation == "DescribeTrainingJob":
            raise ServiceError(
                "AccessDeniedException",
                "User: arn:aws:sts::000000000000:assumed-role/r is not authorized to perform: "
                "sagemaker:DescribeTrainingJob",
            )

    cloud.before = deny
    answer = entry.handler({"Records": [{"messageId": "m1", "body": "{}"}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert "sagemaker:DescribeTrainingJob" in capsys.readouterr().out
    assert recorded(cloud) == []  # a day is written whole or not at all


# -- the limit -----------------------------------------------------------------------------------


def test_runs_of_edits_are_recorded_under_their_own_pipeline_and_held_to_the_limit(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_LIMIT_USD", "0.05")
    edits = "flights-dev-training-edits"
    cloud.run("r1", cloud.job("prepare", 36), status="Succeeded", pipeline=edits)
    train = cloud.job("train", None, kind="TrainingJob", instances=XLARGE)
    dear = cloud.run("r2", train, status="Executing", pipeline=edits)
    cloud.advance(420)
    look()
    assert {row.run for row in recorded(cloud, edits)} == {"r1", "r2"}
    assert recorded(cloud) == []
    assert dear.status == "Stopping"
    (mail,) = notices(cloud)
    assert f"this run of {edits}" in mail


def test_a_run_that_costs_more_than_the_limit_is_stopped_and_says_so_once(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_LIMIT_USD", "0.05")
    run = cloud.run(
        "r1",
        cloud.job("prepare", 36),
        cloud.job("train", None, kind="TrainingJob", instances=XLARGE),
        status="Executing",
    )
    cloud.advance(360)
    look()
    assert run.status == "Executing"  # $0.04715
    cloud.advance(60)
    look()
    assert run.status == "Stopping"  # $0.00115 and 420 s × 2 × $0.23 an hour
    (mail,) = notices(cloud)
    assert "was stopped: it cost more than $0.05" in mail
    assert "has cost $0.05 (train $0.05, prepare $0.0012) so far" in mail
    assert "run_limit_usd" in mail
    run.status = "Stopped"
    for name in cloud.jobs:
        cloud.jobs[name].setdefault("TrainingEndTime", cloud.now)
    look()
    assert {row.run_status for row in recorded(cloud)} == {"Stopped"}
    assert all(row.over for row in recorded(cloud))
    assert len(cloud.notices) == 1


def test_a_run_that_ends_before_it_can_be_stopped_is_left_alone(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_LIMIT_USD", "0.001")
    run = cloud.run("r1", cloud.job("prepare", 36), status="Executing")

    def end(operation: str, given: Mapping[str, Any]) -> None:
        if operation == "StopPipelineExecution":
            run.status = "Succeeded"

    cloud.before = end
    look()
    look()
    assert notices(cloud) == []
    assert {row.run_status for row in recorded(cloud)} == {"Succeeded"}


# -- what AWS refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("Publish",), ("PutMetricData",), ("Publish", "PutMetricData")])
def test_what_only_tells_holds_back_neither_rows_nor_the_stop(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RUN_LIMIT_USD", "0.001")
    whole_run(cloud)
    run = cloud.run("r2", cloud.job("prepare-2", 36), status="Executing")
    cloud.before = refuse(*names)
    for _ in range(2):
        look()
    assert run.status == "Stopping"
    assert {row.run for row in recorded(cloud)} == {"r1", "r2"}
    cloud.before = lambda name, given: None
    for _ in range(2):
        look()
    assert len(cloud.notices) == 1, "told once, as soon as SNS takes it"


def test_whichever_call_is_refused_once_the_run_is_stopped_and_told_and_recorded(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, calls = 0, 1
    while number <= calls:
        cloud = connected(FakeBilled(now=NOW, prices=dict(PRICES)), monkeypatch)
        monkeypatch.setenv("RUN_LIMIT_USD", "0.001")
        whole_run(cloud)
        run = cloud.run("r2", cloud.job("prepare-2", 36), status="Executing")
        refusal = RefuseNth(number)
        cloud.before = refusal
        for _ in range(3):
            entry.handler({"Records": [{"messageId": "m", "body": "{}"}]}, None)
            cloud.advance(200)
        calls = calls if number else len(refusal.calls)
        assert run.status == "Stopping", number
        assert {row.run for row in recorded(cloud)} == {"r1", "r2"}, number
        twice = refusal.calls[number - 2 : number] == ["Publish", "PutObject"]
        assert len(cloud.notices) == 1 + twice, number
        number += 1


def test_a_run_whose_job_cannot_be_described_does_not_hold_other_pipelines_up(
    cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_run(cloud)
    monkeypatch.setenv("PIPELINES", "flights-dev-refused,flights-dev-training")

    def before(name: str, given: Mapping[str, Any]) -> None:
        if given.get("PipelineName") == "flights-dev-refused":
            raise ServiceError("ThrottlingException")

    cloud.before = before
    answer = entry.handler({"Records": [{"messageId": "m", "body": "{}"}]}, None)
    assert answer["batchItemFailures"], "it comes back"
    assert {row.run for row in recorded(cloud)} == {"r1"}
