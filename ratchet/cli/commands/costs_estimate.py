"""`ratchet costs estimate`: what the next run of a pipeline will cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ratchet.costs.estimate import Planned
    from ratchet.deployment.target.environment import Target

_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_EXPECTED = "STEP=TIME, with a time such as 90 (seconds), 10m or 1h30m"


def register(app: typer.Typer) -> None:
    app.command(short_help="Estimate what the next run of a pipeline will cost.")(estimate)


def estimate(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="For example `training`.")],
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
    local: Local = None,
) -> None:
    """Estimate what the next run of a pipeline will cost.

    Each step counts with the median time of its past runs, at today's price. A
    step that never ran has no cost until --assume says how long it takes.
    """
    from ratchet.cli.views import estimate_view
    from ratchet.costs import estimate as estimates
    from ratchet.deployment.costs import past as past_costs
    from ratchet.deployment.pipelines import parameters

    values = parameters.parse(parameter or ())
    durations = assumed(assume or ())
    target = connect(environment, local)
    name, planned = _planned(target, pipeline, values, deployed=deployed)
    refuse_unknown(durations, planned, name)
    prices = past_costs.prices(target)
    result = estimates.estimate(
        name,
        planned,
        history=past_costs.history(target, name, {step.step for step in planned}),
        price=prices.price,
        assumed=durations,
        now=datetime.now(UTC),
    )
    for complaint in prices.complaints:
        err().print(f"[yellow]{escape(complaint)}[/]", soft_wrap=True)
    if as_json:
        echo_json(estimate_view.as_data(result))
        return
    console = out()
    if result.lines:
        console.print(estimate_view.table(result))
    console.print(*estimate_view.sentences(result), sep="\n", soft_wrap=True)
    following = f"run {pipeline}{' --as-deployed' if deployed else ''}"
    err().print(f"[dim]{target.command(following)}[/]", soft_wrap=True)


def _planned(
    target: Target, kind: str, values: Mapping[str, str], *, deployed: bool
) -> tuple[str, Sequence[Planned]]:
    """The pipeline's name, and what its steps run on."""
    from ratchet.deployment.pipelines import changes, parameters
    from ratchet.deployment.pipelines import publishing as pipelines
    from ratchet.deployment.runs import executions as runs
    from ratchet.review import cache_effects, differences, instances
    from ratchet.runner import validate

    if deployed or kind == "monitoring":  # its source is deployed with what serves
        name = runs.named(target, kind)
        text = pipelines.deployed_definition(target, name)
        parameter_values = parameters.check_given(
            values, pipelines.declared_parameters(text), pipeline=name
        )
        return name, instances.planned(validate(text, stand_ins=None), values=parameter_values)
    (change,) = changes.changes(target, kind)
    comparison = differences.compare(change.deployed, change.source)
    declared = pipelines.declared_parameters(change.source)
    parameter_values = parameters.check_given(values, declared, pipeline=change.name)
    effects = [effect for effect in cache_effects.effects(comparison) if not effect.keeps]
    return change.name, instances.planned(
        comparison.after, values=parameter_values, effects=effects
    )


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
