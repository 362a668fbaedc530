"""Loops of this repository's project, for tests that choose their settings or their stacks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk import app as cdk_app
from ratchet_cdk.loop import Loop
from stacks.loop import ModelLoop
from tests.projects import ROOT


def add_loops(
    app: Construct,
    settings: Iterable[Settings],
    *,
    source: Path = ROOT,
    loop: type[Loop] = ModelLoop,
) -> None:
    """Adds a loop for each settings, in the stage of its environment."""
    cdk_app.add_loops(app, loop, settings, source=source)
