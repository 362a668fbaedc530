"""`ratchet runs`, `show` and `stop`: what ran, and how it went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import (
    AnyPipelineName,
    Environment,
    Follow,
    Json,
    Local,
    Model,
    RunName,
    Yes,
    connect,
    connect_to_change,
)

if TYPE_CHECKING:
    from ratchet.deployment.runs.executions import Run, RunState
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="List the newest runs.")(runs)
    app.command(short_help="Show a run: steps, cache hits, gate, metrics, model.")(show)
    app.command(short_help="Stop a run.")(stop)
    app.command(short_help="Continue a run that failed or was stopped.")(retry)


def runs(
    pipeline: AnyPipelineName = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """List the newest runs, newest first, those of edits among them."""
    from ratchet.cli.views.run_list import table
    from ratchet.deployment.pipelines import in_place
    from ratchet.views import runs as run_views
    from ratchet.views.plain import as_json as plain

    target = connect(environment, local, model)
    for service in ("sagemaker", "s3", "ssm", "cloudformation"):
        target.client(service)  # made here once: making clients is not safe in threads
    with ThreadPoolExecutor(max_workers=1) as pool:
        changed = pool.submit(in_place.changed_names, target)
        listed = run_views.newest(target, pipeline, limit=limit)
    now = datetime.now().astimezone()
    states = [run.state for run in listed]
    if as_json:
        echo_json(plain(run_views.run_views(listed, now=now)))
    elif states:
        costs = {run.state.run.id: run.cost for run in listed if run.cost}
        names = {state.run.pipeline for state in states}
        console = out()
        console.print(table(states, now=now, width=console.width, costs=costs))
        for name in changed.result() or ():
            if name in names:
                err().print(in_place.sentence(name, target.command), soft_wrap=True)
        err().print(f"[dim]{target.command(f'show {states[0].run.id}')}[/]", soft_wrap=True)
    else:
        out().print("No runs yet.")
        err().print(f"[dim]{target.command('land FILE…')}[/]", soft_wrap=True)


def show(
    run: RunName = "latest",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for the run's end, showing its steps.")
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show a run: steps, times, cache hits and why, the gate's numbers, the model."""
    from ratchet.cli.views import live
    from ratchet.deployment.runs import executions

    target = connect(environment, local, model)
    execution = executions.find(target, run)
    if follow:
        state = live.follow(target, execution, err() if as_json else out())
    else:
        state = executions.read(target, execution)
    show_run(target, state, as_json=as_json)


def show_run(target: Target, state: RunState, *, as_json: bool = False) -> None:
    """Prints everything about a run."""
    from ratchet.cli.views.run_view import document
    from ratchet.views import runs as run_views
    from ratchet.views.plain import as_json as plain

    run = run_views.results(target, state)
    now = datetime.now().astimezone()
    if as_json:
        echo_json(plain(run_views.run_detail(run, now=now)))
        return
    console = out()
    state = run.state
    label = target.settings.model.label
    drawn = document(state, run.results, now=now, cost=run.cost, label=label, width=console.width)
    for part in drawn:
        console.print(part, crop=False)
    if not state.run.finished:
        following = f"show {state.run.id} --follow"
    else:
        failed = [s.name for s in state.steps if s.status == "Failed" and s.job]
        following = f"logs {state.run.id}{' ' + failed[0] if failed else ''}"
    err().print(f"[dim]{target.command(following)}[/]", soft_wrap=True)


def show_to_the_end(target: Target, run: Run) -> None:
    """Shows a run while it goes on, and everything about it at its end. Exits with 1 when it did
    not succeed, with 130 when the user goes away."""
    from ratchet.cli.views.live import follow

    try:
        state = follow(target, run, out())
    except KeyboardInterrupt:
        err().print(
            f"\nThe run goes on. Follow it again: {target.command(f'show {run.id} --follow')}"
            f"; end it: {target.command(f'stop {run.id}')}",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    show_run(target, state)
    if state.run.status != "Succeeded":
        raise typer.Exit(1)


def stop(
    run: RunName,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Stop a run. Its running jobs stop; finished steps keep their results."""
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.runs import executions

    doing = f"stop the run {run}"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    execution = executions.find(target, run)
    if execution.finished:
        raise DeploymentError(
            f"{execution.name} ({execution.id}) has ended already: {execution.status}"
        )
    target.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=execution.arn)
    out().print(f"Stopping {execution.name} ({execution.id})", soft_wrap=True)
    err().print(f"[dim]{target.command(f'show {execution.id} --follow')}[/]", soft_wrap=True)


def retry(
    run: RunName,
    follow: Follow = True,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Continue a run that failed or was stopped.

    Steps that have succeeded keep their results; the others run. The definition
    and the data stay the same. After an edit, `ratchet run` starts a new run,
    whose unchanged steps are cache hits.
    """
    from ratchet.deployment.pipelines import launch
    from ratchet.deployment.runs import executions

    doing = f"continue the run {run}"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    again = launch.retry(target, executions.find(target, run))
    out().print(f"Retrying {again.name} ({again.id})", soft_wrap=True)
    if follow:
        show_to_the_end(target, again)
    else:
        err().print(f"[dim]{target.command(f'show {again.id} --follow')}[/]", soft_wrap=True)
