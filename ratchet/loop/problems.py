"""The kinds of problems that models solve, and the metrics of each: the table that settings, gate,
judging, evaluations and views read.

A metric's definition is scikit-learn's; ratchet/judging/metrics.py computes it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["binary", "multiclass", "regression"]
Better = Literal["higher", "lower"]
DIRECTIONS = ("higher", "lower")

BINARY: Kind = "binary"
MULTICLASS: Kind = "multiclass"
REGRESSION: Kind = "regression"

INFINITE = float("inf")
THRESHOLD = 0.5
"""From this probability on, a binary model's answer counts as the positive class."""
MEDIAN = 0.5
"""The quantile that a regression's answer is meant to be, unless the settings name another."""
BEST_F1 = "best-f1"
"""Instead of a number: the threshold with the best F1 of a model's own answers."""
TRUE, FALSE = ("1", "true"), ("0", "false")
"""What a binary label may be, in any case, when no value of it is called the positive one."""


@dataclass(frozen=True)
class ModelMetric:
    """A number that says how good answers, or the model that gives them, are."""

    name: str
    better: Better
    low: float = 0.0
    high: float = 1.0
    """Where its values lie."""
    chance: float | None = None
    """What answers without a look at the row reach, where that is a constant."""
    in_label_unit: bool = False
    """Whether it has the label's unit, so that no difference is small for every model."""
    of_probabilities: bool = False
    """Whether it is computed from probabilities, which not every model answers."""
    of_two_classes: bool = False
    """Whether it takes labels of two classes or more."""
    has_standard_error: bool = True
    """Whether it is a smooth function of the rows: of others a jackknife says nothing."""
    monitor: str = ""
    """What Model Monitor calls it; "": it has no such metric.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html"""

    @property
    def rises(self) -> bool:
        """Whether higher values are better."""
        return self.better == "higher"

    @property
    def bound(self) -> str:
        """Before a limit: `at least` it, or `at most` it, passes."""
        return "at least" if self.rises else "at most"

    def worse_by(self, value: float, *, than: float) -> float:
        """By how much `value` is worse, in the metric's own unit; less than 0: better."""
        return than - value if self.better == "higher" else value - than


LATENCY, SIZE = "latency_ms", "size_mb"

OF_MODEL: Mapping[str, ModelMetric] = {
    metric.name: metric
    for metric in (
        ModelMetric(LATENCY, "lower", high=INFINITE),
        ModelMetric(SIZE, "lower", high=INFINITE),
    )
}
"""What is measured of the model rather than of its answers, whatever its problem: the milliseconds
that a row takes (the median, in the judging process) and the archive's size in 10^6 bytes. A gate
can limit them; they do not decide which of two models is better."""


@dataclass(frozen=True)
class ModelProblem:
    name: Kind
    monitor: str
    """Model Monitor's ProblemType."""
    statistics: str
    constraints: str
    """The keys of the metrics in its statistics.json and constraints.json."""
    metrics: Mapping[str, ModelMetric]
    """Of answers. The first is the default."""

    @property
    def default(self) -> str:
        """The metric that decides unless the settings name another."""
        return next(iter(self.metrics))

    @property
    def reported(self) -> Mapping[str, ModelMetric]:
        """Those of answers, then those of the model: what a gate can limit."""
        return {**self.metrics, **OF_MODEL}


def _problem(name: Kind, monitor: str, *metrics: ModelMetric) -> ModelProblem:
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", monitor).lower()
    by_name = {metric.name: metric for metric in metrics}
    return ModelProblem(name, monitor, f"{key}_metrics", f"{key}_constraints", by_name)


def _of_counts(name: str, monitor: str = "", *, chance: float | None = None) -> ModelMetric:
    """Of which class was answered; 0 to 1."""
    return ModelMetric(name, "higher", chance=chance, of_two_classes=True, monitor=monitor)


def _of_error(name: str, monitor: str = "") -> ModelMetric:
    return ModelMetric(name, "lower", high=INFINITE, in_label_unit=True, monitor=monitor)


def _explained(name: str, monitor: str = "") -> ModelMetric:
    return ModelMetric(name, "higher", low=-INFINITE, chance=0.0, monitor=monitor)


_ACCURACY = ModelMetric("accuracy", "higher", monitor="accuracy")
_LOG_LOSS = ModelMetric("log_loss", "lower", high=INFINITE, of_probabilities=True)
_MATTHEWS = ModelMetric("matthews", "higher", low=-1.0, chance=0.0, of_two_classes=True)
_BY_CLASS = ("recall", "precision", "f0_5", "f1", "f2")

PROBLEMS: Mapping[str, ModelProblem] = {
    problem.name: problem
    for problem in (
        _problem(
            BINARY,
            "BinaryClassification",
            ModelMetric(
                "auc",
                "higher",
                chance=0.5,
                of_probabilities=True,
                of_two_classes=True,
                monitor="auc",
            ),
            ModelMetric(
                "average_precision",
                "higher",
                of_probabilities=True,
                of_two_classes=True,
                has_standard_error=False,
            ),
            _LOG_LOSS,
            ModelMetric("brier", "lower", of_probabilities=True),
            _ACCURACY,
            _of_counts("balanced_accuracy", chance=0.5),
            _of_counts("precision", "precision"),
            _of_counts("recall", "recall"),
            _of_counts("specificity", "true_negative_rate"),
            _of_counts("f0_5", "f0_5"),
            _of_counts("f1", "f1"),
            _of_counts("f2", "f2"),
            _MATTHEWS,
        ),
        _problem(
            MULTICLASS,
            "MulticlassClassification",
            _of_counts("macro_f1"),
            _ACCURACY,
            _of_counts("balanced_accuracy"),
            *(_of_counts(f"weighted_{name}", f"weighted_{name}") for name in _BY_CLASS),
            *(_of_counts(f"macro_{name}") for name in _BY_CLASS if name != "f1"),
            _MATTHEWS,
            ModelMetric(
                "auc_ovr", "higher", chance=0.5, of_probabilities=True, of_two_classes=True
            ),
            _LOG_LOSS,
        ),
        _problem(
            REGRESSION,
            "Regression",
            _of_error("rmse", "rmse"),
            _of_error("mae", "mae"),
            _of_error("mse", "mse"),
            _explained("r2", "r2"),
            _explained("explained_variance"),
            ModelMetric("mape", "lower", high=INFINITE),
            replace(_of_error("median_absolute_error"), has_standard_error=False),
            _of_error("pinball"),
        ),
    )
}


def direction(text: str | None) -> Better:
    """Of what a report or a version's metadata says."""
    return "lower" if text == "lower" else "higher"


def better_of(metric: str) -> Better:
    """Of a metric that something recorded by its name alone, as was once done."""
    problems = PROBLEMS.values()
    directions = (p.reported[metric].better for p in problems if metric in p.reported)
    return next(directions, "higher")


_SCIKIT_LEARN: Mapping[str, str] = {
    "roc_auc": "auc",
    "roc_auc_ovr": "auc_ovr",
    "brier_score_loss": "brier",
    "brier": "brier",
    "matthews_corrcoef": "matthews",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "mean_absolute_percentage_error": "mape",
    "mean_pinball_loss": "pinball",
    **{f"{name}_{how}": f"{how}_{name}" for name in _BY_CLASS for how in ("macro", "weighted")},
}
"""What scikit-learn calls the function or the scorer, where that is more than "neg_" before a
metric's name or "_score" after it → the metric's name here."""


def unknown_metric(
    problem: Kind, name: str, metrics: Mapping[str, ModelMetric] | None = None
) -> str:
    """What to say of a name that is no metric of the problem: the nearest one, and all of them.

    Args:
        metrics: those that there are; default: the problem's, of answers.
    """
    metrics = PROBLEMS[problem].metrics if metrics is None else metrics
    plain = name.removeprefix("neg_").removesuffix("_score")
    near = [_SCIKIT_LEARN.get(plain, plain), *difflib.get_close_matches(name, metrics, n=1)]
    nearest = next((metric for metric in near if metric in metrics), None)
    hint = f"; did you mean {nearest!r}?" if nearest else "."
    return f"{name!r} is no metric of a {problem} problem{hint} There are {', '.join(metrics)}"
