"""Limits on costs: what the settings accept, and where AWS makes budgets."""

from __future__ import annotations

import json

import pytest

from ratchet.settings import loading
from ratchet.settings.costs import CostSettings, has_budgets
from ratchet.settings.schema import SettingsError
from tests import cloudformation_schemas
from tests.projects import REQUIRED
from tests.unit.settings.conftest import Write


def loaded(write: Write, lines: str, *, region: str = "eu-west-1") -> CostSettings:
    config = write(REQUIRED.replace("eu-west-1", region) + f"[costs]\n{lines}\n")
    return loading.load(config, environment="dev", model="flights").costs


def test_without_a_word_on_costs_nothing_is_limited(write: Write) -> None:
    assert loaded(write, "") == CostSettings(
        run_limit_usd=0,
        monthly_budget_usd=0,
        idle_hours=24,
        look_back_days=7,
        schedule="rate(1 hour)",
    )


def test_dollars_may_be_whole_or_not(write: Write) -> None:
    found = loaded(write, "run_limit_usd = 5\nmonthly_budget_usd = 99.5")
    assert (found.run_limit_usd, found.monthly_budget_usd) == (5.0, 99.5)


def test_runs_are_looked_at_every_five_minutes_where_one_may_have_to_be_stopped() -> None:
    assert CostSettings(schedule="rate(1 day)").looks == "rate(1 day)"
    assert CostSettings(schedule="rate(1 day)", run_limit_usd=1).looks == "rate(5 minutes)"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run_limit_usd = -1", "costs.run_limit_usd = -1; expected a number from 0 to"),
        ('run_limit_usd = "5"', 'costs.run_limit_usd = "5"; expected a number'),
        ("monthly_budget_usd = -0.5", "costs.monthly_budget_usd = -0.5; expected a number from 0"),
        ("idle_hours = 1.5", "costs.idle_hours = 1.5; expected a whole number"),
        ("look_back_days = 0", "costs.look_back_days = 0; expected a number from 1 to 365"),
        ('schedule = "hourly"', 'costs.schedule = "hourly"; expected an EventBridge schedule'),
        ("run_limit = 5", "did you mean costs.run_limit_usd?"),
    ],
)
def test_a_mistake_names_the_key_the_value_and_what_is_expected(
    write: Write, line: str, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(write, line)
    assert said in str(refused.value)


def test_a_budget_is_refused_where_cloudformation_makes_none_and_a_way_is_named(
    write: Write,
) -> None:
    with pytest.raises(
        SettingsError, match="cannot make budgets in region 'eu-north-1'"
    ) as refused:
        loaded(write, "monthly_budget_usd = 100", region="eu-north-1")
    assert "aws budgets create-budget" in str(refused.value)
    assert loaded(write, "run_limit_usd = 1", region="eu-north-1").run_limit_usd == 1


def test_the_regions_with_budgets_are_those_of_cloudformations_schemas() -> None:
    """When this fails after an update of cfn-lint, CloudFormation has come to know them there."""
    schemas = cloudformation_schemas.folder() / "providers"
    regions = {
        file.stem: "AWS::Budgets::Budget" in json.loads(file.read_text())
        for file in schemas.glob("*-*.json")
    }
    assert len(regions) > 30
    assert {region: has_budgets(region) for region in regions} == regions
