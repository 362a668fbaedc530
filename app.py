"""The model loop as one CDK app: every file in `config/` is an environment of its own.

`cdk ls` names them; `cdk deploy "dev/*" --context environment=dev` deploys one, and neither reads
the settings of the others nor synthesizes them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk

from config.settings import FOLDER, Settings, SettingsError, environments, load
from pipeline_defs import instance_types
from pipeline_defs.authoring import BundleError, DefinitionError
from ratchet_cdk.pipelines.ml_pipeline import OpenDefinitionError
from stacks.loop import Loop

ROOT = Path(__file__).resolve().parent


def add_loops(app: cdk.App, settings: Iterable[Settings], *, source: Path = ROOT) -> list[Loop]:
    """Adds a stage for each environment's settings.

    Raises:
        SettingsError: an instance type is none of SageMaker's.
        DefinitionError: a pipeline has mistakes.
    """
    loops = []
    for environment in settings:
        instance_types.check(environment)
        loops.append(Loop(app, settings=environment, source=source))
    return loops


def settings_for(app: cdk.App, folder: Path = FOLDER) -> list[Settings]:
    """The settings of the environment that `--context environment=…` names, or of every one.

    Raises:
        SettingsError: there is no such environment, or its file holds a mistake.
    """
    name = app.node.try_get_context("environment")
    return [load(each, folder) for each in ([name] if name else environments(folder))]


def main() -> None:
    gc.disable()  # the CDK keeps every object until the end: looking for garbage finds none
    # Without stack traces, which hold paths of this machine; cdk.json may not carry this key.
    app = cdk.App(context={"aws:cdk:disable-stack-trace": True})
    try:
        add_loops(app, settings_for(app))
    except SettingsError as error:
        sys.exit(f"settings: {error}")
    except (DefinitionError, BundleError, OpenDefinitionError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
