"""The frame of a pipeline: what its steps are collected in, checked, and written down as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ratchet.authoring import jobs, step_keys
from ratchet.authoring.bundle import REQUIREMENTS, Bundle
from ratchet.authoring.checks import check
from ratchet.authoring.context import Context
from ratchet.authoring.errors import BundleError, DefinitionError, Problem
from ratchet.authoring.handles import Step
from ratchet.authoring.notebook_file import is_notebook
from ratchet.authoring.options import JobOptions, refuse_others
from ratchet.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from ratchet.authoring.variables import (
    Operand,
    Parameter,
    Scalar,
    execution,
    render,
)
from ratchet.definition.service_model import is_taggable
from ratchet.definition.step_types import row_of
from ratchet.loop import names
from ratchet.machinery import PACKAGES
from ratchet.settings import tags
from ratchet.settings.schema import InstanceSettings, StepSettings

# A check is of what is there now, and the model of a Transform has a new name in every run.
_CACHED = ("Processing", "Training", "Tuning", "AutoML")

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
        self._taken: dict[str, frozenset[str]] = {}
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

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, those of branches too."""
        return tuple(self._steps)

    @property
    def bundles_of_steps(self) -> Mapping[str, Bundle]:
        """The code of the steps that have any, by their names."""
        return dict(self._bundles)

    @property
    def step_settings(self) -> Mapping[str, frozenset[str]]:
        """The keys of settings that each step takes, by its name."""
        return {step.name: self._taken.get(step.name, frozenset()) for step in self._steps}

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

    def _add_call(
        self,
        handle: type[AnyStep],
        step_type: str,
        name: str,
        arguments: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        takes: type = JobOptions,
        **parts: Any,
    ) -> AnyStep:
        """Adds a step that makes an API call.

        Args:
            handle: what later steps refer to; it takes `parts` beside what every step has.
            options: what the helper was called with, of the kind that it `takes`.
        """
        refuse_others(options, takes)
        arguments = jobs.overlaid(arguments, options.get("job") or {})
        return self._add(
            handle(
                name=name,
                type=step_type,
                arguments=self._tagged(step_type, name, arguments),
                depends_on=options.get("depends_on", ()),
                cache=self._cache(step_type, options.get("cache")),
                retries=options.get("retries", _retries(step_type)),
                **parts,
            )
        )

    def _job_settings(
        self,
        step: str,
        options: JobOptions,
        *,
        takes: frozenset[str] = step_keys.OF_PROCESSING,
        instances: InstanceSettings | None = None,
    ) -> jobs.JobSettings:
        """What the settings say of a step's job, and over it what its code says.

        Args:
            takes: the keys of settings that this kind of job has an argument for.
            instances: what it runs on unless settings or code say so.
        """
        settings = self._settings_of(step, takes)
        if instances is not None:
            settings = settings.over(instances)
        return jobs.JobSettings(
            role_arn=self.ctx.role_arn,
            compute=options.get("compute") or settings,
            output_key_arn=self.ctx.output_key_arn,
            environment={**settings.environment, **(options.get("environment") or {})},
            network=jobs.network_of(settings),
        )

    def _settings_of(self, step: str, takes: frozenset[str]) -> StepSettings:
        """What the settings say of a step, of which it takes these keys."""
        self._taken[step] = self._taken.get(step, frozenset()) | takes
        return self.ctx.settings.step(step)

    def _image(self, step: str, image: str | None, otherwise: str | None = None) -> str:
        """The image of a step: its code's, or its settings', or `otherwise`, or that of all
        steps."""
        own = self._settings_of(step, step_keys.IMAGE).image_uri
        return image or own or otherwise or self.ctx.image

    def _run_uri(self, step: str, *path: str) -> Operand:
        """Where a step of one run writes."""
        return jobs.run_uri(self.ctx.artifacts_uri, self.name, step, *path)

    def _output_uris(self, step: str, outputs: Sequence[str]) -> list[tuple[str, Operand]]:
        return [(output, self._run_uri(step, output)) for output in outputs]

    def _aws_image(self, step: str, image: str | None, aws: str | None, what: str) -> str:
        """The image of a step that AWS has one for, in some regions."""
        own = self._settings_of(step, step_keys.IMAGE).image_uri
        if not (image or own or aws):
            region = self.ctx.settings.region
            expected = f"no {what} image is known in {region}"
            fix = f"pass image=…, or set image_uri in [steps.{step}]"
            self._refuse(step, "image", None, expected, fix)
        return image or own or aws or self.ctx.image

    def _cache(self, step_type: str, cache: str | None) -> str:
        if cache is None:
            return self.ctx.settings.cache_expire_after if step_type in _CACHED else ""
        return cache

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
        runs_notebooks: bool = False,
    ) -> Bundle:
        try:
            _refuse_other_code(script, runs_notebooks)
            bundle = self.ctx.bundler(
                Path(script),
                root=self.ctx.source,
                include=tuple(Path(path) for path in include),
            )
        except BundleError as error:
            self._refuse(step, "script", script, str(error))
            # Stands in for the code, so that the other arguments can be checked as well.
            name = Path(script).name
            bundle = Bundle(name=Path(script).stem, entry=name, files={}, is_folder=runs_notebooks)
        self._bundles[step] = bundle
        return bundle

    def _own_bundle(self, step: str, script: str, *, beside: Path | None = None) -> Bundle:
        """The bundle of a script of Ratchet's own: of the package, and of nothing beside it but a
        file of the project's and what that imports."""
        bundle = self.ctx.bundler(
            Path(script), root=PACKAGES, imports_from=Path(), only=("ratchet",)
        )
        if beside is not None:
            try:
                project = self.ctx.bundler(beside, root=self.ctx.source, include=())
                bundle = replace(bundle, files={**project.files, **bundle.files})
            except BundleError as error:
                self._refuse(step, "script", str(beside), str(error))
        self._bundles[step] = bundle
        return bundle

    def _script(self, bundle: Bundle, image: str) -> jobs.Script:
        return jobs.Script(
            image=image,
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            has_requirements=REQUIREMENTS in bundle.files,
        )

    def _tagged(self, step_type: str, step: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments with the tags that tell the job's cost apart, and those they have."""
        if not is_taggable(step_type):
            return arguments
        present = list(arguments.get("Tags", ()))
        keys = {tag.get("Key") for tag in present}
        cost_tags: dict[str, Operand] = {
            **self.ctx.settings.tags,
            tags.PIPELINE: self.name,
            tags.STEP: step,
            tags.EXPERIMENT: self._experiment,
            tags.RUN: execution.id,
        }
        added = [
            {"Key": key, "Value": value} for key, value in cost_tags.items() if key not in keys
        ]
        return {**arguments, "Tags": [*added, *present]}


def _refuse_other_code(script: str, runs_notebooks: bool) -> None:
    """Raises BundleError for a notebook where a script is wanted, and the other way round."""
    if is_notebook(script) == runs_notebooks:
        return
    if runs_notebooks:
        raise BundleError("expected a notebook, .ipynb; run a script by processing(…)")
    raise BundleError("this step runs a script; run a notebook by notebook(…)")


def _retries(step_type: str) -> Sequence[RetryPolicy]:
    """A job meets faults of the platform; other calls are retried by Pipelines itself."""
    row = row_of(step_type)
    return (PLATFORM_FAULTS,) if row.is_retryable and row.job else ()
