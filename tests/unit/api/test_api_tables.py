"""The tables and objects of `ratchet.connect`, against what the commands print."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import ratchet
from ratchet.api import LoopConnection, RatchetError, tables
from ratchet.deployment.runs.gate import Gate
from ratchet.deployment.runs.reports import Findings
from ratchet.loop.names import NEW_MODEL_GATE
from ratchet.views.gates import gate
from ratchet.views.plain import as_json
from tests.unit.api.conftest import Printed
from tests.unit.api.same_values import COST, INTERVAL, SCORE, differences
from tests.unit.cli.fake_deployment import FakeRun, World
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.test_cli_costs import keep, kept, of_run  # noqa: F401 - a fixture
from tests.unit.costs_report.recorded_rows import priced

COLUMNS = {
    "RUNS": "id name pipeline edit status outcome no_new_model copy_of started ended seconds cost "
    "saved unknown_costs failure description arn parameters",
    "STEPS": "name type gate status word started ended seconds attempts cached_from reason failure "
    "detail job cost saved unknown_costs",
    "METRICS": "report metric candidate champion regression better decides",
    "OUTPUTS": "step output uri files bytes",
    "MODELS": "version approval serves metric score better judged_against regression registered "
    "changed failed failure approval_note description edit run artifact image group arn metadata",
    "EVALUATIONS": "evaluated version data rows metric better score low high floor registered "
    "max_regression served outcome verdict violations execution package_arn manifest",
    "DISTANCES": "feature method distance threshold exceeds",
    "VIOLATIONS": "feature check description",
}
SPENT = "cost unknown runs cached_steps saved_by_cache unknown_savings saved_by_spot"
COST_COLUMNS = {
    "run": "kind pipeline resource run run_name status experiment started first_day",
    "experiment": "kind experiment resource first_day",
    "pipeline": "kind pipeline resource first_day",
    "step": "kind pipeline resource step first_day",
    "month": "month",
}


def names(columns: tables.Columns) -> str:
    return " ".join(column.name for column in columns)


def test_the_columns_are_stable() -> None:
    assert {name: names(getattr(tables, name)) for name in COLUMNS} == COLUMNS
    costs = {by: names(columns) for by, columns in tables.COSTS.items()}
    assert costs.pop("model") == "pipeline versions run day runs cost unknown"
    assert costs == {by: f"{naming} {SPENT}" for by, naming in COST_COLUMNS.items()}


def test_an_empty_table_has_its_columns_and_their_types(dev: LoopConnection) -> None:
    table = dev.runs()
    assert table.empty
    assert list(table.columns) == COLUMNS["RUNS"].split()
    assert types_of(table) == {
        "id": "string",
        "edit": "bool",
        "copy_of": "Int64",
        "started": "datetime64[ns, UTC]",
        "cost": "float64",
    }


def test_a_table_has_the_same_types_with_rows(
    dev: LoopConnection, passed: FakeRun, unchanged: FakeRun, running: FakeRun
) -> None:
    empty = tables.table([], tables.RUNS)
    assert dict(dev.runs().dtypes) == dict(empty.dtypes)
    steps = dev.run(running.id).steps
    assert dict(steps.dtypes) == dict(tables.table([], tables.STEPS).dtypes)


def types_of(table: pd.DataFrame) -> dict[str, str]:
    chosen = ("id", "edit", "copy_of", "started", "cost")
    return {name: str(table[name].dtype) for name in chosen}


def test_runs_are_what_the_command_prints(
    dev: LoopConnection, printed: Printed, passed: FakeRun, halted: FakeRun, unchanged: FakeRun
) -> None:
    assert not differences(dev.runs(), printed("runs"), COST)
    assert not differences(dev.runs("training", limit=1), printed("runs", "training", "-n1"), COST)


def test_a_run_that_goes_on_is_what_the_command_prints(
    dev: LoopConnection, printed: Printed, running: FakeRun
) -> None:
    assert not differences(dev.runs(), printed("runs"), COST, without=["seconds"])
    steps = dev.run().steps.set_index("name")
    assert steps.loc["evaluate", "word"] == "waiting"
    assert steps["status"].isna()["evaluate"]


@pytest.mark.parametrize("which", ["passed", "halted", "unchanged"])
def test_a_run_is_what_the_command_prints(
    dev: LoopConnection, printed: Printed, which: str, request: pytest.FixtureRequest
) -> None:
    run = dev.run(request.getfixturevalue(which).id)
    shown = printed("show", run.id)
    assert as_json(run.detail) == shown
    assert not differences(run.steps, shown["steps"], COST)
    assert not differences(run.metrics, shown["metrics"])
    assert as_json(run.gate) == shown["gate"]


def test_what_a_run_cost_is_what_the_command_prints(
    dev: LoopConnection, printed: Printed, world: World, passed: FakeRun
) -> None:
    jobs = of_run(
        passed,
        priced("0.25", step="train", saved_by_spot=Decimal("0.5")),
        priced(None, step="evaluate"),
    )
    keep(world, *jobs, day=passed.started.date())
    shown = printed("runs")
    assert not differences(dev.runs(), shown, COST)
    row = dev.runs()[["cost", "saved", "unknown_costs"]].to_dict("records")
    assert row == [{"cost": 0.25, "saved": 0.5, "unknown_costs": 1}]
    steps = dev.run().steps
    assert not differences(steps, shown[0]["steps"], COST)
    assert steps.set_index("name").loc["train", "cost"] == 0.25
    assert dev.run().cost is not None


def test_a_gate_that_only_asks_for_a_new_model_is_no_gate_of_the_candidate() -> None:
    only = Gate(name=NEW_MODEL_GATE, passed=True, comparisons=())
    assert gate(Findings(reports={}, gates=(only,), models=())) is None


def test_a_run_says_its_gate_with_both_scores(dev: LoopConnection, halted: FakeRun) -> None:
    gate = dev.run("latest").gate
    assert gate is not None
    assert (gate.name, gate.passed, gate.metric) == ("no-regression", False, "auc")
    assert (gate.candidate, gate.champion, gate.regression) == (0.69, 0.7103, 0.0203)
    assert gate.tolerance == 0.005
    assert gate.interval is not None
    assert (gate.interval["low"], gate.interval["high"]) == (-0.02, 0.011)


def test_without_a_champion_there_is_no_regression(dev: LoopConnection, passed: FakeRun) -> None:
    run = dev.run()
    assert run.gate is not None
    assert (run.gate.champion_status, run.gate.regression) == ("none", None)
    assert run.metrics["regression"].isna().all()
    assert run.metrics["metric"].tolist() == ["auc", "log_loss"]
    assert run.metrics["decides"].tolist() == [True, False]


def test_regressions_have_the_direction_of_their_metric(
    dev: LoopConnection, unchanged: FakeRun
) -> None:
    metrics = dev.run().metrics.set_index("metric")
    assert metrics["better"].to_dict() == {"auc": "higher", "log_loss": "lower"}
    assert metrics["regression"].round(4).to_dict() == {"auc": -0.0085, "log_loss": -0.0052}


def test_numbers_of_a_report_that_compares_nothing_are_metrics_too(
    dev: LoopConnection, world: World, passed: FakeRun
) -> None:
    world.s3.objects["artifacts", "evaluate-1/evaluation.json"] = (
        b'{"rmse": 1.5, "note": "x", "ok": true, "per": {"jan": 2}}'
    )
    metrics = dev.run().metrics
    assert metrics[["metric", "candidate"]].to_numpy().tolist() == [["rmse", 1.5], ["per.jan", 2.0]]
    assert metrics["better"].isna().all()


def test_models_are_what_the_command_prints(
    serves: LoopConnection, printed_serving: Printed
) -> None:
    assert not differences(serves.models(), printed_serving("models"), SCORE)
    assert serves.models()["serves"].tolist() == [False, False, True]
    for version in (1, "latest"):
        shown = printed_serving("models", str(version))
        assert as_json(serves.model(version)) == shown
        assert not differences(serves.evaluations(version), shown["evaluations"], INTERVAL)


def test_lineage_is_what_the_command_prints(
    serves: LoopConnection, printed_serving: Printed, traced: ServingWorld
) -> None:
    lineage = serves.lineage(2)
    shown = printed_serving("lineage", "2")
    assert as_json(lineage) == shown
    assert lineage.run is not None
    assert lineage.run.started.utcoffset() == timedelta(0)
    assert shown["model"]["serves"] is False


def test_drift_is_what_the_command_prints(
    serves: LoopConnection, printed_serving: Printed, analyzed: ServingWorld
) -> None:
    drift = serves.drift()
    assert drift is not None
    shown = printed_serving("monitor", "show")
    assert as_json(drift.detail) == shown
    assert not differences(drift.distances, shown["distances"])
    assert not differences(drift.violations, shown["violations"])
    assert drift.drifted == ("temp", "dewp")


def test_before_the_first_analysis_there_is_no_drift(
    serves: LoopConnection, printed_serving: Printed
) -> None:
    assert serves.drift() is None
    assert printed_serving("monitor", "show") is None


@pytest.mark.parametrize("by", list(tables.COSTS))
def test_costs_are_what_the_command_prints(
    dev: LoopConnection,
    printed: Printed,
    kept: World,  # noqa: F811
    by: Any,
) -> None:
    shown = printed("costs", "--by", by)["lines"]
    assert shown or by == "model"
    assert not differences(dev.costs(by), shown)


def test_an_error_has_the_message_of_the_command_line(
    dev: LoopConnection, type_: Any, passed: FakeRun
) -> None:
    with pytest.raises(RatchetError) as error:
        dev.run("abcdef12345x")
    printed = type_("show", "abcdef12345x").stderr
    assert f"error {error.value}" in printed.replace("\n", " ")
    assert error.value._render_traceback_() == [f"RatchetError: {error.value}"]
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_a_wrong_word_says_what_there_is(dev: LoopConnection) -> None:
    with pytest.raises(RatchetError, match="by is 'day', expected one of run, experiment"):
        dev.costs("day")  # type: ignore[arg-type]
    with pytest.raises(RatchetError, match="since, until: "):
        dev.costs(since="soon")


def test_importing_ratchet_loads_nothing_heavy() -> None:
    program = (
        "import sys, ratchet\n"
        "heavy = ('boto3', 'botocore', 'pandas', 'numpy', 'ratchet.api', 'ratchet.deployment')\n"
        "assert 'connect' in dir(ratchet)\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "ratchet.connect\n"
        "print([name for name in ('boto3', 'pandas', 'numpy') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr


def test_ratchet_has_no_other_name() -> None:
    with pytest.raises(AttributeError, match="module 'ratchet' has no attribute 'conect'"):
        _ = ratchet.conect  # type: ignore[attr-defined]
