"""Draws `ratchet costs`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.cost_words import (
    bar,
    gaps,
    month_name,
    price_lines,
    savings,
    share,
    shown,
    spark,
    total_sentence,
)
from ratchet.cli.views.wording import MARKS, count, moment
from ratchet.costs import money, rows
from ratchet.costs_report.grouping import Amount, ReportLine, Spent
from ratchet.costs_report.models import Models
from ratchet.costs_report.report import CostReport

_WIDE, _MIDDLE = 118, 96
"""Columns of a terminal from which savings and months are drawn more widely."""
_BAR, _GAP = 12, 2
_TOTAL = "total"
"""What the footer says in the column that names the lines."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    title: str
    cell: Callable[[ReportLine], str]
    total: str = ""
    left: bool = False
    fold: bool = False
    rank: int = 0
    """0: it is always drawn. Of the others the highest goes first where there is no room."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Where a report is drawn."""

    now: datetime
    width: int
    prefix: str
    """Of the names of this environment's pipelines: a table says `training`."""


def overview(report: CostReport, at: Drawing) -> list[RenderableType]:
    """This month beside those before, pipelines, months, what was saved, whose prices."""
    parts: list[RenderableType] = [Text.from_markup(_headline(report))]
    parts.append(_table(report, at))
    if len(report.months) > 1:
        parts.append(months(report, width=at.width))
    return [*parts, *_notes(report)]


def grouped(report: CostReport, at: Drawing) -> list[RenderableType]:
    """One table of lines under the total."""
    parts: list[RenderableType] = [Text.from_markup(f"{_title(report)}: {total_sentence(report)}")]
    if report.by == "month":
        parts.append(months(report, width=at.width))
    elif report.by == "model":
        parts.append(_models(report.models, limit=report.limit))
        parts.append(Text.from_markup(_about_models(report)))
    else:
        parts.append(_table(report, at))
    return [*parts, *_notes(report)]


def _headline(report: CostReport) -> str:
    lines = []
    if report.months:
        newest, *before = report.months[:3]
        running = newest.name == report.today.strftime("%Y-%m")
        lines.append(
            f"[bold]{month_name(newest.name)}{' so far' if running else ''}  "
            f"{shown(newest.spent)}[/]"
            + "".join(f"[dim] · {month_name(m.name)} {shown(m.spent)}[/]" for m in before)
        )
    lines.append(f"{_title(report)}: {total_sentence(report)}")
    return "\n".join(lines)


def _title(report: CostReport) -> str:
    what = f"experiment {escape(report.experiment)}, " if report.experiment else ""
    return f"{what}{report.period.first} to {report.period.last}"


def _columns(report: CostReport, at: Drawing) -> list[_Column]:
    total = report.total
    columns = list(_naming(report, at))
    columns += [
        _Column(title="cost", cell=lambda x: shown(x.spent), total=shown(total)),
        _Column(title="share", cell=lambda x: share(x.spent.cost, total.cost), rank=1),
        _Column(title="", cell=lambda x: bar(x.spent.cost, total.cost, _BAR), left=True, rank=7),
    ]
    if report.by != "run":
        runs = f"{total.runs:,}" if total.runs else ""
        columns += [
            _Column(title="runs", cell=_runs, total=runs, rank=2),
            _Column(title="a run", cell=_per_run, rank=5),
        ]
    columns += [
        _Column(title=title, cell=_saved(by), total=money.shown(by(total)), rank=3)
        for title, by in _savings(report, at.width)
    ]
    if report.by != "run" and len(report.trend.starts) > 1:
        title = f"by {report.trend.unit}"
        columns.append(_Column(title=title, cell=lambda x: spark(x.trend), left=True, rank=4))
    return columns


def _fitting(columns: Sequence[_Column], lines: Sequence[ReportLine], width: int) -> list[_Column]:
    """Drops columns that do not fit: a missing number is better than a cut one."""
    widths = {id(column): _width(column, lines) + _GAP for column in columns}
    fitting = list(columns)
    while sum(widths[id(column)] for column in fitting) > width:
        last = max(fitting, key=lambda column: column.rank)
        if not last.rank:
            break
        fitting.remove(last)
    return fitting


def _width(column: _Column, lines: Sequence[ReportLine]) -> int:
    texts = [column.title, column.total, *map(column.cell, lines)]
    return max(Text.from_markup(text).cell_len for text in texts)


_Saving = Callable[[Spent], Decimal]


def _runs(line: ReportLine) -> str:
    return f"{line.spent.runs:,}" if line.kind == rows.STEP else ""


def _savings(report: CostReport, width: int) -> list[tuple[str, _Saving]]:
    """What caching and spot capacity saved: one column in a narrow terminal."""
    both: list[tuple[str, _Saving]] = [
        ("cache saved", lambda spent: spent.saved_by_cache),
        ("spot saved", lambda spent: spent.saved_by_spot),
    ]
    nonzero = [saving for saving in both if saving[1](report.total)]
    if len(nonzero) < 2 or width >= _WIDE:
        return nonzero
    return [("saved", lambda spent: spent.saved_by_cache + spent.saved_by_spot)]


def _saved(by: _Saving) -> Callable[[ReportLine], str]:
    return lambda line: money.shown(by(line.spent)) if by(line.spent) else ""


def _naming(report: CostReport, at: Drawing) -> Iterator[_Column]:
    """The columns that name a line."""
    steps = [line for line in report.lines if line.kind == rows.STEP]
    several = len({line.name for line in steps}) > 1
    pipeline = _Column(title="pipeline", cell=lambda x: _pipeline(x, at), left=True)
    if report.by == "run":
        yield _Column(title="", cell=lambda x: MARKS.get(x.run_status, ""), left=True)
        yield _Column(title="run", cell=lambda x: x.run or _named(x, at), total=_TOTAL, left=True)
        yield _Column(title="name", cell=lambda x: escape(x.run_name), left=True, rank=6)
        if several:
            yield replace(pipeline, rank=4)
        if len({line.experiment for line in steps}) > 1:
            yield _Column(
                title="experiment", cell=lambda x: escape(x.experiment), left=True, rank=5
            )
        yield _Column(title="started", cell=lambda x: _started(x, at.now), left=True, rank=2)
    elif report.by == "step":
        yield _Column(title="step", cell=lambda x: x.step or _named(x, at), total=_TOTAL, left=True)
        if several:
            yield pipeline
    else:
        title = report.by or "pipeline"
        yield _Column(title=title, cell=lambda x: _named(x, at), total=_TOTAL, left=True, fold=True)


def _named(line: ReportLine, at: Drawing) -> str:
    if line.kind == rows.STEP:
        return escape(line.name.removeprefix(at.prefix)) or "[dim]none[/]"
    return f"[dim]{line.kind}[/] {escape(line.name)}"


def _pipeline(line: ReportLine, at: Drawing) -> str:
    return escape(line.name.removeprefix(at.prefix)) if line.kind == rows.STEP else ""


def _started(line: ReportLine, now: datetime) -> str:
    if line.kind != rows.STEP or not line.started:
        return ""
    return moment(rows.time_of(line.started), now)


def _per_run(line: ReportLine) -> str:
    spent = line.spent
    if line.kind != rows.STEP or not spent.runs:
        return ""
    return shown(Amount(cost=spent.cost / spent.runs, unknown=spent.unknown))


def _table(report: CostReport, at: Drawing) -> Table:
    """The lines, those beyond the limit in one, and the total below.

    Steps that cost nothing and were to cost nothing, such as conditions, are counted only.
    """
    free = [line for line in report.lines if report.by == "step" and _free(line.spent)]
    lines = [line for line in report.lines if line not in free]
    first = lines[: report.limit]
    columns = _fitting(_columns(report, at), first, at.width)
    drawn = _framed()
    for column in columns:
        drawn.add_column(
            column.title,
            justify="left" if column.left else "right",
            no_wrap=not column.fold,
            overflow="fold",
            footer=column.total,
        )
    for line in first:
        drawn.add_row(*(column.cell(line) for column in columns))
    for words, hidden in (("more", lines[len(first) :]), ("at no cost", free)):
        if hidden:
            drawn.add_row(*_together(hidden, f"… and {len(hidden):,} {words}", columns))
    return drawn


def _free(spent: Spent) -> bool:
    saved = spent.saved_by_cache or spent.saved_by_spot or spent.unknown_savings
    return not (spent.cost or spent.unknown or saved)


def _together(lines: Sequence[ReportLine], words: str, columns: Sequence[_Column]) -> list[str]:
    amount = Amount(
        cost=money.total(line.spent.cost for line in lines),
        unknown=sum(line.spent.unknown for line in lines),
    )
    cells = {"cost": shown(amount)}
    return [
        f"[dim]{words if column.total == _TOTAL else cells.get(column.title, '')}[/]"
        for column in columns
    ]


def _framed() -> Table:
    return Table(
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 0, 0, 1),
        header_style="bold",
        footer_style="bold",
        show_footer=True,
    )


def months(report: CostReport, *, width: int) -> Table:
    """A line a month, the newest first, with a bar beside the dearest one."""
    drawn = _framed()
    kinds = {kind for by_kind in report.kinds_by_month.values() for kind in by_kind}
    total = report.total
    drawn.add_column("month", no_wrap=True, footer="total")
    drawn.add_column("cost", justify="right", no_wrap=True, footer=shown(total))
    if width >= _MIDDLE:
        drawn.add_column("", no_wrap=True)
    drawn.add_column("runs", justify="right", no_wrap=True, footer=f"{total.runs:,}")
    titles = {rows.STEP: "their cost", rows.ENDPOINT: "endpoints", rows.BUCKET: "storage"}
    several = {kind: title for kind, title in titles.items() if kind in kinds and len(kinds) > 1}
    for title in several.values():
        drawn.add_column(title, justify="right", no_wrap=True)
    saved = _savings(report, width)
    for title, by in saved:
        drawn.add_column(title, justify="right", no_wrap=True, footer=money.shown(by(total)))
    dearest = max((line.spent.cost for line in report.months), default=Decimal(0))
    for line in report.months:
        by_kind = report.kinds_by_month[line.name]
        drawn.add_row(
            line.name,
            shown(line.spent),
            *([bar(line.spent.cost, dearest, _BAR)] if width >= _MIDDLE else []),
            f"{line.spent.runs:,}",
            *(shown(by_kind[kind]) if kind in by_kind else "" for kind in several),
            *(_saved(by)(line) for _, by in saved),
        )
    return drawn


def _models(models: Models, *, limit: int | None) -> Table:
    drawn = _framed()
    several = len({line.pipeline for line in models.lines}) > 1
    mean = models.per_version
    drawn.add_column("version", no_wrap=True, footer="a version" if mean is not None else "")
    if several:
        drawn.add_column("pipeline", overflow="fold")
    drawn.add_column("day", no_wrap=True)
    drawn.add_column("registered by", no_wrap=True)
    drawn.add_column("runs", justify="right", no_wrap=True)
    mean_cost = "" if mean is None else shown(Amount(cost=mean, unknown=models.unknown))
    drawn.add_column("cost", justify="right", no_wrap=True, footer=mean_cost)
    drawn.add_column("", no_wrap=True)
    dearest = max((line.cost for line in models.lines), default=Decimal(0))
    for line in models.lines[:limit]:
        drawn.add_row(
            ", ".join(map(str, line.versions)) or "[dim]none yet[/]",
            *([escape(line.pipeline)] if several else []),
            str(line.day),
            line.run,
            f"{line.runs:,}",
            shown(Amount(cost=line.cost, unknown=line.unknown)),
            bar(line.cost, dearest, _BAR),
        )
    if limit is not None and len(models.lines) > limit:
        drawn.add_row(f"[dim]… and {len(models.lines) - limit:,} more[/]")
    return drawn


def _about_models(report: CostReport) -> str:
    if not report.models.registered:
        return "No version was registered in this period."
    return (
        "[dim]A version costs what the runs of its pipeline have cost since the version before "
        "it, including runs that registered nothing. Runs before "
        f"{report.period.first}, other pipelines, endpoints and storage are not included.[/]"
    )


def _notes(report: CostReport) -> list[RenderableType]:
    """What was saved, what a model cost, whose prices, and what has none."""
    lines = list(savings(report))
    mean = report.models.per_version
    if mean is not None and report.by != "model":
        amount = shown(Amount(cost=mean, unknown=report.models.unknown))
        lines.append(
            f"a registered model  {amount} each, of {count(report.models.registered, 'version')}"
        )
    lines += price_lines(report)
    lines += gaps(report)
    return [Text.from_markup("\n".join(lines))] if lines else []
