"""Fixtures of the runner's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.runner import namespace
from tests.runner.workbench import Workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


@pytest.fixture
def rewriting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that cannot show a program its folder at /opt/ml."""
    monkeypatch.setattr(namespace, "why_not", lambda: "this is a test")


@pytest.fixture
def showing() -> None:
    """Only where a program can be shown its folder at /opt/ml."""
    if reason := namespace.why_not():
        pytest.skip(reason)


@pytest.fixture(params=["showing", "rewriting"])
def seen(request: pytest.FixtureRequest, workbench: Workbench) -> Callable[[str], str]:
    """Where the program of a step finds /opt/ml, in both ways of giving it that."""
    request.getfixturevalue(request.param)
    if request.param == "showing":
        return lambda step: "/opt/ml"
    return lambda step: f"{workbench.workdir}/{step}/opt/ml"
