"""What instances the steps of a definition run on, for what they cost (pure).

Where SageMaker's requests name them: ResourceConfig of CreateTrainingJob, ProcessingResources of
CreateProcessingJob (which quality and Clarify checks are, too), TransformResources of
CreateTransformJob; of CreateHyperParameterTuningJob those of its training job definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ratchet.costs.estimate import Planned
from ratchet.costs.rows import PROCESSING, TRAINING, TRANSFORM
from ratchet.review.cache_effects import Effect, in_running_order, taken_by_key
from ratchet.runner.definition import Definition, Step

_ELSEWHERE = {
    "AutoML": "AutoML chooses its instances itself",
    "EMR": "Amazon EMR bills its cluster",
    "EMRServerless": "Amazon EMR bills it",
}
"""Step types that cost what no instance of the definition tells."""

Values = Mapping[str, Any]


def planned(
    definition: Definition,
    *,
    values: Values | None = None,
    effects: Sequence[Effect] = (),
) -> tuple[Planned, ...]:
    """The instances of each step that has any, in the order in which the steps can run.

    Args:
        definition: checked.
        values: parameters that a run is given; the others have their defaults.
        effects: what a change does to the steps' cached results.
    """
    defaults = {parameter.name: parameter.default for parameter in definition.parameters}
    parameters = defaults | dict(values or {})
    again = {effect.step: effect.reasons for effect in effects}
    steps = definition.steps
    entries = []
    for name in in_running_order(steps):
        step = steps[name]
        takes = taken_by_key(step)
        # A model is made anew, under a new name, in every run.
        models = tuple(f"after {other}" for other in sorted(takes) if steps[other].type == "Model")
        for instances in _instances(step, parameters):
            gate = step.branch[0] if step.branch else ""
            entries.append(
                replace(
                    instances,
                    cache_for=step.cache_for,
                    takes=frozenset(takes),
                    runs_again=again.get(name) or models,
                    gate=gate,
                    apart=_apart(step, steps),
                )
            )
    return tuple(entries)


def _apart(step: Step, steps: Mapping[str, Step]) -> bool:
    while step.branch is not None:
        gate, passes = step.branch
        if not passes:
            return True
        step = steps[gate]
    return False


def _instances(step: Step, parameters: Values) -> Iterator[Planned]:
    arguments = step.arguments
    match step.type:
        case "Training":
            yield from _training(step, arguments, parameters)
        case "Processing" | "QualityCheck" | "ClarifyCheck":
            resources = arguments.get("ProcessingResources") or {}
            yield _group(step, PROCESSING, resources.get("ClusterConfig") or {}, parameters)
        case "Transform":
            yield _group(step, TRANSFORM, arguments.get("TransformResources") or {}, parameters)
        case "Tuning":
            single = arguments.get("TrainingJobDefinition")
            for job in arguments.get("TrainingJobDefinitions") or ([single] if single else []):
                yield from _training(step, job, parameters)
        case kind if kind in _ELSEWHERE:
            yield Planned(step=step.name, step_type=kind, unknown=_ELSEWHERE[kind])


def _training(step: Step, job: Mapping[str, Any], parameters: Values) -> Iterator[Planned]:
    tuned = job.get("HyperParameterTuningResourceConfig") or {}
    resources = job.get("ResourceConfig") or tuned
    spot = str(_value(job.get("EnableManagedSpotTraining"), parameters)).lower() == "true"
    groups = resources.get("InstanceGroups") or [resources]
    if choice := tuned.get("InstanceConfigs"):
        groups = choice[:1]  # in the order of preference
    for group in groups:
        yield replace(_group(step, TRAINING, group, parameters), spot=spot)


def _group(step: Step, component: str, group: Mapping[str, Any], parameters: Values) -> Planned:
    kind = _value(group.get("InstanceType"), parameters)
    count = _value(group.get("InstanceCount", 1), parameters)
    planned = Planned(step=step.name, step_type=step.type, component=component)
    open_value = group.get("InstanceType") if not isinstance(kind, str) else None
    try:
        number = int(count)
    except (TypeError, ValueError):
        open_value, number = group.get("InstanceCount"), 0
    if open_value is not None or not kind:
        return replace(planned, unknown=_open(open_value))
    return replace(planned, instance_type=kind, instance_count=number)


def _value(leaf: Any, parameters: Values) -> Any:
    """A literal as it is, a parameter's value; None for what only a run decides."""
    if not isinstance(leaf, Mapping):
        return leaf
    reference = str(leaf.get("Get", ""))
    return parameters.get(reference.removeprefix("Parameters."))


def _open(leaf: Any) -> str:
    reference = str(leaf.get("Get", "")) if isinstance(leaf, Mapping) else ""
    if reference.startswith("Parameters."):
        name = reference.removeprefix("Parameters.")
        return f"its instances are decided by the parameter {name}: -p {name}=…"
    if reference:
        return f"its instances are decided by {reference} when it runs"
    return "it names no instance type"
