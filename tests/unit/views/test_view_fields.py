"""What `--json` prints keeps its fields: scripts read them. A new one is added here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.views.amounts import RecordedCost
from ratchet.views.costs import CostView, ModelsCost, MonthView, SpentView
from ratchet.views.drift import AlarmView, DriftView
from ratchet.views.gates import GateView
from ratchet.views.lineage import LineageView, SourceCode, SourceData, SourceRun
from ratchet.views.metrics import MetricView
from ratchet.views.models import FailedDeployment, ModelDetail, ModelView
from ratchet.views.outputs import OutputView
from ratchet.views.plain import as_json
from ratchet.views.runs import RegisteredVersion, RunDetail, RunView
from ratchet.views.steps import StepView

RUN = (
    "id arn pipeline edit name description status outcome no_new_model copy_of started ended "
    "seconds failure cost parameters steps"
)
MODEL = (
    "version arn group approval approval_note serves registered changed description run edit "
    "artifact image baselines failed_deployment score judged_against regression metadata"
)
SPENT = "cost unknown runs cached_steps saved_by_cache unknown_savings saved_by_spot"
FIELDS: dict[Any, str] = {
    RunView: RUN,
    RunDetail: f"{RUN} missing_permissions gates gate metrics reports models notebooks",
    RegisteredVersion: "arn group version approval metadata",
    RecordedCost: "cost saved unknown",
    StepView: "name type gate status word started ended seconds attempts job cached_from reason "
    "failure detail cost",
    GateView: "name passed comparisons metric better candidate champion candidate_status "
    "champion_status regression tolerance interval rows verdict",
    MetricView: "report metric candidate champion regression better decides",
    ModelView: MODEL,
    ModelDetail: f"{MODEL} evaluations",
    FailedDeployment: "time reason",
    LineageView: "model run data code hyperparameters"
    " image training_metrics notebooks evaluation champion",
    SourceRun: "id arn name status description started seconds parameters cached",
    SourceCode: "step digest uri",
    SourceData: "manifest prefix objects",
    DriftView: "outcome message engine job started ended rows report_uri baseline_uri drifted "
    "violations distances alarm",
    AlarmView: "name state since",
    CostView: "by since until experiment currency total lines trend months models prices unknown",
    SpentView: SPENT,
    MonthView: f"{SPENT} month kinds",
    ModelsCost: "registered cost unknown per_version",
    OutputView: "step output uri files bytes",
}


@pytest.mark.parametrize("view", list(FIELDS), ids=[view.__name__ for view in FIELDS])
def test_a_view_keeps_its_fields(view: Any) -> None:
    assert [field.name for field in fields(view)] == FIELDS[view].split()


@pytest.mark.parametrize("view", list(FIELDS), ids=[view.__name__ for view in FIELDS])
def test_a_view_cannot_be_changed(view: Any) -> None:
    assert view.__dataclass_params__.frozen


@dataclass(frozen=True)
class _Inner:
    amount: Decimal
    day: date


@dataclass(frozen=True)
class _Outer:
    inner: _Inner
    when: datetime
    listed: tuple[_Inner | int, ...]
    mapped: dict[int, Decimal]
    path: Path
    nothing: None = None


def test_a_view_is_rendered_plainly_to_its_depth() -> None:
    inner = _Inner(Decimal("1.2"), date(2026, 11, 1))
    view = _Outer(
        inner,
        datetime(2026, 11, 1, 8, 30, tzinfo=UTC),
        (inner, 3),
        {1: Decimal("0.0000000005")},
        Path("a", "b"),
    )
    printed = {"amount": "1.200000000", "day": "2026-11-01"}
    assert as_json(view) == {
        "inner": printed,
        "when": "2026-11-01T08:30:00+00:00",
        "listed": [printed, 3],
        "mapped": {"1": "0.000000000"},
        "path": "a/b",
        "nothing": None,
    }
