"""How a job is billed, held against numbers worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ratchet.costs import billing
from ratchet.costs.billing import Use

START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def training_job(**more: Any) -> dict[str, Any]:
    return {
        "TrainingStartTime": START,
        "TrainingEndTime": at(360),
        "TrainingTimeInSeconds": 360,
        "BillableTimeInSeconds": 360,
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


def one(uses: list[Use]) -> Use:
    (use,) = uses
    return use


NEVER_STARTED = {
    "TrainingStartTime": None,
    "TrainingTimeInSeconds": None,
    "BillableTimeInSeconds": None,
}
KEPT_WARM = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 180}
CHOSEN = {"SelectedInstanceType": "ml.m5.large", "SelectedInstanceCount": 2}


@pytest.mark.parametrize(
    ("job", "hours", "spared"),
    [
        ({}, "0.1", "0"),  # 360 s of one instance are a tenth of an hour
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 4}}, "0.4", "0"),
        ({"BillableTimeInSeconds": 90, "EnableManagedSpotTraining": True}, "0.025", "0.075"),
        ({"BillableTimeInSeconds": 90}, "0.025", "0"),  # not by spot capacity, so not spared by it
        ({"WarmPoolStatus": KEPT_WARM}, "0.15", "0"),
        (NEVER_STARTED, "0", "0"),
        ({"ResourceConfig": CHOSEN}, "0.2", "0"),
    ],
)
def test_training_is_billed_by_billable_time_and_instances(
    job: dict[str, Any], hours: str, spared: str
) -> None:
    use = one(billing.training(training_job(**job), now=at(9999)))
    assert (use.instance_type, use.open) == ("ml.m5.large", False)
    assert use.hours == Decimal(hours)
    assert use.hours_spared == Decimal(spared)


def test_a_job_that_runs_counts_until_now_and_stays_open() -> None:
    job = training_job(TrainingEndTime=None, EnableManagedSpotTraining=True)
    del job["TrainingTimeInSeconds"], job["BillableTimeInSeconds"]
    use = one(billing.training(job, now=at(720)))
    assert use.open
    assert (use.hours, use.hours_spared) == (Decimal("0.2"), Decimal(0))


@pytest.mark.parametrize(("status", "open_"), [("Available", True), ("Terminated", False)])
def test_a_warm_pool_that_waits_goes_on_being_billed(status: str, open_: bool) -> None:
    use = one(billing.training(training_job(WarmPoolStatus={"Status": status}), now=at(400)))
    assert use.open is open_


def test_groups_of_instances_are_billed_each_at_its_own_type() -> None:
    groups = [
        {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "InstanceGroupName": "gpu"},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 3, "InstanceGroupName": "cpu"},
    ]
    uses = billing.training(training_job(ResourceConfig={"InstanceGroups": groups}), now=at(0))
    assert [(use.instance_type, use.hours) for use in uses] == [
        ("ml.g5.xlarge", Decimal("0.1")),
        ("ml.c5.xlarge", Decimal("0.3")),
    ]


def processing_job(**more: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    return {"ProcessingResources": {"ClusterConfig": cluster}, **more}


@pytest.mark.parametrize(
    ("times", "hours", "open_"),
    [
        ({"ProcessingStartTime": START, "ProcessingEndTime": at(900)}, "0.5", False),
        ({"ProcessingStartTime": START, "ProcessingEndTime": at(0.9)}, "0.0005", False),
        ({"ProcessingStartTime": START}, "0.25", True),
        ({"ProcessingEndTime": at(10)}, "0", False),
        ({}, "0", False),
    ],
)
def test_processing_is_billed_from_start_to_end_for_each_instance(
    times: dict[str, Any], hours: str, open_: bool
) -> None:
    use = one(billing.processing(processing_job(**times), now=at(450)))
    assert (use.component, use.hours, use.open) == ("Processing", Decimal(hours), open_)


def test_transform_is_billed_from_start_to_end_for_each_instance() -> None:
    job = {
        "TransformStartTime": START,
        "TransformEndTime": at(1800),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 3},
    }
    use = one(billing.transform(job, now=at(9999)))
    assert (use.component, use.hours) == ("Transform", Decimal("1.5"))


def test_a_tuning_is_its_children_and_nothing_else() -> None:
    spot = {"EnableManagedSpotTraining": True}
    children = [
        training_job(BillableTimeInSeconds=100, **spot),
        training_job(BillableTimeInSeconds=80, TrainingEndTime=at(500), **spot),
        training_job(ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}),
    ]
    large, xlarge = billing.tuning(children, now=at(9999))
    assert (large.instance_type, large.children, large.billed_seconds) == ("ml.m5.large", 2, 180)
    assert large.hours == Decimal("0.05")
    assert large.hours_spared == Decimal("0.15")  # 720 − 180 seconds
    assert (large.started, large.ended) == (START, at(500))
    assert (xlarge.children, xlarge.hours) == (1, Decimal("0.2"))


def test_a_tuning_without_children_yet_costs_nothing() -> None:
    assert billing.tuning([], now=START) == []
