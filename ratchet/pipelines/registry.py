"""The pipelines of a model by name: what is deployed, compared, priced, drawn and run.

Everything that lists pipelines reads them here, so that one line in
`pipeline_defs/<model>/__init__.py`, or one folder in `pipelines/<model>/`, is all that a pipeline
needs beside its own file. `evaluation` and `monitoring` come with Ratchet; one of the same name in
the project stands in for it.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from ratchet.authoring import Context, DefinitionError, Pipeline
from ratchet.authoring.errors import Problem
from ratchet.imported import FOLDER, ImportedPipeline, Placement, names, read
from ratchet.imported.stored import NAME
from ratchet.loop import names as loop_names
from ratchet.pipelines.evaluation import evaluation
from ratchet.pipelines.monitoring import monitoring
from ratchet.settings import timetable

PIPELINES_STACK = "pipelines"
LONGEST_NAME = 64
"""All names of a stack stand in one SSM parameter, which holds 4,096 characters."""
_STACKS_OWN = "deployed"
_PACKAGE = "pipeline_defs"
_STACKS = MappingProxyType(
    {
        loop_names.TRAINING: "training",
        loop_names.EVALUATION: "evaluation",
        loop_names.MONITORING: "serving",
    }
)
"""A pipeline of the loop → the stack that deploys it, with what wakes it."""

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
    """It was written with the SageMaker SDK, and lies in `pipelines/<model>/`."""
    name: str = ""
    """Filled in by `registered`; "" takes whatever the pipeline calls itself."""
    model: str = ""
    """Filled in by `registered`."""

    @property
    def place(self) -> str:
        """Where the project says it."""
        if self.imported:
            return f"the folder {FOLDER}/{self.model}/{self.name}"
        return listed_in(self.model)

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
                expected=f"its function names the pipeline otherwise than {self.place} does",
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


Definable = PipelineEntry | Callable[[Context], CompiledPipeline]
"""What a project lists: the function that makes a pipeline, or an entry that says more."""


def pipelines(root: Path, model: str) -> dict[str, PipelineEntry]:
    """Every pipeline of a model of the project at `root`.

    Raises:
        DefinitionError: a name or a schedule is not possible, a name is there twice, or the
            project lists nothing.
    """
    return registered(_listed(root, model), root, model)


def listed_in(model: str) -> str:
    """Where a project lists a model's pipelines."""
    return f"PIPELINES in pipeline_defs/{model}/__init__.py"


def _listed(root: Path, model: str) -> Mapping[str, Definable]:
    """What `pipeline_defs/<model>/__init__.py` lists."""
    listed = getattr(_module_of(root.resolve(), model), "PIPELINES", None)
    if not isinstance(listed, Mapping) or loop_names.TRAINING not in listed:
        problem = Problem(
            expected=f"{listed_in(model)} lists no {loop_names.TRAINING!r}",
            fix="write for example: PIPELINES = {'training': training}",
        )
        raise DefinitionError(model, [problem])
    return listed


def _module_of(root: Path, model: str) -> ModuleType:
    """The package of a model of the project at `root`, also where another project's was imported
    before."""
    package = root / _PACKAGE
    file = package / model / "__init__.py"
    # Without the first file, Python would go on to look for a package of the same name elsewhere.
    for each in (package / "__init__.py", file):
        if not each.is_file():
            problem = Problem(
                expected=f"{each} is not there, so no pipeline of this model is listed",
                fix=f"bring it back from version control, or write it with ratchet init --model "
                f"{model}",
            )
            raise DefinitionError(model, [problem])
    name = f"{_PACKAGE}.{model}"
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is None or Path(loaded).resolve() != file:
        for other in [key for key in sys.modules if key.partition(".")[0] == _PACKAGE]:
            del sys.modules[other]
        importlib.invalidate_caches()
        sys.path[:] = [str(root), *(entry for entry in sys.path if entry != str(root))]
    return importlib.import_module(name)


def registered(listed: Mapping[str, Definable], root: Path, model: str) -> dict[str, PipelineEntry]:
    """The loop's own pipelines, the others that are listed, and after them the imported ones of
    the project at `root`, by name.

    Raises:
        DefinitionError: a name or a schedule is not possible, or a name is there twice.
    """
    standard = {loop_names.EVALUATION: evaluation, loop_names.MONITORING: monitoring}
    first = [name for name in _STACKS if name in listed or name in standard]
    entries = {
        name: _entry({**standard, **listed}[name], name, model)
        for name in dict.fromkeys([*first, *listed])
    }
    for name in names(root, model):
        if name in entries:
            folder = f"{FOLDER}/{model}/{name}"
            problem = Problem(
                expected=f"both {listed_in(model)} and the folder {folder} have this name",
                fix=f"give the imported one another: git mv {folder} {folder}-sdk",
            )
            raise DefinitionError(name, [problem])
        entries[name] = _imported(name, root, model)
    for entry in entries.values():
        if problems := [*_impossible(entry, entries)]:
            raise DefinitionError(entry.name, problems)
    return entries


def _entry(listed: Definable, name: str, model: str) -> PipelineEntry:
    entry = listed if isinstance(listed, PipelineEntry) else PipelineEntry(listed)
    return replace(entry, name=name, model=model, stack=_STACKS.get(name, entry.stack))


def same_to_cloudformation(name: str, other: str) -> bool:
    """Whether two names are the same without hyphens and capitals."""
    return construct_id(name).lower() == construct_id(other).lower()


def construct_id(name: str) -> str:
    """The name as CloudFormation's logical ids have it: `HousePrices` of `house-prices`."""
    return "".join(part.capitalize() for part in name.split("-"))


def _imported(name: str, root: Path, model: str) -> PipelineEntry:
    def define(context: Context) -> ImportedPipeline:
        return ImportedPipeline(read(root, model, name), placement(context))

    return PipelineEntry(define, imported=True, name=name, model=model)


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
    place = entry.place
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
    if loop_names.holds_edits(name):
        yield Problem(
            expected="a name with this ending is that of the pipeline in which edits of another "
            "run by hand",
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
