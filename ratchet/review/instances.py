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
from ratchet.definition import references
from ratchet.definition.expressions import GET
from ratchet.definition.references import PARAMETERS, Reference
from ratchet.definition.resources import (
    MODEL,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
)
from ratchet.review.cache_effects import Effect, in_running_order, sources_of_key
from ratchet.runner.definition import Definition, RunnableStep

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
        takes = sources_of_key(step)
        # A model is made anew, under a new name, in every run.
        models = tuple(
            f"after {other}" for other in sorted(takes) if steps[other].row.makes is MODEL
        )
        for instances in _instances(step, parameters):
            gate = step.branch.gate if step.branch else ""
            entries.append(
                replace(
                    instances,
                    cache_for=step.cache_for,
                    takes=frozenset(takes),
                    runs_again=again.get(name) or tuple(f"after {other}" for other in models),
                    gate=gate,
                    apart=_apart(step, steps),
                )
            )
    return tuple(entries)


def _apart(step: RunnableStep, steps: Mapping[str, RunnableStep]) -> bool:
    while step.branch is not None:
        if not step.branch.outcome:
            return True
        step = steps[step.branch.gate]
    return False


def _instances(step: RunnableStep, parameters: Values) -> Iterator[Planned]:
    arguments, job = step.arguments, step.row.job
    if step.row.billed_elsewhere:
        yield Planned(step=step.name, step_type=step.type, unknown=step.row.billed_elsewhere)
    elif job is TRAINING_JOB:
        yield from _training(step, arguments, parameters)
    elif job is PROCESSING_JOB:
        resources = arguments.get("ProcessingResources") or {}
        yield _group(step, resources.get("ClusterConfig") or {}, parameters)
    elif job is TRANSFORM_JOB:
        yield _group(step, arguments.get("TransformResources") or {}, parameters)
    elif job is TUNING_JOB:
        single = arguments.get("TrainingJobDefinition")
        for training in arguments.get("TrainingJobDefinitions") or ([single] if single else []):
            yield from _training(step, training, parameters)


def _training(step: RunnableStep, job: Mapping[str, Any], parameters: Values) -> Iterator[Planned]:
    tuned = job.get("HyperParameterTuningResourceConfig") or {}
    resources = job.get("ResourceConfig") or tuned
    spot = str(_value(job.get("EnableManagedSpotTraining"), parameters)).lower() == "true"
    groups = resources.get("InstanceGroups") or [resources]
    if choice := tuned.get("InstanceConfigs"):
        groups = choice[:1]  # in the order of preference
    for group in groups:
        yield replace(_group(step, group, parameters), spot=spot)


def _group(step: RunnableStep, group: Mapping[str, Any], parameters: Values) -> Planned:
    kind = _value(group.get("InstanceType"), parameters)
    count = _value(group.get("InstanceCount", 1), parameters)
    component = step.row.job.billed_as if step.row.job else ""
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
    reference = _reference(leaf)
    return parameters.get(reference.name) if reference.root == PARAMETERS else None


def _open(leaf: Any) -> str:
    reference = _reference(leaf) if isinstance(leaf, Mapping) else Reference("")
    if reference.root == PARAMETERS:
        name = reference.name
        return f"its instances are decided by the parameter {name}: -p {name}=…"
    if reference.text:
        return f"its instances are decided by {reference.text} when it runs"
    return "it names no instance type"


def _reference(leaf: Mapping[str, Any]) -> Reference:
    text = str(leaf.get(GET, ""))
    return references.parse(text) if text else Reference(text)
