"""`ratchet monitor`: the traffic compared with the rows that the champion was evaluated on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import (
    CommandGroup,
    Environment,
    Json,
    Local,
    Model,
    Yes,
    before_the_command,
    connect,
    connect_to_change,
)
from ratchet.loop import names

if TYPE_CHECKING:
    from ratchet.deployment.monitoring.analyses import Analysis
    from ratchet.deployment.target.environment import Target
    from ratchet.loop.facts import ServingFacts

app = typer.Typer(
    cls=CommandGroup, help="Compare captured traffic with the baseline.", no_args_is_help=True
)
app.callback()(before_the_command)


class Engine(StrEnum):
    model_monitor = names.MODEL_MONITOR
    pipeline = names.PIPELINE


Pictures = Annotated[
    int,
    typer.Option(
        "--pictures",
        min=0,
        metavar="N",
        help="For how many drifted features to draw a picture.",
    ),
]


@app.command()
def show(
    pictures: Pictures = 8,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show the newest analysis: outcome, violations, pictures of what drifted."""
    from ratchet.deployment.monitoring import analyses
    from ratchet.deployment.target import facts

    target = connect(environment, local, model)
    serving = facts.read_serving(target)
    analysis = analyses.newest(target, serving)
    if analysis is None:
        if as_json:
            echo_json(None)
            return
        out().print("No analysis yet: none has run since a version began to serve.")
        err().print(f"[dim]{target.command('monitor run')}[/]", soft_wrap=True)
        return
    _print(target, serving, analysis, pictures=pictures, as_json=as_json)


@app.command()
def run(
    engine: Annotated[
        Engine | None,
        typer.Option("--engine", help="Default: the engine in use.", show_default=False),
    ] = None,
    pictures: Pictures = 8,
    as_json: Json = False,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Analyze the captured traffic now, without waiting for the schedule.

    The exit status is 0 whether or not something has drifted, and 1 if the
    analysis failed.
    """
    from ratchet.deployment import standing
    from ratchet.deployment.monitoring import starting as monitoring
    from ratchet.deployment.target import facts

    doing = "start an analysis of the captured traffic"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    serving = facts.read_serving(target)
    watching = monitoring.engine_of(target, standing.stack_state(target, serving.stack))
    if (engine or watching) == names.PIPELINE:
        analysis = _run_pipeline(target, serving)
    else:
        with err().status(f"[dim]{serving.monitor_schedule} runs[/]"):
            analysis = monitoring.run_schedule(target, serving)
    if analysis is None:
        out().print("Nothing to analyze: nothing was captured since the last analysis.")
        return
    _print(target, serving, analysis, pictures=pictures, as_json=as_json)
    if analysis.outcome == "Failed":
        raise typer.Exit(1)


def _run_pipeline(target: Target, serving: ServingFacts) -> Analysis | None:
    from ratchet.cli.views.live import follow
    from ratchet.deployment.monitoring import analyses
    from ratchet.deployment.monitoring import starting as monitoring

    started = monitoring.start_pipeline(target, serving)
    state = follow(target, started, err())
    step = state.step(analyses.ANALYZE_STEP)
    if state.run.status != "Succeeded" and (step is None or step.status == "Succeeded"):
        err().print(
            f"{started.name} {state.run.status}: {state.run.failure}\n"
            f"{target.command(f'show {started.id}')}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    if step is None or not step.job:
        return None
    return analyses.read(target, analyses.source_of(step, started))


def _print(
    target: Target, serving: ServingFacts, analysis: Analysis, *, pictures: int, as_json: bool
) -> None:
    from ratchet.cli.views.analysis_view import as_document, document
    from ratchet.cli.views.status_view import quality_notice
    from ratchet.deployment import standing

    drift = standing.alarms(target, serving.alarms).get("drift")
    if as_json:
        echo_json(as_document(analysis, drift=drift))
        return
    console = out()
    now = datetime.now().astimezone()
    for part in document(analysis, drift=drift, now=now, pictures=pictures):
        console.print(part, crop=False)
    if without := target.settings.model.no_quality_analysis:
        console.print(quality_notice(without), soft_wrap=True)
    drifted = drift is not None and drift.state == "ALARM"
    err().print(f"[dim]{target.command('runs' if drifted else 'status')}[/]", soft_wrap=True)
