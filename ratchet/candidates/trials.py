"""A trial from end to end: what will be sent, for how much, what came back, and how it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from ratchet.candidates import eval_rows, results
from ratchet.candidates.answers import RowAnswer, UnparsableError, read_answer
from ratchet.candidates.budget import Usage
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.plans import TrialPlan, TriedModel, prompt_digest
from ratchet.candidates.prompts import RowQuestion
from ratchet.candidates.replies import Asking
from ratchet.candidates.results import CandidateTrial, MetricPair
from ratchet.candidates.scoring import ScoredTrial, score
from ratchet.deployment.target.environment import Target
from ratchet.loop.problems import LATENCY

EXAMPLES = 3
"""Unparsable answers that are shown."""
_LONGEST_EXAMPLE = 100


@dataclass(frozen=True, kw_only=True)
class ReadAnswers:
    """The answers of a trial that can be read, and the others."""

    answers: Mapping[int, RowAnswer] = field(default_factory=dict)
    """By the row's position."""
    unparsable: int = 0
    examples: tuple[str, ...] = ()
    unanswered: int = 0
    why_unanswered: str = ""
    latencies: tuple[float, ...] = ()
    walls: tuple[float, ...] = ()
    """Milliseconds."""


def read_answers(asking: Asking[str], question: RowQuestion, *, max_tokens: int) -> ReadAnswers:
    """Reads each answer; what cannot be read is counted, and nothing stands for it."""
    answers: dict[int, RowAnswer] = {}
    examples: list[str] = []
    unparsable = 0
    for position, outcome in asking.outcomes.items():
        if outcome.reply is None:
            continue
        try:
            answers[position] = read_answer(outcome.reply.content, question)
        except UnparsableError as problem:
            unparsable += 1
            why = f"cut off at {max_tokens:,} tokens" if outcome.reply.cut_off else str(problem)
            examples.append(_example(outcome.reply.content, why))
    return replace(
        read_replies(asking),
        answers=answers,
        unparsable=unparsable,
        examples=tuple(dict.fromkeys(examples))[:EXAMPLES],
    )


def read_replies(asking: Asking[Any]) -> ReadAnswers:
    """What is true of replies whatever is in them."""
    reasons = Counter(o.reason for o in asking.outcomes.values() if o.reply is None)
    replied = [o for o in asking.outcomes.values() if o.reply]
    return ReadAnswers(
        unanswered=reasons.total(),
        why_unanswered=reasons.most_common(1)[0][0] if reasons else "",
        latencies=tuple(o.reply.latency_ms for o in replied if o.reply and o.reply.latency_ms),
        walls=tuple(o.wall_ms for o in replied if o.wall_ms),
    )


def _example(text: str, why: str) -> str:
    text = " ".join(text.split())
    shown = text if len(text) <= _LONGEST_EXAMPLE else f"{text[:_LONGEST_EXAMPLE]}…"
    return f"{shown!r}: {why}"


@dataclass(frozen=True, kw_only=True)
class TrialSpending:
    """What a trial took."""

    usage: Usage | None
    """None: nothing counts tokens."""
    cost: Decimal | None
    """In dollars; None: nobody knows."""
    started: datetime
    ended: datetime = field(default_factory=lambda: datetime.now(UTC))


def trial_of(
    target: Target,
    plan: TrialPlan,
    model: TriedModel,
    *,
    read: ReadAnswers,
    champion: Champion,
    spent: TrialSpending,
    stopped: str,
) -> CandidateTrial:
    """Scores the answers, and puts everything together."""
    rows = plan.rows.labels.rows
    scored = score(
        plan.judging, target.settings.model, plan.rows.labels, read.answers, champion.asked
    )
    asked = len(read.answers) + read.unparsable + read.unanswered
    blank = CandidateTrial(
        id=results.trial_id(model.id, spent.started),
        environment=target.settings.environment,
        model=target.settings.model_name,
        candidate=model.id,
        kind=model.kind,
        local=target.local,
        problem=plan.judging.problem,
        metric=plan.judging.metric,
        metrics=(),
        champion=champion.version,
        regression=None,
        interval=None,
        rows=rows,
        scored=scored.scored,
        unparsable=read.unparsable,
        unanswered=read.unanswered,
        input_tokens=spent.usage.input_tokens if spent.usage else None,
        output_tokens=spent.usage.output_tokens if spent.usage else None,
        cost_usd=spent.cost,
        price=model.price,
        latency_p50_ms=_percentile(read.latencies, 50),
        latency_p95_ms=_percentile(read.latencies, 95),
        regions=model.regions,
        prompt_digest=prompt_digest(plan),
        data_digest=eval_rows.rows_digest(plan.rows.cells, plan.columns),
        stopped=stopped,
        started=spent.started,
        ended=spent.ended,
        not_asked=rows - asked,
        examples=read.examples,
        why_unanswered=read.why_unanswered,
        no_score=scored.reason,
        champion_reason=champion.asked.reason or "",
        champion_latency_ms=champion.asked.measured.get(LATENCY),
        wall_p50_ms=_percentile(read.walls, 50),
        wall_p95_ms=_percentile(read.walls, 95),
    )
    return _with_scores(blank, plan, read, scored)


def _with_scores(
    trial: CandidateTrial, plan: TrialPlan, read: ReadAnswers, scored: ScoredTrial
) -> CandidateTrial:
    report = scored.report
    if report is None:
        return trial
    ours, theirs = (report[side]["metrics"] for side in ("candidate", "champion"))
    names = [plan.judging.metric, *(n for n in plan.judging.metrics if n != plan.judging.metric)]
    compared = report["champion"]["score"] is not None
    labels = plan.rows.labels.of(np.array(sorted(read.answers), dtype=int))
    return replace(
        trial,
        metrics=tuple(
            MetricPair(name=name, candidate=ours.get(name), champion=theirs.get(name))
            for name in names
            if ours.get(name) is not None or theirs.get(name) is not None
        ),
        regression=report["regression"] if compared else None,
        interval=report["interval"],
        own_interval=scored.own_interval,
        champion_reason=trial.champion_reason or report["champion"].get("reason") or "",
        caution=eval_rows.too_few(labels),
    )


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None
