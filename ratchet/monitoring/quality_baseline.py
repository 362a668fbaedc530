"""What our own analysis of model quality needs of a baseline, in a file of ours beside Model
Monitor's two: how its labels were understood, and how exactly its metrics are known.

    {"problem": "regression", "rows": 720, "metrics": {"rmse": {"value": 43.5,
     "standard_error": 1.2, "threshold": 53.8}}}

`threshold` is what was written into constraints.json for Model Monitor's engine, which knows no
chance: the value, moved by what chance makes of a window of the fewest rows that are compared. Our
analysis judges by the value. One that differs from the file's was edited, and is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS, THRESHOLD, Kind
from ratchet.monitoring.baseline import InvalidBaselineError, read_document
from ratchet.monitoring.job import PROBLEM_TYPES
from ratchet.monitoring.profiles import VERSION
from ratchet.monitoring.quality_metrics import (
    ABOVE,
    BELOW,
    CONFUSION,
    Quality,
    errors_of_confusion,
    value_in,
    worse_sides,
)
from ratchet.monitoring.quality_rows import ProblemFacts

FILE = "model_quality.json"
DIGEST = "model_quality_digest"
"""In baseline.json: the SHA-256 of FILE."""

STANDARD_ERRORS = 3.0
"""How many of them chance may explain."""

_OF_DRAWS = 2 * math.sqrt(1.25)
"""A standard error in deviations of five draws of 80 %: such a sample's metric lies within half of
one around the whole's, and the deviation of five is too small by the root of 4/5."""


@dataclass(frozen=True, kw_only=True)
class MetricReference:
    """What a metric is compared with."""

    value: float
    operator: str
    """Which side of the value is worse."""
    error: float | None = None
    """Its standard error, where it is the baseline's value; None: not known."""
    is_limit: bool = False
    """Taken as it is: there is no baseline to know what chance makes, or a person wrote it."""

    def worse_by(self, value: float) -> float:
        return self.value - value if self.operator == BELOW else value - self.value


@dataclass(frozen=True, kw_only=True)
class QualityBaseline:
    facts: ProblemFacts
    references: Mapping[str, MetricReference]
    rows: int | None = None
    """None: not known."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """The metrics in statistics.json; empty: not known."""


def suggested(quality: Quality, *, minimum_rows: int) -> dict[str, Any]:
    """constraints.json: how much worse than the baseline no metric should be."""
    return {
        "version": VERSION,
        PROBLEMS[quality.problem].constraints: {
            name: {"threshold": threshold, "comparison_operator": operator}
            for name, operator in worse_sides(quality.problem).items()
            if (threshold := _threshold(quality, name, operator, minimum_rows)) is not None
        },
    }


def document(
    quality: Quality, facts: ProblemFacts, constraints: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of FILE.

    Args:
        facts: with the classes that the baseline has.
        constraints: the content of constraints.json.
    """
    written = constraints[PROBLEMS[quality.problem].constraints]
    labels: dict[str, Any] = {}
    if quality.problem == BINARY:
        labels = {"classes": facts.seen, "positive": facts.seen[-1], "threshold": facts.threshold}
    if quality.problem == MULTICLASS:
        labels = {"classes": facts.seen, "stated_classes": facts.stated}
    return {
        "problem": quality.problem,
        "rows": quality.rows,
        **labels,
        "metrics": {
            name: {
                "value": quality.value(name),
                "standard_error": quality.errors.get(name),
                "threshold": constraint["threshold"],
            }
            for name, constraint in written.items()
        },
    }


def load(
    constraints: Path, statistics: Path | None = None, *, problem: Kind | None = None
) -> QualityBaseline:
    """A baseline of model quality. Its constraints may have been edited.

    Args:
        problem: what the job says.

    Raises:
        InvalidBaselineError: a file cannot be read, or they contradict each other.
    """
    limits_of, kind = _limits(constraints, problem)
    metrics: Mapping[str, Any] = {}
    rows = None
    if statistics is not None:
        of_all = read_document(statistics, PROBLEMS[kind].statistics)
        metrics = of_all[PROBLEMS[kind].statistics]
        rows = int(of_all["dataset"]["item_count"]) if "dataset" in of_all else None
    ours = _ours(constraints.with_name(FILE), kind)
    facts, recorded = ProblemFacts(problem=kind), {}
    if ours:
        rows = int(ours["rows"])
        recorded = ours["metrics"]
        facts = ProblemFacts(
            problem=kind,
            positive=ours.get("positive", ""),
            stated=tuple(ours.get("stated_classes", ())),
            seen=tuple(ours.get("classes", ())),
            threshold=float(ours.get("threshold", THRESHOLD)),
        )
    elif metrics:
        if kind == MULTICLASS:
            facts = ProblemFacts(problem=kind, seen=tuple(metrics.get(CONFUSION, ())))
        recorded = _from_statistics(kind, metrics)
    references = {
        name: _reference(name, constraint, recorded.get(name), constraints)
        for name, constraint in limits_of.items()
    }
    return QualityBaseline(facts=facts, references=references, rows=rows, statistics=metrics)


def _threshold(quality: Quality, name: str, operator: str, minimum_rows: int) -> float | None:
    value = quality.value(name)
    if value is None:
        return None
    margin = STANDARD_ERRORS * quality.errors.get(name, 0.0)
    margin *= math.sqrt(1 + quality.rows / max(minimum_rows, 1))
    return value - margin if operator == BELOW else value + margin


def _limits(path: Path, problem: Kind | None) -> tuple[Mapping[str, Any], Kind]:
    """The constraints, and the problem that they are of."""
    read = read_document(path, "version")
    keys = {entry.constraints: entry.name for entry in PROBLEMS.values()}
    kinds = [kind for key, kind in keys.items() if key in read]
    if not kinds:
        raise InvalidBaselineError(
            f"{path} has no constraints of model quality; expected one of {', '.join(keys)}"
        )
    if problem and problem not in kinds:
        types = {kind: name for name, kind in PROBLEM_TYPES.items()}
        raise InvalidBaselineError(
            f"{path} is the baseline of a {kinds[0]} problem ({types[kinds[0]]}), and problem_type "
            f"is {types[problem]}"
        )
    kind = problem or kinds[0]
    return read[PROBLEMS[kind].constraints], kind


def _ours(path: Path, problem: Kind) -> Mapping[str, Any]:
    """Our file, if it is there; a baseline that others wrote has none."""
    if not path.is_file():
        return {}
    read = read_document(path, "metrics")
    digests = path.with_name("baseline.json")
    if digests.is_file():
        expected = read_document(digests, "digest").get(DIGEST)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if expected is not None and digest != expected:
            raise InvalidBaselineError(
                f"{path} is not the file that the baseline's job wrote: its SHA-256 is "
                f"{digest[:12]}…, expected {str(expected)[:12]}…. To change a limit, edit "
                "constraints.json"
            )
    if read.get("problem") != problem:
        raise InvalidBaselineError(
            f"{path} is of a {read.get('problem')} problem, and constraints.json beside it of a "
            f"{problem} problem"
        )
    return read


def _from_statistics(
    problem: Kind, metrics: Mapping[str, Any]
) -> dict[str, dict[str, float | None]]:
    """What our file would say, as far as Model Monitor's statistics do."""
    errors: Mapping[str, float] = {}
    if problem == MULTICLASS and CONFUSION in metrics:
        errors = errors_of_confusion(metrics[CONFUSION])
    recorded: dict[str, dict[str, float | None]] = {}
    for name in worse_sides(problem):
        value = value_in(metrics, name)
        if value is None:
            continue
        deviation = metrics[name].get("standard_deviation", "NaN")
        error = errors.get(name)
        if error is None and deviation != "NaN":
            error = float(deviation) * _OF_DRAWS
        recorded[name] = {"value": value, "standard_error": error, "threshold": value}
    return recorded


def _reference(
    name: str, constraint: Mapping[str, Any], recorded: Mapping[str, Any] | None, path: Path
) -> MetricReference:
    try:
        threshold, operator = float(constraint["threshold"]), constraint["comparison_operator"]
    except (KeyError, TypeError, ValueError):
        raise InvalidBaselineError(
            f"{path}: the constraint of {name} is {json.dumps(constraint)}; expected "
            f'{{"threshold": a number, "comparison_operator": "{BELOW}" or "{ABOVE}"}}'
        ) from None
    if operator not in (BELOW, ABOVE):
        raise InvalidBaselineError(
            f"{path}: comparison_operator of {name} is {operator!r}; expected {BELOW} or {ABOVE}"
        )
    if recorded is None or threshold != recorded["threshold"]:
        return MetricReference(value=threshold, operator=operator, is_limit=True)
    return MetricReference(
        value=float(recorded["value"]), operator=operator, error=recorded["standard_error"]
    )
