"""A team's own metrics: functions in `steps/<model>/metrics.py`, and `BETTER`, a dictionary that
says for each whether "higher" or "lower" is better.

    BETTER = {"cost": "lower"}

    def cost(labels, answers):
        return float(np.where(answers < labels, 3 * (labels - answers), answers - labels).mean())

A function gets two arrays of one length and returns a number. Binary: labels are 0 and 1, answers
the probability of the positive class. Regression: numbers. Multiclass: the names of classes. With a
third argument, it gets the rows' weights.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.loop.problems import DIRECTIONS, INFINITE, MULTICLASS, PROBLEMS, Kind, ModelMetric

Array = np.ndarray[Any, Any]


class OwnMetricError(ValueError):
    """A team's metric cannot be used, in words for the team."""


@dataclass(frozen=True)
class OwnMeasure:
    name: str
    function: Callable[..., float]
    arguments: tuple[Array, ...]
    """Labels, answers and, where the function takes them, weights."""

    def value(self, draws: Array | None = None) -> float:
        arguments = self.arguments
        if draws is not None:
            rows = np.repeat(np.arange(len(draws)), draws)
            arguments = tuple(column[rows] for column in arguments)
        try:
            value = float(self.function(*arguments))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise OwnMetricError(f"the metric {self.name} of metrics.py fails: {reason}") from error
        if draws is None and not math.isfinite(value):
            raise OwnMetricError(f"the metric {self.name} of metrics.py is {value}, no number")
        return value

    def without_each(self) -> None:
        return None


@dataclass(frozen=True)
class OwnMetric:
    about: ModelMetric
    function: Callable[..., float]
    weighable: bool = False
    """Whether the function takes weights."""

    def trouble(self, labels: TrueLabels) -> str | None:
        """Why there is no such metric of these rows."""
        if labels.weights is None or self.weighable:
            return None
        name = self.about.name
        return f"it takes no weights; expected def {name}(labels, answers, weights)"

    def measure(self, labels: TrueLabels, answers: Answers) -> OwnMeasure:
        columns: tuple[Array, ...] = (labels.values, answers.values)
        if labels.problem == MULTICLASS:
            columns = (labels.texts, np.array(answers.classes, dtype=object)[answers.values])
        if self.weighable:
            weights = np.ones(labels.rows) if labels.weights is None else labels.weights
            columns = (*columns, weights)
        return OwnMeasure(self.about.name, self.function, columns)


def own_metrics(file: Path, problem: Kind) -> dict[str, OwnMetric]:
    """The metrics of a team's file, by name.

    Raises:
        OwnMetricError: it cannot be loaded, or `BETTER` and its functions do not fit together.
    """
    module = _loaded(file)
    better = getattr(module, "BETTER", None)
    example = 'expected a dictionary such as BETTER = {"cost": "lower"}'
    if not isinstance(better, dict):
        raise OwnMetricError(f"{file} has no BETTER; {example}")
    metrics = {}
    for name, direction in better.items():
        if direction not in DIRECTIONS:
            raise OwnMetricError(f"{file}: BETTER[{name!r}] = {direction!r}; {example}")
        if name in PROBLEMS[problem].reported:
            raise OwnMetricError(
                f"{file}: {name!r} is a metric without you; call yours by another name"
            )
        function = getattr(module, name, None)
        if not callable(function):
            raise OwnMetricError(
                f"{file}: BETTER names {name!r}, and there is no function of this name; expected "
                f"def {name}(labels, answers)"
            )
        about = ModelMetric(name, direction, low=-INFINITE, high=INFINITE, in_label_unit=True)
        metrics[name] = OwnMetric(about, function, _takes_weights(function))
    return metrics


def _takes_weights(function: Callable[..., float]) -> bool:
    try:
        inspect.signature(function).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _loaded(file: Path) -> Any:
    sys.path.insert(0, str(file.resolve().parent))  # where what it imports lies
    try:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if spec is None or spec.loader is None:
            raise OwnMetricError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except OwnMetricError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise OwnMetricError(f"{file} cannot be loaded: {reason}") from error
    finally:
        sys.path.pop(0)
