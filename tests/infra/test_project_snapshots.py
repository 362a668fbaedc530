"""The snapshot that a project's own tests hold its stacks to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.project import load
from ratchet.settings.schema import Settings
from ratchet_cdk import testing
from ratchet_cdk.app import add_loops
from stacks.loop import ModelLoop
from tests.infra.assembly import context
from tests.projects import ROOT

pytestmark = pytest.mark.synth


def loop_of(settings: Settings) -> cdk.Stage:
    app = cdk.App(context=context(), analytics_reporting=False)
    (loop,) = add_loops(app, ModelLoop, [settings], source=ROOT)
    return loop


def text_of(settings: Settings) -> str:
    return testing.snapshot(loop_of(settings))


@pytest.fixture(scope="module")
def text() -> str:
    return text_of(load("prod"))


def test_it_lists_stacks_resources_and_steps(text: str) -> None:
    assert text.splitlines()[0] == "foundation"
    assert "    3 AWS::S3::Bucket" in text
    assert "pipeline training" in text
    assert "      train (Training)" in text


def test_a_renamed_project_has_the_same(text: str) -> None:
    assert text_of(dataclasses.replace(load("prod"), project="homes")) == text


def test_another_setting_of_what_is_there_changes_it(text: str) -> None:
    settings = load("prod")
    costs = dataclasses.replace(settings.costs, monthly_budget_usd=100.0)
    assert text_of(dataclasses.replace(settings, costs=costs)) != text


def test_a_difference_is_shown_with_how_to_accept_it(tmp_path: Path) -> None:
    loop = loop_of(load("prod"))
    file = tmp_path / "prod.txt"
    file.write_text("foundation\n    1 AWS::Old::Thing\n")
    with pytest.raises(AssertionError, match="make snapshots") as refused:
        testing.assert_snapshot(loop, file)
    assert "-    1 AWS::Old::Thing" in str(refused.value)


def test_a_snapshot_that_is_missing_is_written_and_not_in_continuous_integration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_of(load("prod"))
    monkeypatch.delenv(testing.UPDATE_VARIABLE, raising=False)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="is not there"):
        testing.assert_snapshot(loop, tmp_path / "prod.txt")
    monkeypatch.delenv("CI")
    testing.assert_snapshot(loop, tmp_path / "prod.txt")
    assert (tmp_path / "prod.txt").read_text() == testing.snapshot(loop)
