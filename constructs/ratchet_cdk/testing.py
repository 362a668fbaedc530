"""What a project's own tests are written with: its stacks, as a list to read in review."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from ratchet.project import Project
from ratchet_cdk.app import MakeLoop, add_loops
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline

UPDATE_VARIABLE = "RATCHET_UPDATE_SNAPSHOTS"


def synthesized(loop: MakeLoop, project: Project, *, environment: str, model: str) -> cdk.Stage:
    """The loop of a model in an environment, as `cdk deploy` would synthesize it.

    Raises:
        SettingsError: there is no such environment or model, or a file holds a mistake.
        DefinitionError: a pipeline has mistakes.
    """
    context = json.loads((project.root / "cdk.json").read_text(encoding="utf-8")).get("context", {})
    context |= {"aws:cdk:disable-stack-trace": True}
    app = cdk.App(context=context, analytics_reporting=False)
    (made,) = add_loops(app, loop, [project.settings(environment, model)], source=project.root)
    return made


def snapshot(loop: cdk.Stage) -> str:
    """The stacks of a loop: each with its resources by type and its pipelines with their steps.

    Without what all their names begin with: a project that is renamed deploys the same things.
    """
    prefix = next(stack.stack_name for stack in loop.synth().stacks).rpartition("-")[0]
    return "\n".join(_lines(loop)).replace(f"{prefix}-", "")


def _lines(loop: cdk.Stage) -> Iterator[str]:
    for stack in loop.synth().stacks:
        yield stack.stack_name
        template = stack.template
        resources = template.get("Resources", {}).values()
        for kind, count in sorted(Counter(resource["Type"] for resource in resources).items()):
            yield f"{count:5} {kind}"
        yield ""
    for construct in loop.node.find_all():
        if isinstance(construct, MlPipeline):
            yield f"pipeline {construct.name}"
            yield from (f"      {name}" for name in _steps(construct.definition["Steps"]))
            yield ""


def _steps(steps: Sequence[Mapping[str, Any]], *, indent: str = "") -> Iterator[str]:
    for step in steps:
        yield f"{indent}{step['Name']} ({step['Type']})"
        for branch in ("IfSteps", "ElseSteps"):
            yield from _steps(step["Arguments"].get(branch, ()), indent=f"{indent}  ")


def assert_snapshot(loop: cdk.Stage, file: Path) -> None:
    """Fails where the stacks are not as the file says. A file that is not there is written; not in
    continuous integration, where nobody would commit it.

    Raises:
        AssertionError: with the lines that differ, and how to accept them.
    """
    text = snapshot(loop)
    if os.environ.get(UPDATE_VARIABLE) or not (file.exists() or os.environ.get("CI")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return
    assert file.exists(), f"{file} is not there; write it with: make snapshots, and commit it"
    expected = file.read_text(encoding="utf-8")
    if text != expected:
        raise AssertionError(f"{_difference(expected, text)}\nTo accept it: make snapshots")


def _difference(expected: str, text: str) -> str:
    import difflib

    return "\n".join(
        difflib.unified_diff(
            expected.splitlines(), text.splitlines(), "snapshot", "now", lineterm="", n=2
        )
    )
