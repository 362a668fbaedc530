"""`ratchet logs`: what a run's steps wrote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from ratchet.cli.console import err, out
from ratchet.cli.options import Environment, Local, Model, RunName, connect

if TYPE_CHECKING:
    from ratchet.deployment.runs.executions import RunState
    from ratchet.deployment.runs.logs import LogLine, LogSource
    from ratchet.deployment.target.environment import Target

COLOURS = ("cyan", "magenta", "green", "yellow", "blue")


def register(app: typer.Typer) -> None:
    app.command(short_help="Print what a run's steps wrote.")(logs)


def logs(
    run: RunName = "latest",
    step: Annotated[
        str | None, typer.Argument(metavar="STEP", help="Only this step. Default: all.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines until the run has ended.")
    ] = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Print what a run's steps wrote to CloudWatch Logs, step by step."""
    from ratchet.deployment.runs import executions

    target = connect(environment, local, model)
    state = executions.read(target, executions.find(target, run))
    printer = _Printer(target, out(), prefix=step is None)
    while True:
        printer.print_new(state, step)
        if state.run.finished or not follow:
            break
        time.sleep(1.0 if target.endpoint else 5.0)
        state = executions.refresh(target.client("sagemaker"), state)
    if not printer.printed:
        err().print("[dim]no lines[/]")


class _Printer:
    """Prints each line once, however often it is read."""

    def __init__(self, target: Target, console: Console, *, prefix: bool) -> None:
        self.printed = 0
        self._target = target
        self._console = console
        self._prefix = prefix
        self._seen: dict[str, set[str]] = {}
        self._newest: dict[str, int] = {}

    def print_new(self, state: RunState, step: str | None) -> None:
        from ratchet.deployment.runs.logs import lines, sources

        step_sources = sources(state, step)
        width = max((len(source.step) for source in step_sources), default=0)
        for index, source in enumerate(step_sources):
            if source.step not in self._seen and source.cached_from:
                err().print(
                    f"[dim]{source.step} is a cache hit: these lines come from run "
                    f"{source.cached_from}[/]"
                )
            seen = self._seen.setdefault(source.step, set())
            for line in lines(self._target, source, since=self._newest.get(source.step)):
                if line.id not in seen:
                    seen.add(line.id)
                    self._print(source, line, width, COLOURS[index % len(COLOURS)])

    def _print(self, source: LogSource, line: LogLine, width: int, colour: str) -> None:
        self.printed += 1
        self._newest[source.step] = int(line.time.timestamp() * 1000)
        text = Text.from_ansi(line.text)
        if self._prefix:
            text = Text.assemble((f"{line.step:{width}} │ ", colour), text)
        self._console.print(text, soft_wrap=True)
