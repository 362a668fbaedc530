"""`ratchet candidates list` and `show`, typed as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.candidates import results
from ratchet.cli.main import app
from ratchet.deployment.target import environment as targets
from ratchet.deployment.target.environment import Target
from tests.unit.candidates import hub_contents
from tests.unit.candidates.conftest import Aws, availability
from tests.unit.candidates.shaped_clients import denied
from tests.unit.candidates.test_results import TRIAL

Type = Callable[..., Result]
SONNET, LITE = "anthropic.claude-sonnet-4-6", "amazon.nova-lite-v1:0"


@pytest.fixture
def type_(target: Target, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setattr(targets, "open_target", lambda **_: target)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("RATCHET_DEBUG", raising=False)
    return lambda *words: CliRunner().invoke(app, ["candidates", *words])


def line_of(shown: Result, name: str) -> str:
    return next(line for line in shown.stdout.splitlines() if name in line)


# -- list ------------------------------------------------------------------------------------------


def test_the_list_says_access_way_and_price_of_each_model(type_: Type, aws: Aws) -> None:
    def available(modelId: str) -> dict[str, Any]:  # noqa: N803
        return availability(
            modelId, **({"agreement": "NOT_AVAILABLE"} if modelId == SONNET else {})
        )

    aws.bedrock["GetFoundationModelAvailability"] = available
    shown = type_("list")
    assert shown.exit_code == 0, shown.output
    assert line_of(shown, LITE).split() == [
        LITE, "Amazon", "active", "yes", "on", "demand", "$0.06", "/", "$0.24",
    ]  # fmt: skip
    assert "needs" in line_of(shown, SONNET)
    assert "us ×3 ✗" in line_of(shown, SONNET)
    assert "$3.30 / $16.50" in line_of(shown, SONNET)
    assert "unknown" in line_of(shown, "moonshotai.kimi-k3")
    assert "legacy until" in line_of(shown, "anthropic.claude-3-haiku")
    assert "rows may go to us-east-1, us-east-2, us-west-2" in shown.stdout
    assert "Bedrock, embedding: 1 model" in shown.stdout
    assert f"candidates try {LITE}   # may cost $1.00 at most" in shown.stderr


def test_access_is_asked_only_of_what_is_shown(type_: Type, aws: Aws) -> None:
    assert type_("list", "sonnet", "--provider", "anthropic").exit_code == 0
    asked = {request["modelId"] for request in aws.asked("GetFoundationModelAvailability")}
    assert len(asked) == 4
    assert all("sonnet" in each for each in asked)


def test_kinds_are_apart(type_: Type, aws: Aws) -> None:
    embedding = json.loads(type_("list", "--kind", "embedding", "--json").stdout)
    assert [each["id"] for each in embedding["models"]] == ["amazon.titan-embed-text-v2:0"]
    assert not aws.asked("ListHubContents")
    jumpstart = type_("list", "--kind", "jumpstart", "--task", "text-generation")
    assert hub_contents.GATED in jumpstart.stdout
    assert "JumpStart: 2 models" in jumpstart.stdout
    assert len(aws.asked("ListFoundationModels")) == 1


def test_many_models_of_jumpstart_are_cut_on_a_screen_and_not_for_scripts(type_: Type) -> None:
    shown = type_("list", "--kind", "jumpstart")
    assert "JumpStart: the first 40 of more" in shown.stdout
    assert "candidates list WORD --kind jumpstart" in shown.stderr
    listed = json.loads(type_("list", "--kind", "jumpstart", "--json").stdout)
    assert len(listed["models"]) == len(hub_contents.LISTED) - 1
    assert listed["more"] is False
    assert len(json.loads(type_("list", "--task", "x", "--json").stdout)["models"]) == 0


def test_a_task_of_a_kind_that_has_none_is_refused(type_: Type) -> None:
    refused = type_("list", "--kind", "text", "--task", "generation")
    assert refused.exit_code == 2
    assert "--kind jumpstart" in refused.output


def test_json_has_amounts_as_text_and_null_where_they_are_unknown(type_: Type) -> None:
    models = {each["id"]: each for each in json.loads(type_("list", "--json").stdout)["models"]}
    assert models[SONNET]["price"]["input_per_million"] == "3.3"
    assert models[SONNET]["called_as"] == f"us.{SONNET}"
    assert models[SONNET]["allowed"] is False
    assert models["moonshotai.kimi-k3"]["price"]["input_per_million"] is None
    assert models["anthropic.claude-3-haiku-20240307-v1:0"]["lifecycle"] == "LEGACY"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_lists_fit(type_: Type, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for words in (["list"], ["list", "--kind", "jumpstart"]):
        shown = type_(*words)
        assert max(len(line) for line in shown.stdout.splitlines()) <= width
        assert "…" not in shown.stdout


def test_without_the_price_list_prices_are_unknown_and_the_reason_is_said(
    type_: Type, aws: Aws
) -> None:
    def refuse(**asked: Any) -> Any:
        raise denied("GetProducts", "pricing:GetProducts")

    aws.pricing["GetProducts"] = refuse
    shown = type_("list", LITE)
    assert shown.exit_code == 0
    assert "unknown" in line_of(shown, LITE)
    assert "Allow pricing:GetProducts on *" in shown.stderr
    assert "$0.00" not in shown.stdout


def test_a_refused_list_ends_with_the_missing_statement(type_: Type, aws: Aws) -> None:
    def refuse(**asked: Any) -> Any:
        raise denied("ListFoundationModels", "bedrock:ListFoundationModels")

    aws.bedrock["ListFoundationModels"] = refuse
    shown = type_("list")
    assert shown.exit_code == 1
    assert '"Action": "bedrock:ListFoundationModels"' in shown.output
    assert "Traceback" not in shown.output


def test_a_word_that_nothing_has_is_no_error(type_: Type) -> None:
    shown = type_("list", "no-such-model")
    assert shown.exit_code == 0
    assert "No model matches." in shown.stdout


# -- show ------------------------------------------------------------------------------------------


def test_a_model_is_shown_with_every_way_and_its_price(type_: Type) -> None:
    shown = type_("show", f"us.{SONNET}")
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.stdout.split())
    assert f"through us.{SONNET}: rows may go to us-east-1, us-east-2, us-west-2" in text
    assert f"through global.{SONNET}: rows may go to any region" in text
    assert "the settings do not allow it" in text
    assert "batch jobs $1.65 / $8.25" in text


def test_a_model_without_access_is_shown_with_what_to_do(type_: Type, aws: Aws) -> None:
    aws.bedrock["GetFoundationModelAvailability"] = lambda modelId: availability(  # noqa: N803
        modelId, agreement="NOT_AVAILABLE"
    )
    shown = type_("show", SONNET)
    assert f"list-foundation-model-agreement-offers --model-id {SONNET}" in " ".join(
        shown.stdout.split()
    )
    assert "candidates try" not in shown.stderr


def test_a_model_of_jumpstart_is_shown_with_licence_and_instances(type_: Type) -> None:
    shown = type_("show", hub_contents.GATED)
    assert shown.exit_code == 0, shown.output
    assert "Llama 3.2 Community License" in shown.stdout
    assert hub_contents.EULA in shown.stdout
    assert "given out only to whoever accepts it" in shown.stdout
    assert "ml.m5.large: batch unknown, endpoint $0.12 an hour" in shown.stdout
    data = json.loads(type_("show", hub_contents.GATED, "--json").stdout)
    assert data["needs_acceptance"] is True
    assert data["default_instance"] == "ml.g5.xlarge"


def test_addresses_are_never_torn_apart(type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = type_("show", hub_contents.GATED).stdout
    for address in (hub_contents.EULA, hub_contents.DOCUMENT["HostingEcrUri"]):
        assert address in shown


def test_a_model_that_nobody_has_is_named_with_the_nearest(type_: Type) -> None:
    shown = type_("show", "amazon.nova-light-v1:0")
    assert shown.exit_code == 1
    assert f"did you mean {LITE}" in shown.output


def test_trials_are_shown_newest_first_and_by_the_beginning_of_their_id(
    type_: Type, target: Target
) -> None:
    assert "No trial yet." in type_("show").output
    older = replace(TRIAL, id="20261127-000000-x", started=TRIAL.started.replace(day=27))
    for trial in (TRIAL, older):
        results.save(trial, root=target.root)
    listed = json.loads(type_("show", "--json").stdout)
    assert [each["id"] for each in listed] == [TRIAL.id, older.id]
    assert TRIAL.candidate in type_("show").stdout
    one = json.loads(type_("show", "20261127", "--json").stdout)
    assert [each["id"] for each in one] == [older.id]
    assert json.loads(type_("show", "latest", "--json").stdout)[0]["id"] == TRIAL.id
    unknown = type_("show", "20250101")
    assert unknown.exit_code == 1
    assert "there is no trial '20250101'" in unknown.output
