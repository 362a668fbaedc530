"""Loops of this repository's project, for tests that choose their settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk import app as cdk_app
from stacks.loop import ModelLoop

ROOT = Path(__file__).resolve().parents[2]


def add_loops(
    app: Construct, settings: Iterable[Settings], *, source: Path = ROOT
) -> list[ModelLoop]:
    """Adds a loop for each settings, in the stage of its environment."""
    loops = cdk_app.add_loops(app, ModelLoop, settings, source=source)
    return [loop for loop in loops if isinstance(loop, ModelLoop)]
