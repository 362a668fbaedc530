"""The kinds of problems that models solve, and the metrics of each: the table that settings, gate,
judging, evaluations and views read.

A metric's definition is scikit-learn's; ratchet/judging/metrics.py computes it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
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
TRUE, FALSE = ("1", "true"), ("0", "false")
"""What a binary label may be, in any case, when no value of it is called the positive one."""


@dataclass(frozen=True)
class ModelMetric:
    """A number that says how good answers are."""

    name: str
    better: Better
    low: float = 0.0
    high: float = 1.0
    """Where its values lie."""
    chance: float | None = None
    """What answers without a look at the row reach, where that is a constant."""
    in_label_unit: bool = False
    """Whether it has the label's unit, so that no difference is small for every model."""

    def worse_by(self, value: float, *, than: float) -> float:
        """By how much `value` is worse, in the metric's own unit; less than 0: better."""
        return than - value if self.better == "higher" else value - than


@dataclass(frozen=True)
class ModelProblem:
    name: Kind
    default: str
    """The metric that decides unless the settings name another."""
    metrics: Mapping[str, ModelMetric]


def _problem(name: Kind, *metrics: ModelMetric) -> ModelProblem:
    """The first metric is the default."""
    return ModelProblem(name, metrics[0].name, {metric.name: metric for metric in metrics})


PROBLEMS: Mapping[str, ModelProblem] = {
    problem.name: problem
    for problem in (
        _problem(
            BINARY,
            ModelMetric("auc", "higher", chance=0.5),
            ModelMetric("log_loss", "lower", high=INFINITE),
            ModelMetric("brier", "lower"),
            ModelMetric("accuracy", "higher"),
            ModelMetric("precision", "higher"),
            ModelMetric("recall", "higher"),
            ModelMetric("f1", "higher"),
        ),
        _problem(
            MULTICLASS,
            ModelMetric("macro_f1", "higher"),
            ModelMetric("weighted_f1", "higher"),
            ModelMetric("accuracy", "higher"),
            ModelMetric("log_loss", "lower", high=INFINITE),
        ),
        _problem(
            REGRESSION,
            ModelMetric("rmse", "lower", high=INFINITE, in_label_unit=True),
            ModelMetric("mae", "lower", high=INFINITE, in_label_unit=True),
            ModelMetric("r2", "higher", low=-INFINITE, chance=0.0),
            ModelMetric("mape", "lower", high=INFINITE),
        ),
    )
}


def better_of(metric: str) -> Better:
    """Of a metric that something recorded by its name alone, as was once done."""
    known = (p.metrics[metric].better for p in PROBLEMS.values() if metric in p.metrics)
    return next(known, "higher")


SCIKIT_LEARN: Mapping[str, str] = {
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "neg_log_loss": "log_loss",
    "brier_score_loss": "brier",
    "neg_brier_score": "brier",
    "accuracy_score": "accuracy",
    "precision_score": "precision",
    "recall_score": "recall",
    "f1_score": "f1",
    "f1_macro": "macro_f1",
    "f1_weighted": "weighted_f1",
    "root_mean_squared_error": "rmse",
    "neg_root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "neg_mean_absolute_error": "mae",
    "r2_score": "r2",
    "mean_absolute_percentage_error": "mape",
    "neg_mean_absolute_percentage_error": "mape",
}
"""What scikit-learn calls the scorer or function → the metric's name here."""


def unknown_metric(problem: Kind, name: str) -> str:
    """What to say of a name that is no metric of the problem: the nearest one, and all of them."""
    metrics = PROBLEMS[problem].metrics
    near = [SCIKIT_LEARN.get(name, ""), *difflib.get_close_matches(name, metrics, n=1)]
    named = next((metric for metric in near if metric in metrics), None)
    hint = f"; did you mean {named!r}?" if named else "."
    return f"{name!r} is no metric of a {problem} problem{hint} There are {', '.join(metrics)}"


def no_quality_analysis(problem: Kind, positive: str = "") -> str | None:
    """For which models answers are not compared with labels that arrive after them: the words that
    follow "not for", or None where they are.

    Quality baseline, monitoring pipeline, Model Monitor's schedule and `ratchet status` ask here.

    Args:
        positive: the label's value of the positive class, where the settings name one.
    """
    if problem != BINARY:
        return f"{problem} yet"
    if positive.lower() not in ("", *TRUE):
        return f"labels such as {positive!r} yet"
    return None
