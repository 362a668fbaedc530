"""Draws trials of foundation models: what will be sent, how it goes, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.candidates.results import JUMPSTART
from ratchet.candidates.verdicts import TrialVerdict, verdict
from ratchet.cli.views.wording import count
from ratchet.costs.money import shown as money
from ratchet.loop.numbers import difference_text, score_text
from ratchet.loop.problems import PROBLEMS

if TYPE_CHECKING:
    from ratchet.candidates.asking import AskingProgress
    from ratchet.candidates.estimate import TokenEstimate
    from ratchet.candidates.jumpstart_trials import JumpStartTrial
    from ratchet.candidates.plans import TrialPlan, TriedModel
    from ratchet.candidates.results import CandidateTrial, MetricPair
    from ratchet.candidates.row_trials import RowTrial

_STYLES = {"Better": "bold green", "Not better": "bold red"}
_NARROW = 80
_SHOWN_COLUMNS = 8


# -- before ----------------------------------------------------------------------------------------


def plan_lines(plan: TrialPlan) -> Iterator[str]:
    """Which rows and columns leave."""
    rows = plan.rows.labels.rows
    of = f"{rows:,} of {plan.of:,} rows" if rows < plan.of else f"all {rows:,} rows"
    yield f"{of} of the eval slice of run {plan.run}"
    listed = ", ".join(plan.columns[:_SHOWN_COLUMNS])
    more = len(plan.columns) - _SHOWN_COLUMNS
    yield f"{count(len(plan.columns), 'column')}: {listed}{f' and {more} more' if more > 0 else ''}"
    yield f"prompts by {plan.template.source or 'the template that is made of the settings'}"


def estimate_line(trial: RowTrial | JumpStartTrial) -> str:
    """`amazon.nova-lite-v1:0 in us-east-1: about 31,900 tokens in (…), at most 20,000 out: at most
    $0.0067`."""
    model = trial.model
    if model.kind == JUMPSTART:
        instance, hourly = getattr(trial, "instance", ""), model.price.hourly
        price = f"{money(hourly)} an hour" if hourly is not None else "its price is unknown"
        return f"{model.id} in {', '.join(model.regions)}: a transform job on {instance}, {price}"
    return _tokens_line(model, trial.tokens)  # type: ignore[union-attr]


def _tokens_line(model: TriedModel, tokens: TokenEstimate) -> str:
    how = (
        f"{count(tokens.counted, 'prompt')} counted"
        if tokens.counted
        else "by length, since it has no CountTokens"
    )
    text = (
        f"{model.id} in {', '.join(model.regions)}: about {tokens.input_tokens:,} tokens in "
        f"({how}), at most {tokens.output_most:,} out"
    )
    if (rates := model.rates) is None:
        return f"{text}; its price is unknown"
    return f"{text}: at most {money(rates.of(tokens.most))}"


def progress_line(candidate: str, progress: AskingProgress, *, dollars: bool) -> str:
    """`amazon.nova-lite-v1:0 120 of 200 rows, 3 without an answer, $0.0021`."""
    parts = [f"{progress.asked:,} of {progress.rows:,} rows"]
    if progress.unanswered:
        parts.append(f"{progress.unanswered:,} without an answer")
    used = progress.used
    parts.append(money(used) if dollars else f"{int(used):,} tokens")
    if progress.busy:
        parts.append(f"waiting: {progress.busy}")
    return f"{candidate} {', '.join(parts)}"


# -- after -----------------------------------------------------------------------------------------


def trials(listed: Sequence[CandidateTrial], *, width: int) -> RenderableType:
    """The verdict of each, then one table: of one trial its metrics, of several a line for each."""
    parts: list[RenderableType] = []
    for trial in listed:
        parts.append(_verdict(trial, verdict(trial), named=len(listed) > 1))
        parts += [Text.from_markup(line, overflow="fold") for line in _remarks(trial)]
    if len(listed) == 1:
        parts += [_metrics(listed[0]), _facts(listed[0])]
    else:
        parts.append(_side_by_side(listed, width=width))
    return Group(*parts)


def _verdict(trial: CandidateTrial, said: TrialVerdict, *, named: bool) -> Text:
    text = Text(f"{trial.candidate}: " if named else "", style="bold", overflow="fold")
    text.append(said.head, style=_STYLES.get(said.head, "bold yellow"))
    return text.append(said.text.removeprefix(said.head), style="not bold")


def _remarks(trial: CandidateTrial) -> Iterator[str]:
    if trial.stopped:
        yield (
            f"[yellow]It stopped after {trial.asked:,} of {trial.rows:,} rows[/]: "
            f"{escape(trial.stopped)}"
        )
    if trial.caution:
        yield f"[yellow]Few rows[/]: {escape(trial.caution)}. More with --rows"
    if trial.unanswered:
        yield (
            f"[yellow]{count(trial.unanswered, 'row')} without an answer[/]: "
            f"{escape(trial.why_unanswered)}"
        )
    if trial.unparsable:
        yield f"[yellow]{count(trial.unparsable, 'answer')} cannot be read[/], such as"
        for example in trial.examples:
            yield f"  {escape(example)}"


def _metrics(trial: CandidateTrial) -> RenderableType:
    if not trial.metrics:
        return Text()
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    drawn.add_column("", no_wrap=True)
    drawn.add_column("candidate", justify="right", no_wrap=True)
    compared = any(pair.champion is not None for pair in trial.metrics)
    if compared:
        version = f" {trial.champion}" if trial.champion else ""
        drawn.add_column(f"champion{version}", justify="right", no_wrap=True)
        drawn.add_column("", overflow="fold")
    for pair in trial.metrics:
        style = "bold" if pair.name == trial.metric else ""
        cells = [_score(pair.candidate, pair)]
        if compared:
            cells += [_score(pair.champion, pair), _difference(trial, pair)]
        drawn.add_row(escape(pair.name), *cells, style=style)
    return drawn


def _score(value: float | None, pair: MetricPair) -> str:
    if value is None:
        return "—"
    sizes = [abs(each) for each in (pair.candidate, pair.champion) if each]
    return score_text(value, like=min(sizes, default=None)).replace("-", "−")


def _difference(trial: CandidateTrial, pair: MetricPair) -> str:
    metric = PROBLEMS[trial.problem].metrics.get(pair.name)
    if pair.name == trial.metric and trial.regression is not None:
        return difference_text(trial.regression, like=pair.champion)
    if metric is None or pair.candidate is None or pair.champion is None:
        return ""
    worse = metric.worse_by(pair.candidate, than=pair.champion)
    return difference_text(worse, like=pair.champion)


def _facts(trial: CandidateTrial) -> RenderableType:
    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, text in _fact_lines(trial):
        drawn.add_row(name, escape(text))
    return drawn


def _fact_lines(trial: CandidateTrial) -> Iterator[tuple[str, str]]:
    yield (
        "rows",
        ", ".join(
            [
                f"{trial.scored:,} scored of {trial.rows:,}",
                f"{trial.unparsable:,} unparsable",
                f"{trial.unanswered:,} unanswered",
                *([f"{trial.not_asked:,} not asked"] if trial.not_asked else []),
            ]
        ),
    )
    if tokens := _tokens(trial):
        yield "tokens", tokens
    yield "cost", _cost(trial)
    if latency := _latency(trial):
        yield "latency", latency
    yield "sent to", ", ".join(trial.regions) + (" (the local cloud)" if trial.local else "")
    yield "trial", trial.id


def _tokens(trial: CandidateTrial) -> str:
    if trial.input_tokens is None or trial.output_tokens is None or trial.answered <= 0:
        return ""
    ins, outs = (t / trial.answered for t in (trial.input_tokens, trial.output_tokens))
    return f"{ins:,.0f} in and {outs:,.0f} out a row"


def _cost(trial: CandidateTrial) -> str:
    if trial.cost_usd is None:
        return "unknown: nobody knows the price"
    text = f"{'on AWS ' if trial.local else ''}{money(trial.cost_usd)}"
    dollars = trial.usd_per_1000_rows
    if dollars is not None:
        text += f", {money(dollars)} for 1,000 rows"
    return f"{text} ({trial.price.source}{', ' if trial.price.date else ''}{trial.price.date})"


def _latency(trial: CandidateTrial) -> str:
    parts = []
    if trial.latency_p50_ms is not None and trial.latency_p95_ms is not None:
        parts.append(f"p50 {trial.latency_p50_ms:,.0f} ms, p95 {trial.latency_p95_ms:,.0f} ms")
    if trial.wall_p50_ms is not None and trial.wall_p95_ms is not None:
        parts.append(
            f"with the network p50 {trial.wall_p50_ms:,.0f} ms, p95 {trial.wall_p95_ms:,.0f} ms"
        )
    if trial.champion_latency_ms is not None:
        parts.append(f"the champion {score_text(trial.champion_latency_ms)} ms, in a process here")
    return "; ".join(parts)


def _side_by_side(listed: Sequence[CandidateTrial], *, width: int) -> RenderableType:
    """The best by the metric first; trials without a score last."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    drawn.add_column("candidate", overflow="fold")
    drawn.add_column(escape(listed[0].metric), justify="right", no_wrap=True)
    drawn.add_column("difference", overflow="fold")
    drawn.add_column("1,000 rows", justify="right", no_wrap=True)
    wide = width >= _NARROW
    if wide:
        drawn.add_column("p50 ms", justify="right", no_wrap=True)
        drawn.add_column("p95 ms", justify="right", no_wrap=True)
        drawn.add_column("no answer", justify="right", no_wrap=True)
    for trial in sorted(listed, key=_rank):
        pair, dollars = trial.pair, trial.usd_per_1000_rows
        cells = [
            escape(trial.candidate),
            "—" if pair is None else _score(pair.candidate, pair),
            _difference(trial, pair) if pair else "",
            "unknown" if dollars is None else money(dollars),
        ]
        if wide:
            cells += [_milliseconds(trial.latency_p50_ms), _milliseconds(trial.latency_p95_ms)]
            cells.append(f"{trial.unanswered + trial.unparsable:,}")
        drawn.add_row(*cells)
    return drawn


def _rank(trial: CandidateTrial) -> tuple[bool, float]:
    pair = trial.pair
    if pair is None or pair.candidate is None:
        return True, 0.0
    metric = PROBLEMS[trial.problem].metrics.get(trial.metric)
    rises = metric is None or metric.rises
    return False, -pair.candidate if rises else pair.candidate


def _milliseconds(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"


def as_data(trial: CandidateTrial) -> dict[str, Any]:
    """For `--json`."""
    said = verdict(trial)
    return {**trial.as_data(), "verdict": {"head": said.head, "text": said.text}}


def total(listed: Sequence[CandidateTrial]) -> Decimal | None:
    """What all trials cost; None: of one nobody knows."""
    costs = [trial.cost_usd for trial in listed]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
