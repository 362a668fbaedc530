"""One step of the source, made ready to run in this process on the inputs of an earlier run.

Inputs, arguments, variables and configuration files are those that the runner gives a step whose
paths are rewritten: what is /opt/ml in the container is a folder of the project here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError, UnknownNameError, nearest
from ratchet.deployment.pipelines import publishing, source
from ratchet.deployment.pipelines.earlier_results import attempt_of, scope_of
from ratchet.deployment.pipelines.read_only_storage import ReadOnlyStorage
from ratchet.deployment.runs import executions, outputs
from ratchet.deployment.runs.executions import Run
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop.names import edits_of
from ratchet.machinery import PACKAGES

if TYPE_CHECKING:
    from ratchet.authoring import Bundle, Context
    from ratchet.runner.definition import Definition, RunnableStep
    from ratchet.runner.step_types.jobs import Command

FOLDER = Path(".ratchet", "here")
"""Below the project's: a folder for each step, anew at each run of it."""
_TRIED = 20
"""Of the newest runs: the first that has what the step needs is taken."""
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class StepHere:
    """A step that is ready to run in this process."""

    name: str
    run: Run
    """The run whose inputs and parameters it has."""
    script: Path
    """The project's own file, if the bundle holds nothing else than what lies around it."""
    code: Path
    """The folder that it imports from."""
    arguments: tuple[str, ...]
    """Its command line, without its own name."""
    variables: Mapping[str, str]
    cwd: Path
    outputs: Mapping[str, Path]
    """Output → the folder that the script writes it to."""
    modules: frozenset[str]
    """Names at the top of what it brings along."""


def make_ready(
    target: Target,
    *,
    kind: str,
    step: str,
    values: Mapping[str, str],
    earlier: str | None = None,
) -> StepHere:
    """Compiles the source's pipeline, fetches the step's inputs, and lays them out.

    Args:
        kind: the pipeline's name in PIPELINES of its model.
        values: parameters by name, as typed; the others are the earlier run's.
        earlier: the run whose results are the inputs; None: the newest that has them all.

    Raises:
        DeploymentError: no such step, none that runs a Python script of a bundle, no run that has
            its inputs, or an input that is gone.
        DefinitionError: the pipeline's source has mistakes.
    """
    from ratchet.runner import validate

    deployed = facts.read(target)
    listed = source.entry(kind, target.settings.model_name, target.root)
    name = target.settings.pipeline_name(kind)
    pipeline = publishing.deployed_pipeline(target, name)
    context = source.context(target, deployed, listed, role_arn=pipeline.role_arn)
    compiled = listed.compile(context)
    definition = validate(compiled.to_json(), stand_ins=None)
    if step not in definition.steps:
        names = ", ".join(definition.steps)
        raise UnknownNameError(
            f"{kind} has no step {step!r}{nearest(step, definition.steps)} It has: {names}"
        )
    planned = definition.steps[step]
    bundles = {context.bundle_uri(bundle): bundle for bundle in getattr(compiled, "bundles", ())}
    uri = _code_uri(planned.arguments)
    if uri not in bundles or not bundles[uri].entry.endswith(".py"):
        raise DeploymentError(
            f"the step {step} runs no Python script of this project, so it cannot run here. "
            f"Run it in the pipeline: {target.command(f'run {kind} --step {step}')}"
        )
    run = _source_run(target, name, needed=planned.needs, earlier=earlier)
    return _laid_out(
        target, context, definition, planned, run, values, bundle=bundles[uri], bundles=bundles
    )


def _code_uri(arguments: Mapping[str, Any]) -> str:
    """Where the bundle of a processing or training step is."""
    submitted = (arguments.get("HyperParameters") or {}).get("sagemaker_submit_directory")
    inputs = arguments.get("ProcessingInputs") or ()
    given = (i["S3Input"]["S3Uri"] for i in inputs if i["InputName"] == "code")
    return str(submitted or next(given, ""))


def _source_run(target: Target, name: str, *, needed: Collection[str], earlier: str | None) -> Run:
    """The run whose results are the inputs.

    Raises:
        DeploymentError: none has them all.
    """
    sagemaker = target.client("sagemaker")
    if earlier is not None:
        runs: Iterator[Run] = iter([executions.find(target, earlier)])
    else:
        deployed = executions.pipelines(target)
        names = [each for each in (name, edits_of(name)) if each in deployed]
        listed = executions.listed_of(target, names)
        runs = islice((run for run in listed if run.status in _ENDED), _TRIED)
    for run in runs:
        done = {s.name for s in executions.steps(sagemaker, run.arn) if s.status == "Succeeded"}
        if set(needed) <= done:
            return run
    raise DeploymentError(_no_source(target, name, needed=needed, earlier=earlier))


def _no_source(target: Target, name: str, *, needed: Collection[str], earlier: str | None) -> str:
    steps = ", ".join(sorted(needed))
    if earlier:
        return f"run {earlier} has no results of all of {steps}, which the step takes"
    if not needed:
        return f"no run of {name} has ended yet, so there are no parameters to take"
    return (
        f"of the newest {_TRIED} runs of {name} that have ended, none has results of all of "
        f"{steps}, which the step takes. Name another run: --from RUN. They are listed by "
        f"{target.command('runs')}"
    )


def _laid_out(
    target: Target,
    context: Context,
    definition: Definition,
    step: RunnableStep,
    run: Run,
    values: Mapping[str, str],
    *,
    bundle: Bundle,
    bundles: Mapping[str, Bundle],
) -> StepHere:
    from ratchet.runner.container import Container
    from ratchet.runner.errors import EvaluationError, StepFailed
    from ratchet.runner.step_types import runner_of

    storage = ReadOnlyStorage(
        target.client("s3"),
        local={uri: each.tar_gz() for uri, each in bundles.items() if not each.is_folder},
    )
    runner = runner_of(step)
    prepare = runner.prepare
    assert prepare is not None, "a step with a bundle's script is a job of one of two types"
    folder = target.root / FOLDER / step.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        scope = scope_of(target, definition, run, values, storage)
        arguments = runner.resolve(step, scope)
        with Container(folder) as container:
            command = prepare(attempt_of(target, step, run, arguments, storage, folder), container)
            sealed = {*container.sealed(), "PIP_TARGET", "PYTHONPATH"}
            code, cwd = _code(target, bundle, container.folder("/opt/ml/code"))
            written = {name: container.path(inside) for name, inside in _folders(arguments).items()}
    except (EvaluationError, StepFailed, FileNotFoundError) as problem:
        raise DeploymentError(
            f"the inputs of {step.name} cannot be had from run {run.id}: {problem}"
        ) from None
    return StepHere(
        name=step.name,
        run=run,
        script=code / bundle.entry,
        code=code,
        arguments=tuple(_arguments(command, bundle.entry)),
        variables={k: v for k, v in command.environment.items() if k not in sealed},
        cwd=cwd,
        outputs=written,
        modules=frozenset(Path(path).parts[0].removesuffix(".py") for path in bundle.files),
    )


def _code(target: Target, bundle: Bundle, unpacked: Path) -> tuple[Path, Path]:
    """The folder that the script imports from, and the one that it works in.

    The project's own files are taken where the bundle is made of them, so that a debugger stops at
    a line of theirs. The script works in a copy, beside which it may write.
    """
    for path, content in bundle.files.items():
        file = unpacked / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for folder in (*_script_folders(target, bundle), PACKAGES):
        places = ((folder / path, content) for path, content in bundle.files.items())
        if all(place.is_file() and place.read_bytes() == content for place, content in places):
            return folder, unpacked
    return unpacked, unpacked


def _script_folders(target: Target, bundle: Bundle) -> list[Path]:
    """The folders of the project's steps that have a file of the entry's name."""
    steps = target.root / "steps"
    above = len(Path(bundle.entry).parts) - 1
    return [file.parents[above] for file in sorted(steps.rglob(Path(bundle.entry).name))]


def _arguments(command: Command, entry: str) -> list[str]:
    words = list(command.words)
    return words[words.index(entry) + 1 :]


def _folders(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Output → its folder in the container."""
    declared = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    if declared:
        return {o["OutputName"]: o["S3Output"]["LocalPath"] for o in declared if "S3Output" in o}
    if "OutputDataConfig" in arguments:
        return {outputs.MODEL: "/opt/ml/model", outputs.DATA: "/opt/ml/output/data"}
    return {}
