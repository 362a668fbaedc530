"""`ratchet monitor`: the traffic compared with the rows that the champion was evaluated on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

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
from ratchet.cli.views.wording import count
from ratchet.loop import names
from ratchet.loop.problems import MULTICLASS

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


_MOST_CLASSES = 10
_WRITTEN_AFTER, _WRITTEN_AFTER_LOCALLY = 3600.0, 60.0
"""Seconds after which what was captured is an object in S3."""

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


@app.command()
def labels(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, JSON or JSON lines.", show_default=False),
    ],
    unmatched: Annotated[
        bool,
        typer.Option("--unmatched", help="Also upload labels of requests that were not captured."),
    ] = False,
    new_classes: Annotated[
        bool,
        typer.Option("--new-classes", help="Also upload classes that no judged row has."),
    ] = False,
    as_json: Json = False,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Upload labels that became known, to be compared with the endpoint's answers.

    A row of FILE has the request's inference_id and a label, in a column of the
    model's label or `label`: what `ratchet predict --csv` printed, with a column
    more. Analyses compare labels with answers of the last 7 days. If a row is
    wrong, nothing is uploaded.
    """
    from ratchet.deployment.errors import DeploymentError, UsageError
    from ratchet.deployment.monitoring import label_file
    from ratchet.deployment.monitoring import labels as arrived
    from ratchet.deployment.target import facts

    doing = "upload labels, which the next analysis reads"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    about = target.settings.model
    if new_classes and about.problem != MULTICLASS:
        raise UsageError(f"--new-classes: a {about.problem} problem has no further classes")
    allowed = label_file.ModelLabels(about, arrived.eval_classes(target), new_classes=new_classes)
    labels = label_file.read(file, model=allowed)
    serving = facts.read_serving(target)
    now = datetime.now(UTC)
    answers = arrived.captured(target, serving, {each.id for each in labels.requests}, now=now)
    match = arrived.match(labels.requests, answers)
    if match.unmatched and not unmatched and _is_known(target, file, all_read=answers.all_read):
        raise DeploymentError(_unmatched(match.unmatched, len(labels.requests)))
    uri = ""
    if labels.requests:
        uri = arrived.upload(target, serving, labels.requests, name=file.stem, now=now)
    report = {
        "uri": uri or None,
        "requests": len(labels.requests),
        "labels": sum(len(each.labels) for each in labels.requests),
        "matched": match.matched,
        "unmatched": match.unmatched,
        "incomplete": labels.incomplete,
        "classes": labels.classes,
        "checked": new_classes or allowed.rule is not None,
    }
    if as_json:
        echo_json(report)
        return
    _print_labels(target, report)


def _is_known(target: Target, file: Path, *, all_read: bool) -> bool:
    """Whether every request that the file can be about has been captured and looked at.

    AWS writes what it captures minutes later, and a share of it is not captured where the settings
    say so.
    """
    age = time.time() - file.stat().st_mtime
    written = age > (_WRITTEN_AFTER_LOCALLY if target.local else _WRITTEN_AFTER)
    return all_read and written and target.settings.endpoint.capture_percent == 100


def _unmatched(ids: list[str], requests: int) -> str:
    shown = ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
    return (
        f"nothing was uploaded: of {count(requests, 'request')}, {len(ids):,} match no answer "
        f"that was captured in the last 7 days: {shown}. Take these rows out, or send them all "
        "the same: --unmatched"
    )


def _shares(classes: Mapping[str, int]) -> str:
    listed = sorted(classes.items(), key=lambda item: -item[1])
    more = f" and {len(listed) - _MOST_CLASSES:,} more" if len(listed) > _MOST_CLASSES else ""
    return ", ".join(f"{name} ({n:,})" for name, n in listed[:_MOST_CLASSES]) + more


def _print_labels(target: Target, report: Mapping[str, Any]) -> None:
    console = out()
    if report["uri"]:
        console.print(
            f"{count(report['labels'], 'label')} of {count(report['requests'], 'request')}, "
            f"{report['matched']:,} of them captured  {report['uri']}",
            soft_wrap=True,
        )
    if not report["checked"]:
        err().print(
            f"[yellow]Their names are not checked[/], since the classes of the rows that the "
            f"champion was judged by are not known: {escape(_shares(report['classes']))}",
            soft_wrap=True,
        )
    if report["incomplete"]:
        console.print(
            f"{count(report['incomplete'], 'request')} stayed out: a row has no label yet",
            soft_wrap=True,
        )
    if missing := len(report["unmatched"]):
        err().print(
            f"[yellow]{count(missing, 'request')} of {report['requests']:,} match no captured "
            "answer so far.[/] Captured answers are written some minutes later, and only a share "
            "of them where endpoint.capture_percent says so.",
            soft_wrap=True,
        )
    if report["uri"]:
        err().print(f"[dim]{target.command('monitor run')}[/]", soft_wrap=True)


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
    from ratchet.cli.views.analysis_view import document
    from ratchet.views import drift as drift_views
    from ratchet.views.plain import as_json as plain

    drift = drift_views.drift_alarm(target, serving)
    if as_json:
        echo_json(plain(drift_views.drift_view(analysis, drift)))
        return
    console = out()
    now = datetime.now().astimezone()
    for part in document(analysis, drift=drift, now=now, pictures=pictures):
        console.print(part, crop=False)
    drifted = drift is not None and drift.state == "ALARM"
    err().print(f"[dim]{target.command('runs' if drifted else 'status')}[/]", soft_wrap=True)
