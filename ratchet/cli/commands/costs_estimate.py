"""`ratchet costs estimate`: what the next run of a pipeline will cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, PipelineName, connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ratchet.costs.durations import History
    from ratchet.costs.estimate import Planned
    from ratchet.costs.prices import PriceOf
    from ratchet.deployment.target.environment import Target

_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_EXPECTED = "STEP=TIME, with a time such as 90 (seconds), 10m or 1h30m"


def register(app: typer.Typer) -> None:
    app.command(short_help="Estimate what the next run of a pipeline will cost.")(estimate)


def estimate(
    pipeline: PipelineName,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            "--assume",
            metavar="STEP=TIME",
            help="How long a step takes, such as train=10m, instead of the time of past runs. May "
            "be given repeatedly.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            metavar="Name=value",
            help="A parameter of the run. May be given repeatedly.",
        ),
    ] = None,
    deployed: Annotated[
        bool,
        typer.Option("--deployed", help="Estimate the deployed pipeline instead of the source."),
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Estimate what the next run of a pipeline will cost.

    Each step counts with the median time of its past runs, at today's price. A
    step that never ran has no cost until --assume says how long it takes.
    """
    from ratchet.cli.views import estimate_view
    from ratchet.costs import estimate as estimates
    from ratchet.deployment.pipelines import parameters

    values = parameters.parse(parameter or ())
    times = assumed(assume or ())
    target = connect(environment, local, model)
    plan = _plan(target, pipeline, values, deployed=deployed)
    refuse_unknown(times, plan.steps, plan.pipeline)
    history, price, complaints = _past(target, plan)
    expected = estimates.estimate(
        plan.pipeline,
        plan.steps,
        history=history,
        price=price,
        assumed=times,
        now=datetime.now(UTC),
    )
    for complaint in complaints:
        err().print(f"[yellow]{escape(complaint)}[/]", soft_wrap=True)
    if as_json:
        echo_json(estimate_view.as_data(expected))
        return
    console = out()
    if expected.lines:
        console.print(estimate_view.table(expected))
    console.print(*estimate_view.sentences(expected), sep="\n", soft_wrap=True)
    if plan.new:
        console.print("It is not deployed yet, so it has no past runs.")
    following = f"run {pipeline}{' --as-deployed' if deployed else ''}"
    following = "deploy" if plan.new else following
    err().print(f"[dim]{target.command(following)}[/]", soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class PlannedPipeline:
    """A pipeline, and what its steps run on."""

    pipeline: str
    steps: Sequence[Planned]
    new: bool = False
    """It is not deployed yet."""
    nothing_is_deployed: bool = False
    """Nor is the environment, which keeps past runs and prices."""


def _plan(
    target: Target, kind: str, values: Mapping[str, str], *, deployed: bool
) -> PlannedPipeline:
    """As it is deployed, or as the source has it."""
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.pipelines import publishing, source
    from ratchet.deployment.pipelines.changes import Comparing, NewPipeline, UnreadPipeline
    from ratchet.deployment.runs import executions as runs
    from ratchet.review import cache_effects, differences, instances
    from ratchet.runner import validate

    if deployed:
        name = runs.named(target, kind)
        text = publishing.deployed_pipeline(target, name).definition
        checked = _check(values, text, name)
        return PlannedPipeline(
            pipeline=name,
            steps=instances.planned(validate(text, stand_ins=None), values=checked),
        )
    comparing = Comparing(target)
    change = comparing.change(source.entry(kind, target.settings.model_name, target.root))
    if isinstance(change, UnreadPipeline):
        raise DeploymentError(f"{change.name}: {change.reason}")
    checked = _check(values, change.source, change.name)
    new = isinstance(change, NewPipeline)
    if isinstance(change, NewPipeline):
        comparison = differences.additions(change.source)
    else:
        comparison = differences.compare(change.deployed, change.source)
    effects = [effect for effect in cache_effects.effects(comparison) if not effect.keeps]
    return PlannedPipeline(
        pipeline=change.name,
        steps=instances.planned(comparison.after, values=checked, effects=effects),
        new=new,
        nothing_is_deployed=bool(comparing.missing),
    )


def _check(values: Mapping[str, str], definition: str, name: str) -> Mapping[str, str]:
    from ratchet.deployment.pipelines import parameters, publishing

    return parameters.check_values(
        values, publishing.declared_parameters(definition), pipeline=name
    )


def _past(target: Target, plan: PlannedPipeline) -> tuple[History, PriceOf, Sequence[str]]:
    """What past runs took, today's prices, and what could not be read of them."""
    from ratchet.costs.change import NO_HISTORY
    from ratchet.costs.prices import PriceTable
    from ratchet.deployment.costs import past as past_costs

    if plan.nothing_is_deployed:
        return NO_HISTORY, PriceTable(region=target.region).price, ()
    prices = past_costs.prices(target)
    steps = {planned.step for planned in plan.steps}
    history = NO_HISTORY if plan.new else past_costs.history(target, plan.pipeline, steps)
    return history, prices.price, prices.complaints


def assumed(texts: Sequence[str]) -> dict[str, float]:
    """Step → seconds; `train=10m` is 600.

    Raises:
        BadParameter: a text does not name a step and a time.
    """
    durations = {}
    for text in texts:
        step, _, time = text.partition("=")
        parts = _TIME.fullmatch(time) if time else None
        if not step or parts is None:
            raise typer.BadParameter(f"{text!r}; expected {_EXPECTED}", param_hint="--assume")
        hours, minutes, seconds = (float(part or 0) for part in parts.groups())
        durations[step] = hours * 3600 + minutes * 60 + seconds
    return durations


def refuse_unknown(durations: Mapping[str, float], planned: Sequence[Planned], name: str) -> None:
    """A time for a step that does not run on instances would have no effect."""
    steps = list(dict.fromkeys(step_cost.step for step_cost in planned))
    for step in durations:
        if step not in steps:
            raise typer.BadParameter(
                f"{name} has no step {step!r} that runs on instances; those are "
                f"{', '.join(steps) or 'none'}",
                param_hint="--assume",
            )
