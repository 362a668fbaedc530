"""The pipelines of a project by name: what is deployed, compared, priced, drawn and run.

Everything that lists pipelines reads them here, so that one line in `pipeline_defs/__init__.py`,
or one folder in `pipelines/`, is all that a pipeline needs beside its own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from config import timetable
from pipeline_defs.authoring import Context, DefinitionError, Pipeline
from pipeline_defs.authoring.errors import Problem
from pipeline_defs.imported import FOLDER, ImportedPipeline, Placement, names, read
from pipeline_defs.imported.stored import NAME

PIPELINES_STACK = "pipelines"
LONGEST_NAME = 64
"""All names of a stack stand in one SSM parameter, which holds 4,096 characters."""
_STACKS_OWN = "deployed"
_LISTED_IN = "PIPELINES in pipeline_defs/__init__.py"

CompiledPipeline = Pipeline | ImportedPipeline


@dataclass(frozen=True)
class PipelineEntry:
    """How a pipeline is made, and what a deployment adds to it."""

    define: Callable[[Context], CompiledPipeline]
    _: KW_ONLY
    schedule: str = ""
    """When a run starts, as EventBridge Scheduler writes it: "cron(0 6 ? * MON *)"; "" = never.
    Every parameter needs a default then: nobody gives values to such a run."""
    timezone: str = "UTC"
    """Of `schedule`."""
    permissions: Sequence[Mapping[str, Any]] = ()
    """Statements for its role, as IAM writes them, for what its definition leaves open."""
    stack: str = PIPELINES_STACK
    """The stack that deploys it, by the name of its SSM parameter: the loop's own pipelines live
    with what wakes them."""
    imported: bool = False
    """It was written with the SageMaker SDK, and lies in `pipelines/`."""
    name: str = ""
    """Filled in by `registered`; "" takes whatever the pipeline calls itself."""

    def compile(self, context: Context) -> CompiledPipeline:
        """The pipeline for a context.

        Raises:
            DefinitionError: its function makes something else, or its schedule cannot start it.
        """
        pipeline = self.define(context)
        for problem in self._problems(pipeline):
            raise DefinitionError(self.name, [problem])
        return pipeline

    def _problems(self, pipeline: CompiledPipeline) -> Iterator[Problem]:
        kind = getattr(pipeline, "kind", None)
        if kind is None:
            yield Problem(
                value=pipeline,
                expected="its function returns no Pipeline",
                fix="end it with: return p",
            )
        elif self.name and kind != self.name:
            yield Problem(
                value=kind,
                expected=f"its function names the pipeline otherwise than {_LISTED_IN} does",
                fix=f"write Pipeline({self.name!r}, ctx), or list it as {kind!r}",
            )
        elif self.schedule:
            parameters = pipeline.definition().get("Parameters", ())
            for parameter in parameters:
                if "DefaultValue" not in parameter:
                    yield Problem(
                        argument=f"parameter {parameter['Name']!r}",
                        expected="it has no default, and a run that its schedule starts gets none",
                        fix="give it a default, or leave the schedule out",
                    )


def registered(pipelines: Mapping[str, PipelineEntry], root: Path) -> dict[str, PipelineEntry]:
    """Those pipelines, and after them the imported ones of the repository at `root`, by name.

    Raises:
        DefinitionError: a name or a schedule is not possible, or a name is there twice.
    """
    entries = {name: replace(entry, name=name) for name, entry in pipelines.items()}
    for name in names(root):
        if name in entries:
            problem = Problem(
                expected=f"both {_LISTED_IN} and the folder {FOLDER}/{name} have this name",
                fix=f"give the imported one another: git mv {FOLDER}/{name} {FOLDER}/{name}-sdk",
            )
            raise DefinitionError(name, [problem])
        entries[name] = _imported(name, root)
    for entry in entries.values():
        if problems := [*_impossible(entry, entries)]:
            raise DefinitionError(entry.name, problems)
    return entries


def same_to_cloudformation(name: str, other: str) -> bool:
    """Whether two names are the same without hyphens and capitals."""
    return construct_id(name).lower() == construct_id(other).lower()


def construct_id(name: str) -> str:
    """The name as CloudFormation's logical ids have it: `HousePrices` of `house-prices`."""
    return "".join(part.capitalize() for part in name.split("-"))


def _imported(name: str, root: Path) -> PipelineEntry:
    def define(context: Context) -> ImportedPipeline:
        return ImportedPipeline(read(root, name), placement(context))

    return PipelineEntry(define, imported=True, name=name)


def placement(context: Context) -> Placement:
    """Where an imported pipeline goes: to the same place as the project's own."""
    return Placement(
        settings=context.settings,
        role_arn=context.role_arn,
        artifacts_uri=context.artifacts_uri,
        data_uri=context.data_uri,
        code_uri=context.code_uri,
        account=context.account,
        output_key_arn=context.output_key_arn,
    )


def _impossible(entry: PipelineEntry, entries: Mapping[str, PipelineEntry]) -> Iterator[Problem]:
    name = entry.name
    place = f"the folder {FOLDER}/{name}" if entry.imported else _LISTED_IN
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        possible = re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")[:LONGEST_NAME] or "scoring"
        yield Problem(
            expected=f"SageMaker takes no such name; a name is letters, digits and hyphens between "
            f"them, at most {LONGEST_NAME}",
            fix=f"in {place}, write for example {possible!r}",
        )
    if same_to_cloudformation(name, _STACKS_OWN):
        yield Problem(
            expected="the stack's own record has this name",
            fix=f"give it another name in {place}",
        )
    for other in entries:
        if other != name and same_to_cloudformation(other, name):
            yield Problem(
                expected=f"it differs from {other!r} by hyphens or capitals alone, which "
                "CloudFormation does not tell apart",
                fix=f"give it another name in {place}",
            )
    if entry.schedule and (expected := timetable.expected_of(entry.schedule)):
        yield Problem(argument="schedule", value=entry.schedule, expected=f"expected {expected}")
    if expected := timetable.expected_of_zone(entry.timezone):
        yield Problem(argument="timezone", value=entry.timezone, expected=f"expected {expected}")
