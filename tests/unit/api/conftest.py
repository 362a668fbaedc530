"""The deployments in memory of the command line's tests, opened from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ratchet
from ratchet.api import LoopConnection
from tests.unit.cli.conftest import (  # noqa: F401 - fixtures
    Type,
    halted,
    memory,
    on_main,
    passed,
    running,
    serving,
    settings,
    type_,
    type_serving,
    typing_at,
    unchanged,
    world,
)
from tests.unit.cli.fake_deployment import World
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.test_cli_lineage import traced  # noqa: F401 - a fixture
from tests.unit.cli.test_cli_monitor import analyzed  # noqa: F401 - a fixture

Printed = Callable[..., Any]


@pytest.fixture
def dev(type_: Type, world: World) -> LoopConnection:  # noqa: F811
    """The loop of `world`."""
    return ratchet.connect("dev")


@pytest.fixture
def serves(type_serving: Type, serving: ServingWorld) -> LoopConnection:  # noqa: F811
    """The loop of `serving`."""
    return ratchet.connect("dev")


@pytest.fixture
def printed(type_: Type) -> Printed:  # noqa: F811
    """What a command prints with `--json` where `world` is deployed."""
    return lambda *words: json.loads(type_(*words, "--json").stdout)


@pytest.fixture
def printed_serving(type_serving: Type) -> Printed:  # noqa: F811
    """The same where `serving` is deployed."""
    return lambda *words: json.loads(type_serving(*words, "--json").stdout)


@pytest.fixture
def root(world: World, tmp_path: Path) -> Path:  # noqa: F811
    """A project's folder for what is fetched."""
    return tmp_path
