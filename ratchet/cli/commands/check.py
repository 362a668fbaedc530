"""`ratchet check`: do a model's scripts keep the contract?"""

from __future__ import annotations

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, out
from ratchet.cli.options import Json, Model


def register(app: typer.Typer) -> None:
    app.command(short_help="Try a model's scripts on its sample: no cloud, no account.")(check)


def check(
    as_json: Json = False,
    model: Model = None,
) -> None:
    """Try a model's scripts: prepare, train and evaluate, on the rows in tests/MODEL/data.

    Without --model it tries those of every model.

    What runs is the training pipeline as it deploys, in a folder that is deleted
    afterwards. The exit status is 1 if a check fails.
    """
    from ratchet.contract import ContractError, SkippedError, checks

    console = out()
    results = []
    for each in checks(acting_project(), model):
        with console.status(f"[dim]{escape(str(each))}[/]"):
            outcome, reason = "passed", ""
            try:
                each()
            except ContractError as problem:
                outcome, reason = "failed", str(problem)
            except SkippedError as problem:
                outcome, reason = "skipped", str(problem)
        results.append(
            {
                "model": each.trial.model,
                "check": each.sentence,
                "outcome": outcome,
                "reason": reason,
            }
        )
        if not as_json:
            mark = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]·[/]"}
            console.print(f"{mark[outcome]} {escape(str(each))}")
            if reason:
                console.print(f"    {escape(reason)}", soft_wrap=True)
    if as_json:
        echo_json(results)
    if any(result["outcome"] == "failed" for result in results):
        raise typer.Exit(1)
