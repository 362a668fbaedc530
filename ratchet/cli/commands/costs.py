"""`ratchet costs`: what recorded runs, endpoints and buckets cost."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ratchet.cli import completion
from ratchet.cli.commands import costs_bill, costs_estimate
from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.options import ANYWHERE, CommandGroup, Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from ratchet.costs_report.report import CostReport
    from ratchet.deployment.target.environment import Target

_SHOWN = 20
"""Lines of a table when no limit is given. JSON and CSV have all of them."""

app = typer.Typer(cls=CommandGroup, invoke_without_command=True)
costs_estimate.register(app)
costs_bill.register(app)


class By(StrEnum):
    run = "run"
    experiment = "experiment"
    pipeline = "pipeline"
    step = "step"
    month = "month"
    model = "model"


class CostFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


@app.callback(short_help="Show costs, estimate the next run, compare with the bill.")
def costs(
    ctx: typer.Context,
    by: Annotated[
        By | None,
        typer.Option("--by", help="Show one line for each of these; default: an overview."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="30d, 8w, 6m, 2026-11-01 or 2026-11; default: this month and the two before it.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="The last day, or month.")
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            metavar="NAME",
            help="For example `training`.",
            autocompletion=completion.pipelines,
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="NAME", help="Only the runs of this experiment."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            metavar="N",
            help="How many lines; default: 20 in a table, all for scripts.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        CostFormat, typer.Option("--format", help="For a terminal, a spreadsheet, or scripts.")
    ] = CostFormat.table,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show what runs, endpoints and storage cost, as recorded when they ended.

    A run counts on the day it started (UTC). Steps without a known price are
    named and counted, never taken as zero.
    """
    if ctx.invoked_subcommand is not None:
        _nothing_before(ctx)
        return
    from ratchet.costs_report.period import read
    from ratchet.views.costs import cost_view, read_report
    from ratchet.views.plain import as_json as plain

    form = CostFormat.json if as_json else form
    today = datetime.now(UTC).date()
    try:
        period = read(since, until, today=today)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--since, --until") from None
    target = connect(environment, local, model)
    shown = limit if limit or form is not CostFormat.table else _SHOWN
    report = read_report(
        target,
        by=by.value if by else None,
        period=period,
        pipeline=pipeline,
        experiment=experiment or "",
        limit=shown,
    )
    if form is CostFormat.json:
        echo_json(plain(cost_view(report)))
    elif form is CostFormat.csv:
        from ratchet.cli.views.cost_lines import as_csv

        echo(as_csv(cost_view(report)), newline=False)
    else:
        _print(target, report)


def _nothing_before(ctx: typer.Context) -> None:
    """`costs --since 8w reconcile` must not compare another month.

    Raises:
        BadParameter: an option of `costs` itself stands before the command's name.
    """
    options = [
        name
        for name in ctx.params
        if name not in ANYWHERE
        and (source := ctx.get_parameter_source(name))
        and source.name == "COMMANDLINE"
    ]
    if options:
        command = ctx.invoked_subcommand
        raise typer.BadParameter(
            f"it goes after the command's name: ratchet costs {command} …",
            param_hint=", ".join(f"--{name.replace('_', '-')}" for name in options),
        )


def _print(target: Target, report: CostReport) -> None:
    from ratchet.cli.views import cost_view

    console = out()
    if not report.months:
        from ratchet.deployment.costs import recorded as recorded_costs

        reason, command = recorded_costs.why_nothing(target, report.period)
        console.print(reason, soft_wrap=True)
        err().print(f"[dim]{target.command(command)}[/]", soft_wrap=True)
        return
    draw = cost_view.grouped if report.by else cost_view.overview
    at = cost_view.Drawing(
        now=datetime.now().astimezone(), width=console.width, prefix=f"{target.settings.prefix}-"
    )
    for part in draw(report, at):
        console.print(part)
    err().print(f"[dim]{target.command(_next(report))}[/]", soft_wrap=True)


def _next(report: CostReport) -> str:
    if report.by is None:
        return "costs --by run"
    if report.by == "run":
        runs = [line.run for line in report.lines if line.run]
        return f"show {runs[0]}" if runs else "costs"
    return "costs --by step" if report.by in {"pipeline", "experiment"} else "costs --by run"
