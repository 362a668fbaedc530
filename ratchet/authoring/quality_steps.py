"""Steps that check data or a model against a baseline, in SageMaker's own containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Unpack

from ratchet.authoring import jobs
from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import CheckStep
from ratchet.authoring.options import CheckOptions
from ratchet.authoring.variables import Operand
from ratchet.loop.problems import BINARY, PROBLEMS, REGRESSION, THRESHOLD
from ratchet.settings import images

_BINARY, _REGRESSION = (PROBLEMS[problem].monitor for problem in (BINARY, REGRESSION))
_PROBLEMS = tuple(problem.monitor for problem in PROBLEMS.values())
_CLARIFY_KINDS = ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY")
_FOLDER = "/opt/ml/processing"


@dataclass(frozen=True)
class _Columns:
    """Where a check of model quality finds what. Which goes with which problem:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-baseline.html"""

    problem: str | None
    label: str | None
    inference: str | None
    probability: str | None
    threshold: float | None

    @property
    def threshold_text(self) -> str | None:
        if self.threshold is not None:
            return str(self.threshold)
        by_probability = self.problem == _BINARY and self.inference is None
        return str(THRESHOLD) if by_probability else None

    def contradictions(self) -> Iterator[tuple[str, object, str]]:
        """Argument, its value, and what is expected instead."""
        if self.problem is not None:
            yield from self._of_places()
            yield from self._of_threshold(self.problem)
            return
        for name, value in asdict(self).items():
            if value is not None:
                yield name, value, "a check of data takes none; expected a problem beside it"

    def _of_places(self) -> Iterator[tuple[str, object, str]]:
        if self.label is None:
            yield "label", None, "expected the column of the label"
        if self.inference is None and (self.problem != _BINARY or self.probability is None):
            beside = ", or a probability" if self.problem == _BINARY else ""
            yield "inference", None, f"expected the column of the model's answer{beside}"
        if self.probability is not None and self.problem == _REGRESSION:
            yield "probability", self.probability, "a regression has none"

    def _of_threshold(self, problem: str) -> Iterator[tuple[str, object, str]]:
        if self.threshold is None:
            return
        if problem != _BINARY:
            yield "threshold", self.threshold, f"only {_BINARY} has one"
        elif self.inference is not None:
            yield "threshold", self.threshold, "the classes in `inference` decide; expected none"
        elif not 0 <= self.threshold <= 1:
            yield "threshold", self.threshold, "expected a probability, from 0 to 1"


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
                of model quality.
            label: then the column of the label.
            inference: the column of the model's answer, a number or a class. A binary problem has
                it, or `probability`.
            probability: the column of the positive class's probability.
            threshold: where a probability counts as positive, if there is no `inference`; default:
                0.5.
            statistics: URI of the earlier baseline's, beside the `constraints` of the options.
            options: see `CheckOptions`.
        """
        if problem is not None and problem not in _PROBLEMS:
            self._refuse(name, "problem", problem, f"expected one of {', '.join(_PROBLEMS)}")
        columns = _Columns(problem, label, inference, probability, threshold)
        for argument, value, expected in columns.contradictions():
            self._refuse(name, argument, value, expected)
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
            "probability_threshold_attribute": columns.threshold_text,
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
