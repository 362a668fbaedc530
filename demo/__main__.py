"""`python -m demo`: the whole loop on real flights, from an empty cloud and once around."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ratchet.cli.console import out
from ratchet.cli.main import Commands
from ratchet.cli.views.wording import duration

if TYPE_CHECKING:
    from demo.stage import Play
    from ratchet.deployment.monitoring.analyses import Analysis
    from ratchet.deployment.runs.executions import Run, RunState
    from ratchet.deployment.standing import Alarm
    from ratchet.deployment.target.environment import Target

FOLDER = ".ratchet/demo"
"""The demo's own local cloud, emptied at each start. Yours (.ratchet/cloud) is not touched."""

DATA = ".ratchet/flights"


# A group without commands: `Commands` says errors as messages.
app = typer.Typer(
    cls=Commands,
    subcommand_metavar="",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def demo(
    only_training: Annotated[
        bool, typer.Option("--only-training", help="Stop when the first model is registered.")
    ] = False,
    folder: Annotated[
        Path, typer.Option("--folder", help="The local cloud's folder. The cloud in it is emptied.")
    ] = Path(FOLDER),
) -> None:
    """Run the whole loop on real data: deploy, land, train, serve, drift, retrain, swap.

    It runs in its own local cloud (.ratchet/demo), which is emptied first and
    stays up afterwards for you to look around. The exit status is 0 only if
    everything worked.
    """
    from demo.acts import SERVING, TRAINING
    from demo.stage import Play, perform
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.project import current

    started = time.monotonic()
    console = out()
    project = current()
    play = Play(
        stage=Terminal(console),
        project=project,
        settings=project.settings("dev"),
        cloud=LocalClouds(project.root).folder(folder),
        data=project.root / DATA,
    )
    with play.closing:
        perform(TRAINING, play)
        if play.serving is not None and not only_training:
            perform(SERVING, play)
    _look_next(play, console)
    console.print(f"\n[green]Everything worked[/], in {duration(time.monotonic() - started)}.")


class Terminal:
    """The demo's stage: what happens is drawn as the commands themselves would draw it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        self._console.print(f"\n[bold]{escape(title)}[/]")
        before = time.monotonic()
        yield
        self._console.print(f"  [dim]{duration(time.monotonic() - before)}[/]")

    def say(self, text: str) -> None:
        self._console.print(f"  {text}", soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        with self._console.status(f"  [dim]{escape(text)}[/]") as status:
            yield lambda line: status.update(f"  [dim]{escape(line.strip()[:90])}[/]")

    def follow(self, target: Target, run: Run) -> RunState:
        from ratchet.cli.commands.runs import show_run
        from ratchet.cli.views.live import follow

        state = follow(target, run, self._console)
        show_run(target, state)
        return state

    def analysis(self, analysis: Analysis, drift: Alarm | None) -> None:
        from ratchet.cli.views.analysis_view import document

        now = datetime.now().astimezone()
        for part in document(analysis, drift=drift, now=now):
            self._console.print(part, crop=False)


def _look_next(play: Play, console: Console) -> None:
    from ratchet.deployment.target.local_clouds import LocalClouds

    run = play.runs[-1].run
    cloud = escape(shlex.quote(LocalClouds(play.project.root).shown(play.cloud)))
    served = (
        "  ratchet status\n  ratchet models\n  ratchet lineage latest\n  ratchet monitor show\n"
        if len(play.runs) > 1
        else ""
    )
    month = 7 if len(play.runs) > 1 else 4
    console.print(
        "\n[bold]Look next[/]\n"
        "  source .venv/bin/activate\n"
        f"  export RATCHET_LOCAL={cloud}   [dim]# this cloud; RATCHET_LOCAL=1 is your own[/]\n"
        f"{served}"
        "  ratchet runs\n"
        "  ratchet costs                         [dim]# of each run, at list prices[/]\n"
        f"  ratchet show {run.id}\n"
        f"  ratchet logs {run.id} train\n"
        "  ratchet run training                  [dim]# after an edit of steps/flights/train.py: "
        "it runs beside what is deployed[/]\n"
        f"  python -m demo.flights {month} --to {DATA} && "
        f"ratchet land {DATA}/2013-{month:02d}\n"
        f"  ratchet cloud down                    [dim]# it is still up: {play.target.endpoint}[/]",
        soft_wrap=True,
    )


if __name__ == "__main__":
    app()
