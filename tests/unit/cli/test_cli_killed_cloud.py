"""What people read when the local cloud is killed."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ratchet.cli.views import status_view
from ratchet.deployment import standing
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import cdk
from ratchet.local_cloud import control
from tests.unit.cli.fake_deployment import CLOUD, START, World
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.golden_files import drawn

FAILS = [sys.executable, "-c", "raise SystemExit(1)", "deploy"]


def test_a_deployment_that_lost_its_cloud_says_that_it_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.cdk_cli.command", lambda: FAILS[:3])
    there = replace(world.target, folder=tmp_path)
    with pytest.raises(DeploymentError, match="The local cloud ended during the deployment") as e:
        cdk.run(there, FAILS, line=lambda text: None)
    assert "ratchet deploy` again: it goes on where it was." in str(e.value)


def test_a_deployment_that_failed_by_itself_says_what_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.cdk_cli.command", lambda: FAILS[:3])
    monkeypatch.setattr(control, "status", lambda folder: object())
    assert world.target.folder == CLOUD
    with pytest.raises(DeploymentError, match=r"`cdk deploy` failed \(exit status 1\)"):
        cdk.run(world.target, FAILS, line=lambda text: None)


def test_status_shows_an_update_that_is_resumed(serving: ServingWorld) -> None:
    serving.cloudformation.status = "UPDATE_IN_PROGRESS"
    serving.cloudformation.reason = "resumed after the local cloud was killed"
    seen = standing.look(serving.world.target)
    shown = drawn(status_view.document(seen, now=START + timedelta(hours=3), width=140))
    words = " ".join(shown.split())
    assert "UPDATE_IN_PROGRESS for 1 h 00 min: resumed after the local cloud was killed" in words
