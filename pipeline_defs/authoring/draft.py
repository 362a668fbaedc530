"""The frame of a pipeline: what its steps are collected in, checked, and written down as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from config import tags
from config.settings import ComputeSettings
from pipeline_defs.authoring import jobs
from pipeline_defs.authoring.bundle import Bundle
from pipeline_defs.authoring.checks import check
from pipeline_defs.authoring.context import Context
from pipeline_defs.authoring.errors import BundleError, DefinitionError, Problem, did_you_mean
from pipeline_defs.authoring.handles import Step
from pipeline_defs.authoring.variables import (
    Operand,
    Parameter,
    Scalar,
    execution,
    render,
)
from ratchet.definition.service_model import is_taggable
from ratchet.loop import names

AnyStep = TypeVar("AnyStep", bound=Step)


class Draft:
    """Parameters and steps in the order in which they are named, and the problems found so far."""

    def __init__(self, kind: str, ctx: Context) -> None:
        self.kind, self.ctx = kind, ctx
        self.name = ctx.settings.pipeline_name(kind)
        self._parameters: list[Parameter] = []
        self._steps: list[Step] = []
        self._branched: set[int] = set()
        self._bundles: dict[str, Bundle] = {}
        self._problems: list[Problem] = []
        self._experiment = self.string(names.EXPERIMENT_PARAMETER, default=ctx.settings.experiment)

    # -- parameters

    def string(
        self, name: str, *, default: str | None = None, choices: Sequence[str] | None = None
    ) -> Parameter:
        return self._parameter(name, "String", default, choices)

    def number(self, name: str, *, default: float | None = None) -> Parameter:
        return self._parameter(name, "Float", default)

    def integer(self, name: str, *, default: int | None = None) -> Parameter:
        return self._parameter(name, "Integer", default)

    def boolean(self, name: str, *, default: bool | None = None) -> Parameter:
        return self._parameter(name, "Boolean", default)

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """What must be at `ctx.bundle_uri(bundle)` before the pipeline runs, each once."""
        return tuple({bundle.digest: bundle for bundle in self._bundles.values()}.values())

    def definition(self) -> dict[str, Any]:
        """SageMaker's pipeline definition.

        Raises:
            DefinitionError: with every problem that was found.
        """
        definition = {
            "Version": "2020-12-01",
            "Metadata": {},
            "Parameters": [parameter.declaration() for parameter in self._parameters],
            "PipelineExperimentConfig": {
                "ExperimentName": render(self._experiment),
                "TrialName": render(execution.id),
            },
            "Steps": [step.to_json() for step in self._steps if id(step) not in self._branched],
        }
        problems = check(definition, name=self.name, earlier=self._problems)
        if problems:
            raise DefinitionError(self.name, problems)
        return definition

    def to_json(self, *, indent: int | None = None) -> str:
        """The definition as text: the same bytes for the same input."""
        separators = (",", ":") if indent is None else None
        return json.dumps(self.definition(), indent=indent, separators=separators)

    # -- inside

    def _parameter(
        self,
        name: str,
        kind: str,
        default: Scalar | None,
        choices: Sequence[Scalar] | None = None,
    ) -> Parameter:
        parameter = Parameter(name, kind, default=default, choices=choices)
        self._parameters.append(parameter)
        return parameter

    def _add(self, step: AnyStep) -> AnyStep:
        self._steps.append(step)
        return step

    def _run_uri(self, step: str, *path: str) -> Operand:
        """Where a step of one run writes."""
        return jobs.run_uri(self.ctx.artifacts_uri, self.name, step, *path)

    def _output_uris(self, step: str, outputs: Sequence[str]) -> list[tuple[str, Operand]]:
        return [(output, self._run_uri(step, output)) for output in outputs]

    def _aws_image(self, step: str, found: str | None, what: str) -> str:
        """AWS's image, where the region has one."""
        if found is None:
            region = self.ctx.settings.region
            expected = f"no {what} image is known in {region}"
            self._refuse(step, "image", None, expected, "pass image=…")
        return found or self.ctx.image

    def _cache(self, cache: str | None) -> str:
        return self.ctx.settings.cache_expire_after if cache is None else cache

    def _refuse(self, step: str, argument: str, value: Any, expected: str, fix: str = "") -> None:
        self._problems.append(
            Problem(step=step, argument=argument, value=value, expected=expected, fix=fix)
        )

    def _bundle(
        self,
        step: str,
        script: str,
        *,
        include: Sequence[str] = (),
        imports_from: Path | None = None,
    ) -> Bundle:
        try:
            bundle = self.ctx.bundler(
                Path(script),
                root=self.ctx.source,
                include=tuple(Path(path) for path in include),
                imports_from=imports_from,
            )
        except BundleError as error:
            self._refuse(step, "script", script, str(error))
            # Stands in for the code, so that the other arguments can be checked as well.
            bundle = Bundle(name=Path(script).stem, entry=Path(script).name, files={})
        self._bundles[step] = bundle
        return bundle

    def _compute(self, step: str, compute: ComputeSettings | None) -> ComputeSettings:
        found = compute or getattr(self.ctx.settings.steps, step, None)
        if not isinstance(found, ComputeSettings):
            known = list(vars(self.ctx.settings.steps))
            self._refuse(
                step,
                "compute",
                None,
                f"the settings have no [steps.{step}] (they have: {', '.join(known)})",
                f"pass compute=ComputeSettings(…); {did_you_mean(step, known)}",
            )
            return ComputeSettings()
        return found

    def _tagged(self, step_type: str, step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments with the tags by which the job's cost is told apart, and its own."""
        if not is_taggable(step_type):
            return arguments
        own = list(arguments.get("Tags", ()))
        taken = {tag.get("Key") for tag in own}
        ours: dict[str, Operand] = {
            **self.ctx.settings.tags,
            tags.PIPELINE: self.name,
            tags.STEP: step,
            tags.EXPERIMENT: self._experiment,
            tags.RUN: execution.id,
        }
        added = [{"Key": key, "Value": value} for key, value in ours.items() if key not in taken]
        return {**arguments, "Tags": [*added, *own]}
