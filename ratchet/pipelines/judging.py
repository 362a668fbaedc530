"""What a model's pipelines share: rows made alike, models judged alike, and what follows from it.

One function makes each step, so script, bundle and contract are the same wherever it stands. What
depends on the model's problem and metric is decided here, by `[model]` of the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.authoring import (
    Condition,
    DefinitionError,
    Operand,
    Pipeline,
    Problem,
    Step,
    execution,
    judgement,
    manifest,
)
from ratchet.authoring.handles import BaselineStep, InvokeStep, ProcessingStep
from ratchet.authoring.model_jobs import Artifacts
from ratchet.authoring.variables import Metric, Parameter
from ratchet.loop import names, packages
from ratchet.loop.problems import BEST_F1, ModelMetric
from ratchet.settings.model_checks import limitable_metrics

QUALITY_BASELINE = "quality-baseline"


def champion(p: Pipeline) -> InvokeStep:
    """The model that serves now, and the newest version beside it."""
    return p.invoke(
        "champion", p.ctx.functions.resolve_champion, returns=judgement.CHAMPION_ANSWERS
    )


def prepare(p: Pipeline, data: Operand, *, judge_all: bool = False) -> ProcessingStep:
    """Turns landed files into rows. With `judge_all`, all of them are eval rows: no train output.

    Only then does the step get the argument --judge.
    """
    return p.processing(
        "prepare",
        f"{p.ctx.steps}/prepare.py",
        inputs={"raw": manifest(data)},
        outputs=["eval"] if judge_all else ["train", "eval"],
        arguments=["--judge", "all"] if judge_all else [],
    )


def evaluate(
    p: Pipeline, *, champion: InvokeStep, rows: Operand, candidate: Artifacts | None = None
) -> ProcessingStep:
    """Evaluates a candidate beside the champion, or the champion alone. A candidate of several
    containers is a list: that which `register` gets."""
    if not isinstance(champion, InvokeStep):
        expected = "expected the step, champion=champion: of one output, versions cannot be told"
        fix = "`ratchet upgrade` renews a training.py that an earlier version wrote"
        problem = Problem(step="evaluate", argument="champion", expected=expected, fix=fix)
        raise DefinitionError(p.name, [problem])
    arguments = judgement.version_arguments(champion) if candidate is not None else []
    if p.ctx.settings.model.own_threshold:
        arguments += ["--champion-threshold", champion["threshold"]]
    return p.judgement(
        "evaluate",
        rows=rows,
        champion=champion["model_uri"],
        candidate=candidate,
        arguments=arguments,
    )


def baselines(p: Pipeline, *, rows: Operand, evaluate: ProcessingStep) -> list[BaselineStep]:
    """What the version's traffic is compared with: the rows that it was judged by, and its answers
    for them."""
    answers, threshold = evaluate.outputs["predictions"], _threshold(p, evaluate)
    return [
        p.baseline("baseline", of=rows, exclude=p.ctx.settings.unmonitored),
        p.baseline(QUALITY_BASELINE, of=answers, answers=True, threshold=threshold),
    ]


def _threshold(p: Pipeline, evaluate: ProcessingStep) -> Operand | None:
    """The candidate's; None: its answers are no probabilities."""
    model = p.ctx.settings.model
    if not model.own_threshold:
        return None
    chosen = model.threshold == BEST_F1
    return evaluate.metric("candidate.threshold") if chosen else str(model.threshold)


def origin(
    p: Pipeline,
    *,
    data: Operand,
    champion: InvokeStep,
    evaluate: ProcessingStep,
    baselines: Sequence[BaselineStep],
) -> dict[str, Operand]:
    """What a version says of itself: where it comes from, and how it compared."""
    threshold = _threshold(p, evaluate)
    return {
        "execution": execution.id,
        packages.MANIFEST_KEY: data,
        "champion": champion["package_arn"],
        packages.CHAMPION_VERSION_KEY: champion["version"],
        packages.CHAMPION_STATUS_KEY: evaluate.metric("champion.status"),
        packages.METRIC_KEY: p.ctx.settings.model.metric_name,
        packages.BETTER_KEY: evaluate.metric("better"),
        packages.CANDIDATE_SCORE_KEY: evaluate.metric("candidate.score"),
        packages.REGRESSION_KEY: evaluate.metric("regression"),
        packages.MODEL_DIGEST_KEY: evaluate.metric("candidate.digest"),
        **({} if threshold is None else {packages.THRESHOLD_KEY: threshold}),
        "evaluation": evaluate.report_uri(),
        **{f"{step.name}-digest": step.digest for step in baselines},
    }


def gates(
    p: Pipeline,
    *,
    evaluate: ProcessingStep,
    tolerance: Parameter,
    then: Sequence[Step],
    also: Sequence[Condition] = (),
) -> None:
    """Ends the run at a candidate that is worse than it may be, and registers a new model that is
    not. The champion itself, or a version that is registered already, does neither: the run
    succeeds. SageMaker has no gates within gates, so each of the two looks at everything.

    Args:
        also: what must hold beside what the settings' `[gate]` says.
    """
    limits = _limits(p)
    new = evaluate.metric("candidate.status").equals(names.NEW_MODEL)
    passes = [
        evaluate.metric("regression") <= tolerance,
        comparable(p, evaluate),
        *(limit.holds(evaluate) for limit in limits),
        *also,
    ]
    message: list[Operand] = [
        evaluate.metric("verdict"),
        "The gate allows a regression of at most",
        tolerance,
        *(part for limit in limits for part in limit.words(evaluate)),
    ]
    if p.ctx.settings.gate.slices_halt:
        passes.append(evaluate.metric("worse_slices") <= 0)
        message += ["and no slice that is worse; there are", evaluate.metric("worse_slices")]
    p.gate("no-regression", *(condition | ~new for condition in passes), otherwise=p.halt(*message))
    p.gate(names.NEW_MODEL_GATE, new, *passes, then=then)


@dataclass(frozen=True)
class _Limit:
    """The worst value of a candidate's metric that still passes."""

    metric: ModelMetric
    worst: float

    def holds(self, evaluate: ProcessingStep) -> Condition:
        value = self._value(evaluate)
        return value >= self.worst if self.metric.rises else value <= self.worst

    def words(self, evaluate: ProcessingStep) -> list[Operand]:
        """`and recall of at least 0.7; it is`, and the candidate's value."""
        return [
            f"and {self.metric.name} of {self.metric.bound} {self.worst:g}; it is",
            self._value(evaluate),
        ]

    def _value(self, evaluate: ProcessingStep) -> Metric:
        return evaluate.metric(f"candidate.metrics.{self.metric.name}")


def _limits(p: Pipeline) -> list[_Limit]:
    settings = p.ctx.settings
    metrics = limitable_metrics(settings.model, p.ctx.source / p.ctx.steps)
    return [_Limit(metrics[name], worst) for name, worst in settings.gate.limits.items()]


def comparable(p: Pipeline, evaluate: ProcessingStep) -> Condition:
    """Whether the champion was scored, or there is none: the first model has nothing to lose
    against. One that cannot be scored counts only where `gate.unscorable_champion` says so."""
    statuses = [names.SCORED, names.NONE]
    if p.ctx.settings.gate.unscorable_champion == "pass":
        statuses.append(names.UNSCORABLE)
    return evaluate.metric("champion.status").is_in(statuses)
