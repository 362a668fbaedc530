"""Steps that train: a script, a built-in algorithm, a search, Autopilot, a job of a category."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ratchet.authoring import jobs, step_keys
from ratchet.authoring.bundle import Bundle
from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import Step, TrainingStep, TuningStep
from ratchet.authoring.options import (
    CachedOptions,
    JobOptions,
    SearchOptions,
    StepOptions,
)
from ratchet.authoring.search import Objective, Range, tuning_job
from ratchet.authoring.variables import Operand


class TrainingSteps(Draft):
    """Scripts, algorithms and searches."""

    def training(
        self,
        name: str,
        script: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        metrics: Mapping[str, str] | None = None,
        include: Sequence[str] = (),
        image: str | None = None,
        **options: Unpack[JobOptions],
    ) -> TrainingStep:
        """Trains a model with a script; `step.model` is the artifact it leaves in SM_MODEL_DIR.

        Args:
            channels: name → URI (or `manifest(uri)`), at SM_CHANNEL_<NAME>.
            hyperparameters: the script gets each as `--<name> <value>`.
            metrics: name → a regular expression that finds it in the log, with one group.
            include: as for `processing`.
            options: see `JobOptions`.
        """
        job = self._training_job(
            name,
            self._bundle(name, script, include=include),
            options,
            channels=channels,
            hyperparameters=hyperparameters or {},
            metrics=metrics or {},
            image=image,
        )
        return self._add_call(TrainingStep, "Training", name, job, options)

    def algorithm(
        self,
        name: str,
        image: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        metrics: Mapping[str, str] | None = None,
        **options: Unpack[JobOptions],
    ) -> TrainingStep:
        """Trains with a built-in algorithm, or whatever training program the image has.

        Its channels want a content type as a rule: `Input(uri, content_type="text/csv")`.
        """
        job = jobs.algorithm_job(
            self._job_settings(name, options, takes=step_keys.OF_TRAINING),
            image=image,
            channels=channels,
            output_uri=self._run_uri(name),
            checkpoints_uri=self._checkpoints_uri(name, ""),
            hyperparameters=hyperparameters or {},
            metrics=metrics or {},
        )
        return self._add_call(TrainingStep, "Training", name, job, options)

    def tune(
        self,
        name: str,
        script: str,
        *,
        ranges: Mapping[str, Range],
        objective: Objective,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        image: str | None = None,
        **options: Unpack[SearchOptions],
    ) -> TuningStep:
        """Trains the script with hyperparameters from `ranges` and keeps the best model.

        Args:
            ranges: hyperparameter → `integer(…)`, `continuous(…)` or `categorical(…)`.
            objective: `maximize(metric, regex)` or `minimize(…)`: found in the script's log.
            hyperparameters: those that stay the same.
            options: see `SearchOptions`.
        """
        training = self._training_job(
            name,
            self._bundle(name, script, include=include),
            options,
            channels=channels,
            hyperparameters=hyperparameters or {},
            metrics={objective.metric: objective.regex},
            image=image,
        )
        search = tuning_job(training, ranges=ranges, objective=objective, options=options)
        return self._add_call(
            TuningStep,
            "Tuning",
            name,
            search,
            options,
            takes=SearchOptions,
            output_uri=self._run_uri(name),
        )

    def automl(
        self,
        name: str,
        *,
        data: Operand,
        target: str,
        problem: str | None = None,
        metric: str | None = None,
        candidates: int = 10,
        **options: Unpack[CachedOptions],
    ) -> Step:
        """Lets SageMaker Autopilot find a model for tabular data, in its ensembling mode: the only
        one that pipelines have (SageMaker SDK, `automl_step.py`). Runs on AWS only.

        Args:
            data: URI of CSV files with a header.
            target: the column to predict.
            problem: BinaryClassification, MulticlassClassification or Regression; found by itself
                unless given, and needed together with `metric`.
        """
        source = {"S3DataType": "S3Prefix", "S3Uri": data}
        job: dict[str, Any] = {
            "RoleArn": self.ctx.role_arn,
            "InputDataConfig": [
                {
                    "DataSource": {"S3DataSource": source},
                    "TargetAttributeName": target,
                    "ContentType": "text/csv;header=present",
                }
            ],
            "OutputDataConfig": {
                "S3OutputPath": self._run_uri(name),
                **jobs.encrypted(self.ctx.output_key_arn),
            },
            "AutoMLJobConfig": {
                "Mode": "ENSEMBLING",
                "CompletionCriteria": {"MaxCandidates": candidates},
            },
        }
        if problem is not None:
            job["ProblemType"] = problem
        if metric is not None:
            job["AutoMLJobObjective"] = {"MetricName": metric}
        return self._add_call(Step, "AutoML", name, job, options, takes=CachedOptions)

    def sagemaker_job(
        self,
        name: str,
        *,
        category: str,
        document: Mapping[str, Any] | Operand,
        schema_version: str,
        **options: Unpack[StepOptions],
    ) -> Step:
        """Runs a job of a category, such as AgentRFT. Runs on AWS only.

        Args:
            document: what the category wants to know, as an object or as its JSON text.
            schema_version: of the document (SageMaker API, `CreateJob`).
        """
        is_object = isinstance(document, Mapping)
        arguments = {
            "RoleArn": self.ctx.role_arn,
            "JobCategory": category,
            "JobConfigSchemaVersion": schema_version,
            "JobConfigDocument": json.dumps(document) if is_object else document,
        }
        return self._add_call(Step, "Job", name, arguments, options, takes=StepOptions)

    # -- inside

    def _training_job(
        self,
        name: str,
        bundle: Bundle,
        options: JobOptions,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand],
        metrics: Mapping[str, str],
        image: str | None,
    ) -> dict[str, Any]:
        return jobs.training_job(
            self._job_settings(name, options, takes=step_keys.OF_TRAINING),
            self._script(bundle, self._image(name, image)),
            channels=channels,
            output_uri=self._run_uri(name),
            checkpoints_uri=self._checkpoints_uri(name, bundle.digest),
            hyperparameters=hyperparameters,
            metrics=metrics,
        )

    def _checkpoints_uri(self, name: str, digest: str) -> str:
        """Where a spot job finds what an interrupted job of the same code has left. It is part of
        the step's cache key, so it holds no execution id."""
        return f"{self.ctx.artifacts_uri}/{self.name}/checkpoints/{name}/{digest}".rstrip("/")
