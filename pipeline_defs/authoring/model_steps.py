"""Steps about a model: make it, predict with it, register it, serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.settings import ComputeSettings
from pipeline_defs.authoring import jobs
from pipeline_defs.authoring.draft import Draft
from pipeline_defs.authoring.handles import (
    After,
    BaselineStep,
    EndpointConfigStep,
    ModelStep,
    ProcessingStep,
    RegisterStep,
    Step,
    TransformStep,
)
from pipeline_defs.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from pipeline_defs.authoring.variables import Operand, text
from ratchet.loop import names


class ModelSteps(Draft):
    """Models, predictions, versions and endpoints."""

    def model(
        self,
        name: str,
        *,
        artifact: Operand | None = None,
        package: Operand | None = None,
        inference: str = "inference.py",
        image: str | None = None,
        environment: Mapping[str, Operand] | None = None,
        retries: Sequence[RetryPolicy] = (),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> ModelStep:
        """Makes a model that `transform` and `endpoint_config` take by `step.name_property`.

        Args:
            artifact: URI of a model.tar.gz with `code/` in it, or
            package: ARN of a version in the registry: one of the two.
            inference: the script in the artifact's `code/` that serves it.
        """
        if (artifact is None) == (package is None):
            self._refuse(name, "artifact", None, "give either artifact or package")
        if package is not None:
            container: dict[str, Any] = {"ModelPackageName": package}
        else:
            container = jobs.model_container(image or self.ctx.image, artifact or "", inference)
        if environment:
            given = {key: text(value) for key, value in environment.items()}
            container["Environment"] = {**container.get("Environment", {}), **given}
        made = {"ExecutionRoleArn": self.ctx.role_arn, "PrimaryContainer": container}
        return self._add(
            ModelStep(
                name=name,
                type="Model",
                arguments=self._tagged("Model", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                retries=retries,
            )
        )

    def transform(
        self,
        name: str,
        *,
        model: ModelStep | Operand,
        data: Operand | jobs.Input,
        content_type: str = "text/csv",
        accept: str | None = None,
        split: bool = True,
        join_input: bool = False,
        input_filter: str | None = None,
        output_filter: str | None = None,
        batch: str = "MultiRecord",
        payload_mb: int | None = None,
        environment: Mapping[str, Operand] | None = None,
        compute: ComputeSettings | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> TransformStep:
        """Predicts for all rows below a URI, in batches; `step.output_uri` has a file for each.

        Args:
            split: a line is a record; otherwise a file is.
            join_input: each record's prediction is written behind the record.
            input_filter, output_filter: JSONPath of what of a record the model gets, and what is
                written (developer guide, "Associate Prediction Results with Input Records").
        """
        found = model.name_property if isinstance(model, ModelStep) else model
        made = jobs.transform_job(
            model=found,
            data=data,
            output_uri=self._run_uri(name),
            output_key_arn=self.ctx.output_key_arn,
            compute=self._compute(name, compute),
            content_type=content_type,
            accept=accept or content_type,
            split=split,
            batch=batch,
            payload_mb=payload_mb,
            environment=environment or {},
        )
        processing = {
            "InputFilter": input_filter,
            "OutputFilter": output_filter,
            "JoinSource": "Input" if join_input else None,
        }
        if given := {key: value for key, value in processing.items() if value is not None}:
            made["DataProcessing"] = given
        return self._add(
            TransformStep(
                name=name,
                type="Transform",
                arguments=self._tagged("Transform", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                # A model made in this run has a new name each time: nothing could ever hit.
                cache="" if cache is None else cache,
                retries=retries,
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

    def endpoint_config(
        self,
        name: str,
        *,
        model: ModelStep | Operand,
        config_name: Operand,
        compute: ComputeSettings | None = None,
        variant: str = names.VARIANT,
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> EndpointConfigStep:
        """An endpoint's configuration. Runs on AWS only; what serves the champion of the loop is
        the serving stack's, which updates it with a way back."""
        compute = self._compute(name, compute)
        production = {
            "VariantName": variant,
            "ModelName": model.name_property if isinstance(model, ModelStep) else model,
            "InstanceType": compute.instance_type,
            "InitialInstanceCount": compute.instance_count,
        }
        made = {"EndpointConfigName": config_name, "ProductionVariants": [production]}
        return self._add(
            EndpointConfigStep(
                name=name,
                type="EndpointConfig",
                arguments=self._tagged("EndpointConfig", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
            )
        )

    def endpoint(
        self,
        name: str,
        *,
        config: EndpointConfigStep | Operand,
        endpoint_name: Operand,
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> Step:
        """Creates an endpoint, or updates the one of that name. Runs on AWS only."""
        found = config.config_name if isinstance(config, EndpointConfigStep) else config
        made = {"EndpointName": endpoint_name, "EndpointConfigName": found}
        return self._add(
            Step(
                name=name,
                type="Endpoint",
                arguments=self._tagged("Endpoint", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
            )
        )
