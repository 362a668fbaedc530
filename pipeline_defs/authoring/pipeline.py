"""A pipeline as it is written down: parameters, steps, a gate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from config import tags
from config.settings import ComputeSettings
from pipeline_defs.authoring import jobs, schema
from pipeline_defs.authoring.bundle import Bundle, bundle_script
from pipeline_defs.authoring.checks import check
from pipeline_defs.authoring.context import Context
from pipeline_defs.authoring.errors import BundleError, DefinitionError, Problem, did_you_mean
from pipeline_defs.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from pipeline_defs.authoring.steps import (
    GateStep,
    InvokeStep,
    ProcessingStep,
    RegisterStep,
    Step,
    TrainingStep,
)
from pipeline_defs.authoring.variables import (
    Condition,
    Operand,
    Parameter,
    Scalar,
    execution,
    join,
    render,
)

Steps = Step | Sequence[Step]
After = Sequence[Step | str]
AnyStep = TypeVar("AnyStep", bound=Step)


class Pipeline:
    """Collects parameters and steps; `definition()` checks them all and gives SageMaker's JSON.

    Steps run as soon as what they refer to is there; `depends_on` adds an order that no reference
    shows. Processing and training steps are cached for as long as the settings say: `cache="P7D"`
    says otherwise for one step, `cache=""` turns it off.
    """

    def __init__(self, kind: str, ctx: Context) -> None:
        self.kind, self.ctx = kind, ctx
        self.name = ctx.settings.pipeline_name(kind)
        self._parameters: list[Parameter] = []
        self._steps: list[Step] = []
        self._branched: set[int] = set()
        self._bundles: dict[str, Bundle] = {}
        self._problems: list[Problem] = []
        self._experiment = self.string("Experiment", default=ctx.settings.experiment)

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

    # -- steps

    def processing(
        self,
        name: str,
        script: str,
        *,
        inputs: Mapping[str, Operand | jobs.Input],
        outputs: Sequence[str],
        reports: Mapping[str, str] | None = None,
        arguments: Sequence[Operand] = (),
        environment: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        compute: ComputeSettings | None = None,
        image: str | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> ProcessingStep:
        """Runs a script.

        Args:
            inputs: name → URI (or `manifest(uri)`); the script gets each as `--<name> <folder>`.
            outputs: names; the script gets each as `--<name> <folder>`.
            reports: name → `<output>/<path>` of a JSON file, for `step.metric("path.in.it")`.
            arguments: what the script gets after its folders.
            include: files beside the script that it needs but does not import.
            compute: the settings' entry for the step's name, unless given.
            job: further CreateProcessingJob arguments, laid over the ones made here.
        """
        bundle = self._bundle(name, script, include)
        to = [(o, jobs.run_uri(self.ctx.artifacts_uri, self.name, name, o)) for o in outputs]
        made = jobs.processing_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            inputs=inputs,
            outputs=to,
            arguments=arguments,
            environment=environment or {},
        )
        return self._add(
            ProcessingStep(
                name=name,
                type="Processing",
                arguments=self._tagged("Processing", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
                more={"PropertyFiles": jobs.property_files(reports)} if reports else {},
                reports=reports or {},
            )
        )

    def training(
        self,
        name: str,
        script: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        environment: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        compute: ComputeSettings | None = None,
        image: str | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> TrainingStep:
        """Trains a model with a script; `step.model` is the artifact it leaves in SM_MODEL_DIR.

        Args:
            channels: name → URI (or `manifest(uri)`), at SM_CHANNEL_<NAME>.
            hyperparameters: the script gets each as `--<name> <value>`.
            include, compute, job: as for `processing`.
        """
        bundle = self._bundle(name, script, include)
        arguments = jobs.training_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            channels=channels,
            output_uri=jobs.run_uri(self.ctx.artifacts_uri, self.name, name),
            hyperparameters=hyperparameters or {},
            environment=environment or {},
        )
        return self._add(
            TrainingStep(
                name=name,
                type="Training",
                arguments=self._tagged("Training", name, jobs.overlaid(arguments, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
            )
        )

    def invoke(
        self,
        name: str,
        function_arn: str,
        *,
        returns: Sequence[str] | Mapping[str, str],
        arguments: Mapping[str, Operand] | None = None,
        depends_on: After = (),
    ) -> InvokeStep:
        """Invokes a Lambda function; never cached.

        Args:
            returns: keys of its answer, all Strings, or key → String, Integer, Float, Boolean.
            arguments: its event, flat.
        """
        types = returns if isinstance(returns, Mapping) else dict.fromkeys(returns, "String")
        answer = [{"OutputName": key, "OutputType": kind} for key, kind in types.items()]
        return self._add(
            InvokeStep(
                name=name,
                type="Lambda",
                arguments=arguments or {},
                depends_on=depends_on,
                more={"FunctionArn": function_arn, "OutputParameters": answer},
            )
        )

    def register(
        self,
        name: str,
        model: Operand,
        *,
        metrics: ProcessingStep | None = None,
        group: str | None = None,
        inference: str = "inference.py",
        metadata: Mapping[str, Operand] | None = None,
        description: Operand | None = None,
        image: str | None = None,
        retries: Sequence[RetryPolicy] = (),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> RegisterStep:
        """Registers a version of the model, approved or waiting for it, as the settings say.

        Args:
            metrics: the step whose report becomes the version's model quality.
            metadata: customer metadata (values end as texts of 1 to 256 characters); the digests
                of the code of the steps so far are added as `code-<step>`.
            job: further CreateModelPackage arguments, laid over the ones made here.
        """
        code = {f"code-{step}": bundle.digest for step, bundle in self._bundles.items()}
        automatic = self.ctx.settings.approval == "automatic"
        arguments = jobs.model_package(
            group=group or self.ctx.model_group,
            image=image or self.ctx.image,
            model=model,
            inference=inference,
            approval="Approved" if automatic else "PendingManualApproval",
            statistics=metrics.report_uri() if metrics else None,
            metadata={**(metadata or {}), **code},
            description=description,
        )
        return self._add(
            RegisterStep(
                name=name,
                type="RegisterModel",
                arguments=jobs.overlaid(arguments, job or {}),
                depends_on=depends_on,
                retries=retries,
            )
        )

    def halt(self, *message: Operand, name: str = "halt", depends_on: After = ()) -> Step:
        """Fails the run with a message; its parts are joined by spaces."""
        arguments = {"ErrorMessage": join(*message, on=" ")}
        return self._add(Step(name=name, type="Fail", arguments=arguments, depends_on=depends_on))

    def gate(
        self,
        name: str,
        *conditions: Condition,
        then: Steps = (),
        otherwise: Steps = (),
        depends_on: After = (),
    ) -> GateStep:
        """Runs the steps of `then` if every condition holds, else those of `otherwise`."""
        branches = [_listed(then), _listed(otherwise)]
        self._branched.update(id(step) for branch in branches for step in branch)
        return self._add(
            GateStep(
                name=name,
                type="Condition",
                arguments={"Conditions": list(conditions)},
                depends_on=depends_on,
                then=branches[0],
                otherwise=branches[1],
            )
        )

    def step(
        self,
        name: str,
        type: str,  # noqa: A002 (SageMaker's word for it)
        arguments: Mapping[str, Any],
        *,
        cache: str = "",
        retries: Sequence[RetryPolicy] = (),
        depends_on: After = (),
        **more: Any,
    ) -> Step:
        """A step of any type, in SageMaker's own words; checked like the others as far as
        botocore knows the type. `more` are keys beside Arguments, such as `ClusterId`."""
        return self._add(
            Step(
                name=name,
                type=type,
                arguments=self._tagged(type, name, arguments),
                depends_on=depends_on,
                cache=cache,
                retries=retries,
                more=more,
            )
        )

    # -- what comes of it

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
        problems = check(definition, name=self.name, found=self._problems)
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

    def _cache(self, cache: str | None) -> str:
        return self.ctx.settings.cache_expire_after if cache is None else cache

    def _refuse(self, step: str, argument: str, value: Any, expected: str, fix: str = "") -> None:
        self._problems.append(
            Problem(step=step, argument=argument, value=value, expected=expected, fix=fix)
        )

    def _bundle(self, step: str, script: str, include: Sequence[str]) -> Bundle:
        try:
            bundle = bundle_script(
                Path(script), root=self.ctx.source, include=[Path(path) for path in include]
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
        if not schema.is_taggable(step_type):
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


def _listed(steps: Steps) -> list[Step]:
    return [steps] if isinstance(steps, Step) else list(steps)
