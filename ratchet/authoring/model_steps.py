"""Steps about a model: make it, predict with it, register it, serve it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ratchet.authoring import jobs, model_jobs, step_keys
from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import (
    BaselineStep,
    EndpointConfigStep,
    ModelStep,
    ProcessingStep,
    RegisterStep,
    Step,
    TransformStep,
)
from ratchet.authoring.options import JobOptions, RetryOptions, StepOptions
from ratchet.authoring.variables import Operand, render, text
from ratchet.loop import chains, names
from ratchet.settings.schema import ComputeSettings


class ModelSteps(Draft):
    """Models, predictions, versions and endpoints."""

    def model(
        self,
        name: str,
        *,
        artifact: model_jobs.Artifacts | None = None,
        package: Operand | None = None,
        inference: str = "inference.py",
        image: str | None = None,
        environment: Mapping[str, Operand] | None = None,
        **options: Unpack[RetryOptions],
    ) -> ModelStep:
        """Makes a model that `transform` and `endpoint_config` take by `step.name_property`.

        Args:
            artifact: URI of a model.tar.gz with `code/` in it, or several, as for `register`; or
            package: ARN of a version in the registry: one of the two.
            inference: the script in each artifact's `code/` that serves it.
            image: as for `register`, and before it what the settings say of this step.
        """
        if (artifact is None) == (package is None):
            self._refuse(name, "artifact", None, "give either artifact or package")
        if package is not None:
            containers: list[dict[str, Any]] = [{"ModelPackageName": package}]
        else:
            artifacts = self._chain(name, "artifact", artifact or "")
            images = [self._image(name, image, self._serving_image(each)) for each in artifacts]
            containers = model_jobs.model_containers(artifacts, images, inference)
        settings = self._settings_of(name, step_keys.OF_MODEL)
        if every := {**settings.environment, **(environment or {})}:
            variables = {key: text(value) for key, value in every.items()}
            for container in containers:
                container["Environment"] = {**container.get("Environment", {}), **variables}
        served = {"PrimaryContainer": containers[0]}
        arguments = {
            "ExecutionRoleArn": self.ctx.role_arn,
            **(served if len(containers) == 1 else {"Containers": containers}),
            **jobs.vpc_config(jobs.network_of(settings)),
        }
        return self._add_call(ModelStep, "Model", name, arguments, options, takes=RetryOptions)

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
        **options: Unpack[JobOptions],
    ) -> TransformStep:
        """Predicts for all rows below a URI, in batches; `step.output_uri` has a file for each.

        Args:
            split: a line is a record; otherwise a file is.
            join_input: each record's prediction is written behind the record.
            input_filter, output_filter: JSONPath of what of a record the model gets, and what is
                written (developer guide, "Associate Prediction Results with Input Records").
        """
        job = model_jobs.transform_job(
            self._job_settings(name, options, takes=step_keys.OF_TRANSFORM),
            model=model.name_property if isinstance(model, ModelStep) else model,
            data=data,
            output_uri=self._run_uri(name),
            content_type=content_type,
            accept=accept or content_type,
            split=split,
            batch=batch,
            payload_mb=payload_mb,
        )
        processing = {
            "InputFilter": input_filter,
            "OutputFilter": output_filter,
            "JoinSource": "Input" if join_input else None,
        }
        if chosen := {key: value for key, value in processing.items() if value is not None}:
            job["DataProcessing"] = chosen
        return self._add_call(TransformStep, "Transform", name, job, options)

    def register(
        self,
        name: str,
        model: model_jobs.Artifacts,
        *,
        metrics: ProcessingStep | None = None,
        baselines: Sequence[BaselineStep] = (),
        group: str | None = None,
        inference: str = "inference.py",
        metadata: Mapping[str, Operand] | None = None,
        description: Operand | None = None,
        image: str | None = None,
        **options: Unpack[RetryOptions],
    ) -> RegisterStep:
        """Registers a version of the model, approved or waiting for it, as the settings say.

        Args:
            model: URI of its artifact, such as `train.model`; or those of a chain of containers, of
                which each gets the answer of the one before: `[preprocess.model, train.model]`.
                Give `evaluate` the same as `candidate`.
            metrics: the step whose report becomes the version's model quality.
            baselines: what the version's traffic is compared with. One of answers has the
                statistics of model quality, and takes the place of `metrics`.
            metadata: customer metadata (values end as texts of 1 to 256 characters); the digests
                of the code of the steps so far are added as `code-<step>`.
            inference: the script in each artifact's `code/` that serves it.
            image: what serves it; `[endpoint] image_uri` unless given, or the image that the step
                which made the model trained in, each of a chain in its own.
            options: see `RetryOptions`.
        """
        code = {f"code-{step}": bundle.digest for step, bundle in self._bundles.items()}
        documents = {step.kind: step.documents for step in baselines}
        report = {"ModelQuality": {"Statistics": metrics.report_uri()}} if metrics else {}
        artifacts = self._chain(name, "model", model)
        images = [image or self._serving_image(each) for each in artifacts]
        automatic = self.ctx.settings.approval == "automatic"
        arguments = model_jobs.model_package(
            group=group or self.ctx.model_group,
            containers=model_jobs.model_containers(artifacts, images, inference),
            approval="Approved" if automatic else "PendingManualApproval",
            metrics={**report, **documents},
            baselines=documents,
            metadata={**(metadata or {}), **code},
            description=description,
        )
        return self._add_call(
            RegisterStep, "RegisterModel", name, arguments, options, takes=RetryOptions
        )

    def endpoint_config(
        self,
        name: str,
        *,
        model: ModelStep | Operand,
        config_name: Operand,
        compute: ComputeSettings | None = None,
        variant: str = names.VARIANT,
        **options: Unpack[StepOptions],
    ) -> EndpointConfigStep:
        """An endpoint's configuration. Runs on AWS only; what serves the champion of the loop is
        the serving stack's, which updates it with a way back."""
        instances = compute or self._settings_of(name, step_keys.INSTANCES)
        production = {
            "VariantName": variant,
            "ModelName": model.name_property if isinstance(model, ModelStep) else model,
            "InstanceType": instances.instance_type,
            "InitialInstanceCount": instances.instance_count,
        }
        arguments = {"EndpointConfigName": config_name, "ProductionVariants": [production]}
        return self._add_call(
            EndpointConfigStep, "EndpointConfig", name, arguments, options, takes=StepOptions
        )

    def endpoint(
        self,
        name: str,
        *,
        config: EndpointConfigStep | Operand,
        endpoint_name: Operand,
        **options: Unpack[StepOptions],
    ) -> Step:
        """Creates an endpoint, or updates the one of that name. Runs on AWS only."""
        arguments = {
            "EndpointName": endpoint_name,
            "EndpointConfigName": config.config_name
            if isinstance(config, EndpointConfigStep)
            else config,
        }
        return self._add_call(Step, "Endpoint", name, arguments, options, takes=StepOptions)

    # -- inside

    def _chain(
        self, step: str, argument: str, artifacts: model_jobs.Artifacts
    ) -> Sequence[Operand]:
        chain = model_jobs.listed(artifacts)
        if not 1 <= len(chain) <= chains.LONGEST:
            expected = f"a model has 1 to {chains.LONGEST} containers"
            self._refuse(step, argument, f"{len(chain)} artifacts", expected)
        return chain or [""]

    def _serving_image(self, model: Operand | None) -> str:
        """What serves a model, unless its step says so."""
        serving = self.ctx.settings.endpoint.image_uri
        return serving or self._trained_in(model) or self.ctx.image

    def _trained_in(self, model: Operand | None) -> str | None:
        """The image of the step that a model comes from."""
        names_of_steps = set(re.findall(r'"Steps\.([\w-]+)', json.dumps(render(model))))
        for step in self._steps:
            job = step.arguments.get("TrainingJobDefinition", step.arguments)
            algorithm = job.get("AlgorithmSpecification", {})
            if step.name in names_of_steps and "TrainingImage" in algorithm:
                return str(algorithm["TrainingImage"])
        return None
