"""What the next run will cost, and what an edit changes in it, typed as a person types it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import typer

from ratchet.cli.commands.costs_estimate import assumed
from ratchet.costs import prices, rows
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import PIPELINE, World, deploy_source
from tests.unit.costs.past_rows import NOW, ran

HOURLY = {"ml.m5.large": {"Training": "0.1", "Processing": "0.1"}}


@pytest.fixture
def recorded(world: World) -> World:
    """The pipeline as the source says it, run once yesterday."""
    deploy_source(world)
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    back = (NOW.date() - day).days
    done = [
        ran("prepare", 36, ago_days=back, component="Processing", pipeline=PIPELINE),
        ran("train", 360, ago_days=back, at=40, pipeline=PIPELINE),
        ran("evaluate", 36, ago_days=back, at=500, component="Processing", pipeline=PIPELINE),
    ]
    world.s3.objects["artifacts", rows.key(PIPELINE, day)] = rows.write(done)
    today = datetime.now(UTC).date().isoformat()
    hourly = {**HOURLY, "ml.m5.xlarge": {"Training": "0.2"}}
    listed = {kind: {"date": today, "hourly": amounts} for kind, amounts in hourly.items()}
    known = {"region": "us-east-1", "listed": listed}
    world.s3.objects["artifacts", prices.key("us-east-1")] = json.dumps(known).encode()
    world.target._clients["pricing"] = None
    return world


def test_a_run_is_priced_by_past_runs(recorded: World, type_: Type) -> None:
    shown = type_("costs", "estimate", "training")
    assert shown.exit_code == 0, shown.output
    assert "train             ml.m5.large  6 min 00 s" in shown.stdout
    assert "A run of flights-dev-training costs at least $0.012" in shown.stdout
    assert "no past run: --assume baseline=10m" in shown.stdout
    assert "With cache hits for prepare, train, evaluate: at least $0.00" in shown.stdout
    assert "Prices of the AWS Price List, looked up" in shown.stdout


def test_times_can_be_said(recorded: World, type_: Type) -> None:
    said = ["--assume", "baseline=10m", "--assume", "quality-baseline=10m"]
    found = json.loads(type_("costs", "estimate", "training", "--json", *said).stdout)
    assert found["total"] == {
        "cost": "0.045333334",
        "high": "0.045333334",
        "at_least": False,
        "currency": "USD",
    }
    assert {step["step"]: step["seconds"] for step in found["steps"]}["baseline"] == 600


def test_a_step_that_runs_on_nothing_cannot_take_time(recorded: World, type_: Type) -> None:
    shown = type_("costs", "estimate", "training", "--assume", "champion=10m")
    assert shown.exit_code == 2
    assert "prepare, train, evaluate" in " ".join(shown.output.split())


@pytest.mark.parametrize(
    ("text", "seconds"), [("a=90", 90), ("a=10m", 600), ("a=1h30m", 5400), ("a=1.5h", 5400)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert assumed([text]) == {"a": seconds}


@pytest.mark.parametrize("text", ["train", "=10m", "train=", "train=soon", "train=10d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected STEP=TIME"):
        assumed([text])


def test_a_diff_says_what_larger_instances_cost(recorded: World, type_: Type) -> None:
    deployed = json.loads(recorded.sagemaker.pipelines[PIPELINE])
    (train,) = (step for step in deployed["Steps"] if step["Name"] == "train")
    train["Arguments"]["ResourceConfig"]["InstanceType"] = "ml.m5.xlarge"
    recorded.sagemaker.pipelines[PIPELINE] = json.dumps(deployed)
    shown = type_("diff", "training").stdout
    assert "what a run costs\n" in shown
    assert (
        "train: ml.m5.xlarge → ml.m5.large: $0.020 → $0.010 a run (-$0.010) if it takes as long as "
        "in the last run (6 min 0 s, on ml.m5.large)" in shown
    )


def test_a_parameter_that_is_not_there_is_refused(recorded: World, type_: Type) -> None:
    shown = type_("costs", "estimate", "training", "-p", "InputManifst=x")
    assert shown.exit_code == 1
    assert "did you mean InputManifest?" in shown.output


def test_an_object_that_holds_no_rows_is_named_and_does_not_hold_back_a_diff(
    recorded: World, type_: Type
) -> None:
    (key,) = (key for _, key in recorded.s3.objects if key.startswith("costs/rows/"))
    recorded.s3.objects["artifacts", key] = b"{}\n"
    shown = type_("costs", "estimate", "training")
    assert shown.exit_code == 1
    assert f"s3://artifacts/{key} holds a line that is no row" in shown.output
    deployed = recorded.sagemaker.pipelines[PIPELINE].replace("ml.m5.large", "ml.m5.xlarge")
    recorded.sagemaker.pipelines[PIPELINE] = deployed
    told = type_("diff", "training")
    assert told.exit_code == 0
    assert "what it changes in costs is not known: s3://artifacts/" in told.stdout
