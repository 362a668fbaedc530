"""`ratchet candidates show`: one model, one trial, or all trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from ratchet.candidates.results import CandidateTrial
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="Show one model, one trial, or all trials.")(show)


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|TRIAL",
            help="A model's id; a trial's, the beginning of one, or `latest`. Default: all trials.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show one foundation model, or what a trial came to.

    Of a model: access, each way to call it with its price, and for JumpStart
    the licence and the instances. Without a name: all trials, newest first.
    """
    from ratchet.candidates import results, trial_records

    target = connect(environment, local, model)
    trials, complaints = trial_records.read(target)
    for complaint in complaints:
        err().print(f"[yellow]![/] {escape(complaint)}", soft_wrap=True)
    if not name:
        _print_trials(target, trials, as_json=as_json)
        return
    if trial := results.named(name, trials):
        _print_trials(target, [trial], as_json=as_json)
        return
    if name == "latest" or name[:8].isdigit():
        raise results.no_such_trial(name, trials)
    _print_model(target, name, as_json=as_json)


def _print_trials(target: Target, trials: list[CandidateTrial], *, as_json: bool) -> None:
    from ratchet.cli.views import trial_view

    if as_json:
        echo_json([trial_view.as_data(trial) for trial in trials])
        return
    if not trials:
        out().print("No trial yet.")
        err().print(f"[dim]{target.command('candidates list')}[/]", soft_wrap=True)
        return
    console = out()
    console.print(trial_view.trials(trials, width=console.width))
    newest = trials[0].id
    if len(trials) > 1:
        err().print(f"[dim]{target.command(f'candidates show {newest}')}[/]", soft_wrap=True)


def _print_model(target: Target, name: str, *, as_json: bool) -> None:
    from ratchet.candidates import model_facts
    from ratchet.cli.views import candidate_view

    with err().status(f"[dim]asking for {escape(name)} …[/]"):
        facts = model_facts.read(target, name)
    console = out()
    if isinstance(facts, model_facts.BedrockFacts):
        if as_json:
            echo_json(candidate_view.bedrock_document(facts))
            return
        console.print(*candidate_view.bedrock(facts), sep="\n")
        for complaint in facts.complaints:
            err().print(f"[yellow]![/] {escape(complaint)}", soft_wrap=True)
        if facts.entry.access.allowed and facts.entry.allowed:
            err().print(f"[dim]{target.command(f'candidates try {name}')}[/]", soft_wrap=True)
        return
    if as_json:
        echo_json(candidate_view.jumpstart_document(facts))
        return
    console.print(*candidate_view.jumpstart(facts), sep="\n", crop=False)
