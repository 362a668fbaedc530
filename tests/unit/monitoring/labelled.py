"""Labelled answers as an analysis has them: texts, and what the problem makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.loop.problems import BINARY, Kind
from ratchet.monitoring import quality_baseline
from ratchet.monitoring.ground_truth import LabelledAnswers
from ratchet.monitoring.quality_baseline import QualityBaseline
from ratchet.monitoring.quality_metrics import Quality, quality_of
from ratchet.monitoring.quality_rows import ProblemFacts, QualityRows, understood


def rows(
    problem: Kind,
    labels: Sequence[Any],
    answers: Sequence[Any] | None = None,
    *,
    probabilities: Sequence[Any] | None = None,
    **facts: Any,
) -> QualityRows:
    """`answers` of a binary problem are probabilities, unless there are `probabilities` beside."""
    if problem == BINARY and probabilities is None:
        answers, probabilities = None, answers
    labelled = LabelledAnswers(
        labels=[str(label) for label in labels],
        predictions=None if answers is None else [str(answer) for answer in answers],
        probabilities=None if probabilities is None else [repr(float(p)) for p in probabilities],
    )
    return understood(labelled, ProblemFacts(problem=problem, **facts))


def quality(problem: Kind, labels: Sequence[Any], answers: Any = None, **facts: Any) -> Quality:
    return quality_of(rows(problem, labels, answers, **facts))


def baseline_of(
    of: Quality,
    folder: Path,
    *,
    edited: dict[str, float] | None = None,
    ours: bool = True,
    statistics: bool = True,
    minimum_rows: int = 100,
    **facts: Any,
) -> QualityBaseline:
    """The baseline as a comparison has it: out of files. Without `ours`, as a version that was
    registered before has it: its thresholds are the values themselves."""
    constraints = quality_baseline.suggested(of, minimum_rows=minimum_rows)
    (key,) = [key for key in constraints if key.endswith("_constraints")]
    made = ProblemFacts(problem=of.problem, seen=_classes(of), **facts)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / quality_baseline.FILE).unlink(missing_ok=True)
    if ours:
        document = quality_baseline.document(of, made, constraints)
        (folder / quality_baseline.FILE).write_text(json.dumps(document))
    else:
        for name, constraint in constraints[key].items():
            constraint["threshold"] = of.value(name)
    for name, threshold in (edited or {}).items():
        constraints[key][name]["threshold"] = threshold
    (folder / "constraints.json").write_text(json.dumps(constraints, allow_nan=False))
    (folder / "statistics.json").write_text(json.dumps(of.statistics(), allow_nan=False))
    return quality_baseline.load(
        folder / "constraints.json", folder / "statistics.json" if statistics else None
    )


def _classes(of: Quality) -> tuple[str, ...]:
    return tuple(of.metrics.get("confusion_matrix", ()))


def digits(
    count: int, *, wrong: float, seed: int = 0, shares: Sequence[float] = (0.1,) * 10
) -> tuple[list[str], list[str]]:
    """Labels and answers, of which a share is a class by chance."""
    random = np.random.default_rng(seed)
    labels = random.choice(len(shares), count, p=shares)
    others = random.integers(len(shares), size=count)
    answers = np.where(random.random(count) < wrong, others, labels)
    return [str(label) for label in labels], [str(answer) for answer in answers]


def bikes(count: int, *, noise: float = 20.0, seed: int = 0) -> tuple[list[str], list[str]]:
    """Numbers of bikes, and answers that are off by `noise`."""
    random = np.random.default_rng(seed)
    labels = random.gamma(2, 50, count)
    answers = labels + random.normal(0, noise, count)
    return [repr(float(x)) for x in labels], [repr(float(x)) for x in answers]


def lates(
    count: int, *, noise: float = 0.3, seed: int = 0, positive: float = 0.3
) -> tuple[list[str], list[float]]:
    """Labels 0 and 1, and probabilities."""
    random = np.random.default_rng(seed)
    late = random.random(count) < positive
    scores = np.clip(0.3 + 0.4 * late + noise * random.standard_normal(count), 0, 1)
    return [str(int(label)) for label in late], [float(score) for score in scores]
