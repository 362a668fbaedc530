"""From an empty cloud to a registered model."""

from __future__ import annotations

from rich.markup import escape

from demo import costs, loop
from demo.stage import Act, DemoFailedError, Play, claim
from ratchet.deployment.errors import NotDeployedError
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.reports import findings
from ratchet.deployment.target import cdk, facts, stacks
from ratchet.deployment.target.environment import local_target
from ratchet.local_cloud import control

MONTHS = (1, 2, 3)


def _cloud(play: Play) -> None:
    left = control.reset(play.cloud)
    play.target = local_target(project=play.project, settings=play.settings, folder=play.cloud)
    target = play.target
    play.stage.say(
        f"{target.endpoint}, account {target.account}, {target.region}; "
        f"[dim]state in {escape(str(play.cloud))}[/]"
    )
    if left:
        play.stage.say(f"[dim]left in there, since not the cloud's: {escape(', '.join(left))}[/]")


def _deploy(play: Play) -> None:
    target = play.target
    with play.stage.waiting("cdk bootstrap") as show:
        cdk.run(target, cdk.bootstrap_command(target), line=show)
        cdk.run(target, cdk.deploy_command(target), line=show)
    for stack in stacks.stacks(target):
        play.stage.say(
            f"[green]✓[/] {stack.name}  {stack.status}  [dim]{stack.resources} resources[/]"
        )
    play.deployed = facts.read(target)
    try:
        play.serving = facts.read_serving(target)
    except NotDeployedError:
        play.serving = None


def _land(play: Play) -> None:
    play.drops = loop.write_drops(play.data, MONTHS)
    landed = loop.land(play.target, play.deployed, play.drops)
    total = sum(item.parcel.size for item in landed)
    play.stage.say(
        f"{len(landed)} files, {total / 1e6:.1f} MB to "
        f"s3://{play.deployed.data_bucket}/{play.deployed.data_prefix}"
    )


def _first_run(play: Play) -> None:
    settle = play.settings.trigger.settle_seconds
    with play.stage.waiting(f"nothing lands for {settle} s, then the trigger looks"):
        run = loop.wait_for_run(play, after=0)
    play.stage.say(f"{escape(run.name)}: [dim]{escape(run.description)}[/]")
    state = play.stage.follow(play.target, run)
    claim(
        loop.first_run_claims(
            state,
            findings(play.target, state),
            landed=loop.keys_of(play.drops, play.deployed),
            manifest=loop.manifest_of(play.target, state),
        )
    )
    costs.show(play, state)
    play.runs.append(state)


def _same_files_again(play: Play) -> None:
    before = loop.last_seen(play.target, play.deployed)
    landed = loop.land(play.target, play.deployed, play.drops, again=True)
    with play.stage.waiting("waiting until the trigger has looked"):
        loop.wait_for_look(play, before)
    executions = runs.listed(play.target, pipeline=play.deployed.pipeline)
    if len(executions) != 1:
        raise DemoFailedError(
            f"landing the same files again made {len(executions)} runs of 1: "
            + ", ".join(run.name for run in executions)
        )
    play.stage.say(
        f"{len(landed)} files put again; the trigger looked, found the content run already, and "
        "started nothing"
    )


ACTS = (
    Act(title="A cloud on this machine", seconds=60, play=_cloud),
    Act(title='cdk deploy "dev/**"', seconds=180, play=_deploy),
    Act(title="Land January to March 2013, as three drops", seconds=60, play=_land),
    Act(title="A run starts by itself once the landing has settled", seconds=240, play=_first_run),
    Act(title="The same files land again: no second run", seconds=180, play=_same_files_again),
)
