"""What a step that runs here is given: the results and parameters of an earlier run, in place of
those of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ratchet.deployment.pipelines.read_only_storage import ReadOnlyStorage
from ratchet.deployment.runs import executions, outputs
from ratchet.deployment.runs.executions import Run, RunStep
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from ratchet.runner import Services
    from ratchet.runner.definition import Definition, RunnableStep
    from ratchet.runner.expressions import StepScope


def attempt_of(
    target: Target,
    step: RunnableStep,
    run: Run,
    arguments: Mapping[str, Any],
    storage: ReadOnlyStorage,
    folder: Path,
) -> Any:
    from ratchet.runner import Identity, StopSignal
    from ratchet.runner.step_types.contract import Attempt

    return Attempt(
        step=step,
        number=1,
        arguments=arguments,
        job_name=f"{step.name}-here",
        folder=folder,
        identity=Identity(
            pipeline_name=run.pipeline,
            pipeline_arn=run.arn.rpartition("/execution/")[0],
            execution_id=run.id,
            execution_arn=run.arn,
            start_time=run.started,
        ),
        storage=storage,
        services=cast("Services", None),  # laying out a step asks no service
        stop=StopSignal(),
        environment=target.variables,
        experiment={},
        on_line=lambda stream, line: None,
        progress=lambda **_: None,
    )


def scope_of(
    target: Target,
    definition: Definition,
    run: Run,
    values: Mapping[str, str],
    storage: ReadOnlyStorage,
) -> StepScope:
    """What the step's references resolve against: the earlier run."""
    import json

    from ratchet.runner.expressions import StepScope, follow
    from ratchet.runner.parameters import bind

    state = executions.read(target, run)
    declared = {parameter.name for parameter in definition.parameters}
    parameters = {n: v for n, v in state.parameters.items() if n in declared} | dict(values)
    described: dict[str, Mapping[str, Any]] = {}

    def properties(name: str) -> Mapping[str, Any]:
        if name not in described:
            reached = state.step(name)
            if reached is None:
                raise KeyError(name)
            described[name] = _properties(target, reached)
        return described[name]

    def property_file(name: str, file: str) -> str:
        declaring = definition.steps[name]
        place = follow(properties(name), declaring.folder_of(file))
        return f"{place.rstrip('/')}/{declaring.property_files[file].path}"

    execution = {
        "PipelineName": run.pipeline,
        "PipelineArn": run.arn.rpartition("/execution/")[0],
        "PipelineExecutionId": run.id,
        "PipelineExecutionArn": run.arn,
        "StartDateTime": f"{run.started.isoformat()}",
        "CurrentDateTime": f"{run.started.isoformat()}",
    }
    return StepScope(
        parameters=bind(definition.parameters, parameters),
        execution=execution.__getitem__,
        properties=properties,
        property_file=property_file,
        read_json=lambda uri: json.loads(storage.read_bytes(uri)),
    )


def _properties(target: Target, step: RunStep) -> Mapping[str, Any]:
    return {**outputs.job_of(target, step), "OutputParameters": dict(step.metadata.outputs)}
