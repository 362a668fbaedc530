"""`ratchet demo`: the whole loop on real flights, from an empty cloud to a registered model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from ratchet.cli.console import out
from ratchet.cli.wording import count, duration, size

if TYPE_CHECKING:
    from ratchet.deployment.facts import Deployed
    from ratchet.deployment.runs import RunState
    from ratchet.deployment.target import Target

FOLDER = ".ratchet/demo"
"""The demo's own local cloud, emptied at each start. Yours (.ratchet/cloud) is not touched."""

DATA = ".ratchet/flights"


def register(app: typer.Typer) -> None:
    app.command(short_help="The whole loop on real data, in a local cloud of its own.")(demo)


def demo() -> None:
    """The whole loop on real data: deploy, land three months, watch a run.

    Runs in a local cloud of its own (.ratchet/demo), which is emptied first and
    stays up afterwards to look around in. The exit status is 0 only if all of it
    held.
    """
    started = time.monotonic()
    console = out()
    target = _cloud(console)
    deployed = _deploy(target, console)
    drops = _land(target, deployed, console)
    state = _first_run(target, deployed, drops, console)
    _same_files_again(target, deployed, drops, console)
    _look_next(target, state, console)
    console.print(f"\n[green]All of it held[/], in {duration(time.monotonic() - started)}.")


@contextmanager
def _chapter(console: Console, title: str) -> Iterator[None]:
    console.print(f"\n[bold]{title}[/]")
    before = time.monotonic()
    yield
    console.print(f"  [dim]{duration(time.monotonic() - before)}[/]")


def _cloud(console: Console) -> Target:
    from config.settings import load
    from ratchet.deployment.target import local_target
    from ratchet.local_cloud import control
    from ratchet.node import PROJECT

    with _chapter(console, "A cloud on this machine"):
        folder = PROJECT / FOLDER
        control.reset(folder)
        target = local_target(settings=load("dev"), folder=folder)
        console.print(
            f"  {target.endpoint}, account {target.account}, {target.region}; "
            f"[dim]state in {FOLDER}[/]",
            soft_wrap=True,
        )
    return target


def _deploy(target: Target, console: Console) -> Deployed:
    from ratchet.deployment import cdk, facts, stacks

    with _chapter(console, f'cdk deploy "{target.settings.environment}/*"'):
        with console.status("  cdk bootstrap") as status:

            def show(line: str) -> None:
                status.update(f"  [dim]{escape(line.strip()[:90])}[/]")

            cdk.run(target, cdk.bootstrap_command(target), line=show)
            cdk.run(target, cdk.deploy_command(target), line=show)
        for stack in stacks.stacks(target):
            console.print(
                f"  [green]✓[/] {stack.name}  {stack.status}  "
                f"[dim]{count(stack.resources, 'resource')}[/]",
                soft_wrap=True,
            )
        return facts.read(target)


def _land(target: Target, deployed: Deployed, console: Console) -> list[Path]:
    from ratchet.demo import loop
    from ratchet.node import PROJECT

    with _chapter(console, "Land January to March 2013, as three drops"):
        drops = loop.write_drops(PROJECT / DATA)
        landed = loop.land(target, deployed, drops)
        total = sum(one.parcel.size for one in landed)
        console.print(
            f"  {count(len(landed), 'file')}, {size(total)} to "
            f"s3://{deployed.data_bucket}/{deployed.data_prefix}",
            soft_wrap=True,
        )
    return drops


def _first_run(target: Target, deployed: Deployed, drops: list[Path], console: Console) -> RunState:
    from ratchet.cli.commands.runs import show_run
    from ratchet.cli.live import follow
    from ratchet.demo import loop
    from ratchet.deployment.reports import findings

    with _chapter(console, "A run starts by itself once the landing has settled"):
        settle = target.settings.trigger.settle_seconds
        with console.status(f"  [dim]nothing lands for {settle} s, then the trigger looks[/]"):
            run = loop.wait_for_run(target, pipeline=deployed.pipeline)
        console.print(f"  {escape(run.name)}: [dim]{escape(run.description)}[/]", soft_wrap=True)
        state = follow(target, run, console)
        show_run(target, state)
    keys = [f"{deployed.data_prefix}{p.parent.name}/{p.name}" for d in drops for p in d.iterdir()]
    broken = loop.broken_claims(
        state,
        findings(target, state),
        landed=keys,
        manifest=loop.manifest_of(target, state),
    )
    if broken:
        raise loop.DemoFailedError("the demo claims what did not hold: " + "; ".join(broken))
    return state


def _same_files_again(
    target: Target, deployed: Deployed, drops: list[Path], console: Console
) -> None:
    from ratchet.demo import loop
    from ratchet.deployment import runs

    with _chapter(console, "The same files land again: no second run"):
        before = loop.last_seen(target, deployed)
        landed = loop.land(target, deployed, drops, again=True)
        with console.status("  [dim]waiting until the trigger has looked[/]"):
            loop.wait_for_look(target, deployed, before)
        found = runs.listed(target, pipeline=deployed.pipeline)
        if len(found) != 1:
            raise loop.DemoFailedError(
                f"landing the same files again made {len(found)} runs of 1: "
                + ", ".join(run.name for run in found)
            )
        console.print(
            f"  {count(len(landed), 'file')} put again; the trigger looked, found the content run "
            "already, and started nothing",
            soft_wrap=True,
        )


def _look_next(target: Target, state: RunState, console: Console) -> None:
    console.print(
        "\n[bold]Look next[/]\n"
        "  source .venv/bin/activate\n"
        f"  export RATCHET_LOCAL={FOLDER}   [dim]# this cloud; RATCHET_LOCAL=1 is your own[/]\n"
        "  ratchet runs\n"
        f"  ratchet show {state.run.id}\n"
        f"  ratchet logs {state.run.id} train\n"
        "  ratchet run training                  [dim]# after an edit of steps/train.py: prepare "
        "is a cache hit[/]\n"
        f"  python -m ratchet.demo.flights 4 --to {DATA} && ratchet land {DATA}/2013-04\n"
        f"  ratchet cloud down                    [dim]# it is still up: {target.endpoint}[/]",
        soft_wrap=True,
    )
