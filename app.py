"""The model loop as one CDK app: every file in `config/` is an environment of its own.

`cdk ls` names them; `cdk deploy "dev/*"` deploys one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk

from config.settings import Settings, SettingsError, environments, load
from stacks.loop import Loop

ROOT = Path(__file__).resolve().parent


def add_loops(app: cdk.App, settings: Iterable[Settings], *, source: Path = ROOT) -> list[Loop]:
    """Adds a stage for each environment's settings."""
    return [Loop(app, settings=one, source=source) for one in settings]


def main() -> None:
    try:
        settings = [load(environment) for environment in environments()]
    except SettingsError as error:
        sys.exit(f"settings: {error}")
    # Without stack traces, which hold paths of this machine; cdk.json may not carry this key.
    app = cdk.App(context={"aws:cdk:disable-stack-trace": True})
    add_loops(app, settings)
    app.synth()


if __name__ == "__main__":
    main()
