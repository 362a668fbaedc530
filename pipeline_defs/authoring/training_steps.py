"""Steps that train: a script, a built-in algorithm, a search over hyperparameters, Autopilot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.settings import ComputeSettings
from pipeline_defs.authoring import jobs
from pipeline_defs.authoring.draft import Draft
from pipeline_defs.authoring.handles import After, Step, TrainingStep, TuningStep
from pipeline_defs.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from pipeline_defs.authoring.search import Objective, Range, tuning_job
from pipeline_defs.authoring.variables import Operand


class TrainingSteps(Draft):
    """Scripts, algorithms and searches."""

    def training(
        self,
        name: str,
        script: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        environment: Mapping[str, Operand] | None = None,
        metrics: Mapping[str, str] | None = None,
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
            metrics: name → a regular expression that finds it in the log, with one group.
            include, compute, job: as for `processing`.
        """
        made = self._training_job(
            name,
            script,
            channels=channels,
            hyperparameters=hyperparameters or {},
            environment=environment or {},
            metrics=metrics or {},
            include=include,
            compute=compute,
            image=image,
        )
        return self._training_step(name, made, cache, retries, depends_on, job)

    def algorithm(
        self,
        name: str,
        image: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand] | None = None,
        environment: Mapping[str, Operand] | None = None,
        metrics: Mapping[str, str] | None = None,
        compute: ComputeSettings | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> TrainingStep:
        """Trains with a built-in algorithm, or whatever training program the image has.

        Its channels want a content type as a rule: `Input(uri, content_type="text/csv")`.
        """
        made = jobs.algorithm_job(
            image=image,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            output_key_arn=self.ctx.output_key_arn,
            channels=channels,
            output_uri=self._run_uri(name),
            checkpoints_uri=self._checkpoints_uri(name, ""),
            hyperparameters=hyperparameters or {},
            environment=environment or {},
            metrics=metrics or {},
        )
        return self._training_step(name, made, cache, retries, depends_on, job)

    def tune(
        self,
        name: str,
        script: str,
        *,
        ranges: Mapping[str, Range],
        objective: Objective,
        channels: Mapping[str, Operand | jobs.Input],
        jobs_in_all: int = 10,
        jobs_at_once: int = 2,
        strategy: str = "Bayesian",
        seed: int | None = None,
        early_stopping: bool = False,
        hyperparameters: Mapping[str, Operand] | None = None,
        environment: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        compute: ComputeSettings | None = None,
        image: str | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> TuningStep:
        """Trains the script with hyperparameters from `ranges` and keeps the best model.

        Args:
            ranges: hyperparameter → `integer(…)`, `continuous(…)` or `categorical(…)`.
            objective: `maximize(metric, regex)` or `minimize(…)`: found in the script's log.
            strategy: Bayesian, Random, Grid or Hyperband (SageMaker API, `Strategy`).
            hyperparameters: those that stay the same.
        """
        training = self._training_job(
            name,
            script,
            channels=channels,
            hyperparameters=hyperparameters or {},
            environment=environment or {},
            metrics={objective.metric: objective.regex},
            include=include,
            compute=compute,
            image=image,
        )
        made = tuning_job(
            training,
            ranges=ranges,
            objective=objective,
            jobs_in_all=jobs_in_all,
            jobs_at_once=jobs_at_once,
            strategy=strategy,
            seed=seed,
            early_stopping=early_stopping,
        )
        return self._add(
            TuningStep(
                name=name,
                type="Tuning",
                arguments=self._tagged("Tuning", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
                output_uri=self._run_uri(name),
            )
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
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
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
        made: dict[str, Any] = {
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
            made["ProblemType"] = problem
        if metric is not None:
            made["AutoMLJobObjective"] = {"MetricName": metric}
        return self._add(
            Step(
                name=name,
                type="AutoML",
                arguments=self._tagged("AutoML", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
            )
        )

    # -- inside

    def _training_job(
        self,
        name: str,
        script: str,
        *,
        channels: Mapping[str, Operand | jobs.Input],
        hyperparameters: Mapping[str, Operand],
        environment: Mapping[str, Operand],
        metrics: Mapping[str, str],
        include: Sequence[str],
        compute: ComputeSettings | None,
        image: str | None,
    ) -> dict[str, Any]:
        bundle = self._bundle(name, script, include=include)
        return jobs.training_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            output_key_arn=self.ctx.output_key_arn,
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            channels=channels,
            output_uri=self._run_uri(name),
            checkpoints_uri=self._checkpoints_uri(name, bundle.digest),
            hyperparameters=hyperparameters,
            environment=environment,
            metrics=metrics,
        )

    def _training_step(
        self,
        name: str,
        made: Mapping[str, Any],
        cache: str | None,
        retries: Sequence[RetryPolicy],
        depends_on: After,
        job: Mapping[str, Any] | None,
    ) -> TrainingStep:
        return self._add(
            TrainingStep(
                name=name,
                type="Training",
                arguments=self._tagged("Training", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
            )
        )

    def _checkpoints_uri(self, name: str, digest: str) -> str:
        """Where a spot job finds what an interrupted one of the same code has left. It is part of
        the step's cache key, so it holds no execution id."""
        return f"{self.ctx.artifacts_uri}/{self.name}/checkpoints/{name}/{digest}".rstrip("/")
