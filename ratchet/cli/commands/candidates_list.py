"""`ratchet candidates list`: the foundation models that there are to try."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect
from ratchet.costs import money

if TYPE_CHECKING:
    from ratchet.candidates.catalogue import ListedModels
    from ratchet.deployment.target.environment import Target

_SHOWN = 40


class CandidateKind(StrEnum):
    text = "text"
    embedding = "embedding"
    jumpstart = "jumpstart"


def register(app: typer.Typer) -> None:
    app.command(name="list", short_help="List the models of Bedrock and JumpStart.")(list_models)


def list_models(
    word: Annotated[
        str,
        typer.Argument(
            metavar="WORD", help="What an id or a name has in it: haiku.", show_default=False
        ),
    ] = "",
    provider: Annotated[
        str,
        typer.Option("--provider", metavar="NAME", help="Only of one provider: anthropic."),
    ] = "",
    kind: Annotated[
        CandidateKind | None,
        typer.Option(
            "--kind",
            help="Default: Bedrock's models of text and of embeddings.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            "--task", metavar="WORD", help="Only JumpStart's for a task: text-generation."
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            metavar="N",
            help=f"How many of JumpStart's; default: {_SHOWN} on a screen, all for scripts.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """List foundation models: who may use them, how they are called, what they cost.

    A price that the Price List does not certainly have is unknown. Nothing is
    called and nothing costs anything.
    """
    if task and kind not in (None, CandidateKind.jumpstart):
        raise typer.BadParameter(
            "only JumpStart's models have tasks: --kind jumpstart", param_hint="--task"
        )
    target = connect(environment, local, model)
    of_jumpstart = kind is CandidateKind.jumpstart or bool(task)
    with err().status("[dim]asking for models …[/]"):
        if of_jumpstart:
            shown = limit if limit or as_json else _SHOWN
            listed = _of_jumpstart(target, provider, task, word, shown)
        else:
            listed = _of_bedrock(target, provider, kind.value if kind else "", word)
    if as_json:
        from ratchet.cli.views import candidates_view

        echo_json(candidates_view.as_data(listed))
    else:
        _print(target, listed)


def _of_bedrock(target: Target, provider: str, kind: str, word: str) -> ListedModels:
    from ratchet.candidates import catalogue

    return catalogue.search_bedrock(target, provider=provider, kind=kind, word=word)


def _of_jumpstart(
    target: Target, provider: str, task: str, word: str, limit: int | None
) -> ListedModels:
    from ratchet.candidates import catalogue

    return catalogue.search_jumpstart(target, provider=provider, task=task, word=word, limit=limit)


def _print(target: Target, listed: ListedModels) -> None:
    from ratchet.cli.views import candidates_view

    console = out()
    for part in candidates_view.document(listed, width=console.width):
        console.print(part, soft_wrap=False)
    if not (listed.bedrock or listed.jumpstart):
        console.print("No model matches.")
    for complaint in listed.complaints:
        err().print(f"[yellow]![/] {escape(complaint)}", soft_wrap=True)
    limit = money.shown(target.settings.candidates.limit)
    command = _next(listed)
    may_cost = f"   # may cost {limit} at most" if command.startswith("candidates try") else ""
    err().print(f"[dim]{target.command(command)}{may_cost}[/]", soft_wrap=True)


def _next(listed: ListedModels) -> str:
    """A command to type next."""
    if listed.more:
        return "candidates list WORD --kind jumpstart"
    if listed.jumpstart:
        return f"candidates show {listed.jumpstart[0].id}"
    ready = [
        each
        for each in listed.bedrock
        if each.allowed and each.access.allowed and each.price.complete and not each.model.legacy
    ]
    return f"candidates try {ready[0].model.id}" if ready else "candidates list --kind jumpstart"
