"""Steps that check data or a model against a baseline, in SageMaker's own containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from ratchet.authoring import jobs
from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import CheckStep
from ratchet.authoring.options import CheckOptions
from ratchet.authoring.variables import Operand
from ratchet.settings import images

_PROBLEMS = ("BinaryClassification", "MulticlassClassification", "Regression")
_CLARIFY_KINDS = ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY")
_FOLDER = "/opt/ml/processing"


class CheckSteps(Draft):
    """QualityCheck and ClarifyCheck. The loop's own baselines and comparisons are
    `Pipeline.baseline` and `comparison`, which need no Model Monitor."""

    def quality_check(
        self,
        name: str,
        *,
        data: Operand,
        problem: str | None = None,
        label: str | None = None,
        inference: str | None = None,
        probability: str | None = None,
        threshold: float | None = None,
        statistics: Operand | None = None,
        image: str | None = None,
        **options: Unpack[CheckOptions],
    ) -> CheckStep:
        """Computes a baseline of data, and compares it with an earlier one.

        Args:
            data: URI of CSV files with a header.
            problem: BinaryClassification, MulticlassClassification or Regression makes it a check
                of model quality; `label`, `inference`, `probability` are then its columns, and
                `threshold` is where a probability counts as positive.
            statistics: URI of the earlier baseline's, beside the `constraints` of the options.
            options: see `CheckOptions`.
        """
        if problem is not None and problem not in _PROBLEMS:
            self._refuse(name, "problem", problem, f"expected one of {', '.join(_PROBLEMS)}")
        environment = {
            "dataset_format": '{"csv": {"header": true, "output_columns_position": "START"}}',
            "dataset_source": f"{_FOLDER}/input/baseline_dataset_input",
            "output_path": f"{_FOLDER}/output",
            "publish_cloudwatch_metrics": "Disabled",
            "analysis_type": "MODEL_QUALITY" if problem else None,
            "problem_type": problem,
            "ground_truth_attribute": label,
            "inference_attribute": inference,
            "probability_attribute": probability,
            "probability_threshold_attribute": None if threshold is None else str(threshold),
        }
        region = self.ctx.settings.region
        job = self._check_job(
            name,
            options,
            self._aws_image(name, image, images.model_monitor(region), "Model Monitor"),
            inputs={"baseline_dataset_input": (data, f"{_FOLDER}/input/baseline_dataset_input")},
            output=("quality_check_output", f"{_FOLDER}/output"),
            environment={k: v for k, v in environment.items() if v is not None},
        )
        beside = {
            "CheckType": "MODEL_QUALITY" if problem else "DATA_QUALITY",
            "SuppliedBaselineStatistics": statistics,
            **_about_baselines(options),
        }
        return self._check_step("QualityCheck", name, job, beside, options)

    def clarify_check(
        self,
        name: str,
        kind: str,
        *,
        data: Operand,
        analysis_config: Operand,
        model_name: Operand | None = None,
        image: str | None = None,
        **options: Unpack[CheckOptions],
    ) -> CheckStep:
        """Checks for bias or explains a model with SageMaker Clarify. Runs on AWS only.

        Args:
            kind: DATA_BIAS, MODEL_BIAS or MODEL_EXPLAINABILITY; the latter two need `model_name`.
            analysis_config: URI of Clarify's analysis_config.json.
        """
        if kind not in _CLARIFY_KINDS:
            self._refuse(name, "kind", kind, f"expected one of {', '.join(_CLARIFY_KINDS)}")
        elif (kind == "DATA_BIAS") != (model_name is None):
            expected = f"{kind} takes {'no' if kind == 'DATA_BIAS' else 'a'} model_name"
            self._refuse(name, "model_name", None, expected)
        job = self._check_job(
            name,
            options,
            self._aws_image(name, image, images.clarify(self.ctx.settings.region), "Clarify"),
            inputs={
                "analysis_config": (analysis_config, f"{_FOLDER}/input/config"),
                "dataset": (data, f"{_FOLDER}/input/data"),
            },
            output=("analysis_result", f"{_FOLDER}/output"),
            environment={},
        )
        beside = {
            "CheckType": kind,
            **_about_baselines(options),
        }
        if model_name is not None:
            beside["ModelName"] = model_name
        return self._check_step("ClarifyCheck", name, job, beside, options)

    # -- inside

    def _check_job(
        self,
        name: str,
        options: CheckOptions,
        image: str,
        *,
        inputs: Mapping[str, tuple[Operand, str]],
        output: tuple[str, str],
        environment: Mapping[str, str],
    ) -> dict[str, Any]:
        job = jobs.container_job(
            self._job_settings(
                name,
                {"compute": options.get("compute"), "environment": environment},
                instances=self.ctx.settings.monitor.compute,
            ),
            image=image,
            inputs=[(key, uri) for key, (uri, _) in inputs.items()],
            outputs=[(output[0], self._run_uri(name))],
        )
        for item in job["ProcessingInputs"]:
            item["S3Input"]["LocalPath"] = inputs[item["InputName"]][1]
        job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"] = output[1]
        return job

    def _check_step(
        self,
        step_type: str,
        name: str,
        job: Mapping[str, Any],
        beside: Mapping[str, Any],
        options: CheckOptions,
    ) -> CheckStep:
        # The SDK writes null for what is not said; left out is the same.
        beside = {key: value for key, value in beside.items() if value is not None}
        return self._add_call(
            CheckStep, step_type, name, job, options, takes=CheckOptions, beside=beside
        )


def _about_baselines(options: CheckOptions) -> dict[str, Any]:
    """Keys beside the arguments (SageMaker SDK, `quality_check_step.py`)."""
    return {
        "SkipCheck": options.get("skip", False),
        "FailOnViolation": options.get("fail_on_violation", True),
        "RegisterNewBaseline": options.get("register_new_baseline", False),
        "ModelPackageGroupName": options.get("group"),
        "SuppliedBaselineConstraints": options.get("constraints"),
    }
