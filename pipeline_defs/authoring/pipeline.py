"""The steps of a pipeline as they are written down: prepare, train, a baseline, a gate …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.settings import ComputeSettings
from pipeline_defs.authoring import analysis, jobs
from pipeline_defs.authoring.analysis import Analysis, Traffic
from pipeline_defs.authoring.bundle import Bundle
from pipeline_defs.authoring.draft import Draft
from pipeline_defs.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from pipeline_defs.authoring.steps import (
    BaselineStep,
    GateStep,
    InvokeStep,
    ProcessingStep,
    RegisterStep,
    Step,
    TrainingStep,
)
from pipeline_defs.authoring.variables import Condition, Operand, join

Steps = Step | Sequence[Step]
After = Sequence[Step | str]


class Pipeline(Draft):
    """Collects parameters and steps; `definition()` checks them all and gives SageMaker's JSON.

    Steps run as soon as what they refer to is there; `depends_on` adds an order that no reference
    shows. Processing and training steps are cached for as long as the settings say: `cache="P7D"`
    says otherwise for one step, `cache=""` turns it off.
    """

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
        bundle = self._bundle(name, script, include=include)
        made = self._processing_job(
            name,
            bundle,
            inputs=inputs,
            outputs=outputs,
            arguments=[*jobs.folder_arguments(inputs, outputs), *arguments],
            environment=environment or {},
            compute=self._compute(name, compute),
            image=image,
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

    def baseline(
        self,
        name: str,
        *,
        of: Operand | jobs.Input,
        exclude: Sequence[str] = (),
        label: str | None = None,
        probability: str = "probability",
        cache: str | None = None,
        depends_on: After = (),
    ) -> BaselineStep:
        """Describes data for later data to be compared with; give it to `register`.

        Args:
            of: URI of CSV files with a header.
            exclude: columns that requests will not carry.
            label: the rows are a classifier's answers (`probability`) beside this column, and the
                baseline is of how good they are.
        """
        if label is None:
            kind = "ModelDataQuality"
            threshold = self.ctx.settings.monitor.comparison_threshold
            made = analysis.data_baseline(of=of, exclude=exclude, threshold=threshold)
        else:
            kind = "ModelQuality"
            made = analysis.quality_baseline(of=of, label=label, probability=probability)
        return self._add(BaselineStep(kind=kind, **self._analysis(name, made, cache, depends_on)))

    def comparison(
        self,
        name: str,
        *,
        of: Traffic,
        baseline: Operand,
        exclude: Sequence[str] = (),
        labels: Operand | jobs.Input | None = None,
        cache: str | None = None,
        depends_on: After = (),
    ) -> ProcessingStep:
        """Compares captured traffic with a baseline; `step.metric("outcome")` says what came of it.

        Args:
            baseline: URI of the folder that a baseline step wrote.
            exclude: columns of requests to leave alone.
            labels: ground truth; the answers are then compared with it, and how good they are with
                the baseline of that.
        """
        rows = self.ctx.settings.monitor.minimum_rows
        if labels is None:
            made = analysis.data_comparison(
                of, baseline=baseline, exclude=exclude, minimum_rows=rows
            )
        else:
            made = analysis.quality_comparison(
                of, baseline=baseline, labels=labels, minimum_rows=rows
            )
        return self._add(ProcessingStep(**self._analysis(name, made, cache, depends_on)))

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
        bundle = self._bundle(name, script, include=include)
        arguments = jobs.training_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            output_key_arn=self.ctx.output_key_arn,
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
        baselines: Sequence[BaselineStep] = (),
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
            baselines: what the version's traffic is compared with. One of answers has the
                statistics of model quality, and takes the place of `metrics`.
            metadata: customer metadata (values end as texts of 1 to 256 characters); the digests
                of the code of the steps so far are added as `code-<step>`.
            job: further CreateModelPackage arguments, laid over the ones made here.
        """
        code = {f"code-{step}": bundle.digest for step, bundle in self._bundles.items()}
        found = {step.kind: step.documents for step in baselines}
        report = {"ModelQuality": {"Statistics": metrics.report_uri()}} if metrics else {}
        automatic = self.ctx.settings.approval == "automatic"
        arguments = jobs.model_package(
            group=group or self.ctx.model_group,
            image=image or self.ctx.image,
            model=model,
            inference=inference,
            approval="Approved" if automatic else "PendingManualApproval",
            metrics={**report, **found},
            baselines=found,
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

    # -- inside

    def _analysis(
        self, name: str, made: Analysis, cache: str | None, depends_on: After
    ) -> dict[str, Any]:
        """What a step that runs the analyzer is made of."""
        job = self._processing_job(
            name,
            self._bundle(name, analysis.SCRIPT, imports_from=analysis.IMPORTS_FROM),
            inputs=made.inputs,
            outputs=[made.output],
            arguments=made.arguments,
            environment={},
            compute=self.ctx.settings.monitor.compute,
            image=None,
        )
        return {
            "name": name,
            "type": "Processing",
            "arguments": self._tagged("Processing", name, job),
            "depends_on": depends_on,
            "cache": self._cache(cache),
            "retries": (PLATFORM_FAULTS,),
            "more": {"PropertyFiles": jobs.property_files(made.reports)},
            "reports": made.reports,
        }

    def _processing_job(
        self,
        name: str,
        bundle: Bundle,
        *,
        inputs: Mapping[str, Operand | jobs.Input],
        outputs: Sequence[str],
        arguments: Sequence[Operand],
        environment: Mapping[str, Operand],
        compute: ComputeSettings,
        image: str | None,
    ) -> dict[str, Any]:
        to = [(o, jobs.run_uri(self.ctx.artifacts_uri, self.name, name, o)) for o in outputs]
        return jobs.processing_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=compute,
            output_key_arn=self.ctx.output_key_arn,
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            inputs=inputs,
            outputs=to,
            arguments=arguments,
            environment=environment,
        )


def _listed(steps: Steps) -> list[Step]:
    return [steps] if isinstance(steps, Step) else list(steps)
