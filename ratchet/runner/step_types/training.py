"""The Training step: runs a script on its channels and packs the model that it saved.

Folders and files: developer guide, "How Amazon SageMaker Provides Training Information".
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ratchet.definition.expressions import function_of
from ratchet.loop import notebook_jobs
from ratchet.runner import image_packages, packages
from ratchet.runner.archives import unpack
from ratchet.runner.cache_key import CacheKey, CacheKeySource
from ratchet.runner.container import Container
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed
from ratchet.runner.expressions import StepScope
from ratchet.runner.processes import Ending
from ratchet.runner.report import ProblemList
from ratchet.runner.staging import decompress
from ratchet.runner.step_types import jobs, notebook, training_toolkit
from ratchet.runner.step_types.checkpoints import Checkpoints
from ratchet.runner.step_types.contract import Attempt, Done, Obstacle, Runner, resolve_all
from ratchet.runner.step_types.training_outputs import TrainingOutputs

_PROGRAM = "sagemaker_program"
_DIRECTORY = "sagemaker_submit_directory"
_CODE_FOLDER = "/opt/ml/code"
_SOURCES = (*jobs.SOURCES, "AugmentedManifestFile")


def _obstacle(arguments: Mapping[str, Any]) -> Obstacle | None:
    hyperparameters = arguments.get("HyperParameters") or {}
    environment = arguments.get("Environment") or {}
    algorithm = arguments.get("AlgorithmSpecification") or {}
    if notebook_jobs.is_notebook_job(arguments) and (lack := notebook.missing()):
        return Obstacle("Arguments.AlgorithmSpecification.ContainerEntrypoint", lack)
    if algorithm.get("ContainerEntrypoint") or function_of(hyperparameters) is not None:
        return None
    for name in (_PROGRAM, _DIRECTORY):
        if name not in hyperparameters and name.upper() not in environment:
            return Obstacle(
                f"Arguments.HyperParameters.{name}",
                "is required here: the image's own training program cannot run without the image; "
                f"give {_PROGRAM} and {_DIRECTORY}, or AlgorithmSpecification.ContainerEntrypoint",
            )
    return None


def _check(step: RunnableStep, report: ProblemList) -> None:
    arguments, place = step.arguments, f"{step.place}.Arguments"
    if report.require(arguments, place, "OutputDataConfig"):
        output = arguments["OutputDataConfig"]
        report.require(output, f"{place}.OutputDataConfig", "S3OutputPath")
    if (arguments.get("ResourceConfig") or {}).get("InstanceGroups"):
        report.add(
            f"{place}.ResourceConfig.InstanceGroups",
            "heterogeneous clusters cannot run here: give InstanceType and InstanceCount",
        )
    if step.property_files:
        report.add(f"{step.place}.PropertyFiles", "only a Processing step has property files")
    at = f"{place}.InputDataConfig"
    for where, channel in report.objects(arguments.get("InputDataConfig") or [], at):
        if report.require(channel, where, "ChannelName", "DataSource"):
            source = channel["DataSource"].get("S3DataSource")
            if source is None:
                report.add(
                    f"{where}.DataSource",
                    "only S3DataSource can be read here: no file systems are mounted",
                )
                continue
            at_source = f"{where}.DataSource.S3DataSource"
            jobs.check_source(source, at_source, "", report, kinds=_SOURCES)
            if channel.get("InputMode") == "Pipe":
                report.add(f"{where}.InputMode", "Pipe mode cannot run here: expected File")
    _check_program(arguments, place, report)


def _check_program(arguments: Mapping[str, Any], place: str, report: ProblemList) -> None:
    algorithm = arguments.get("AlgorithmSpecification") or {}
    if algorithm.get("TrainingInputMode") == "Pipe":
        at = f"{place}.AlgorithmSpecification.TrainingInputMode"
        report.add(at, "Pipe mode cannot run here: expected File or FastFile")
    training_toolkit.check_metrics(
        algorithm.get("MetricDefinitions"), f"{place}.AlgorithmSpecification", report
    )
    if notebook_jobs.is_notebook_job(arguments):
        for name, problem in notebook.problems(arguments):
            report.add(f"{place}.Environment.{name}", problem)


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    arguments = resolve_all(step, scope)
    for key in ("HyperParameters", "Environment"):
        if arguments.get(key):
            arguments[key] = jobs.texts(arguments[key])
    return arguments


def _setting(arguments: Mapping[str, Any], name: str) -> str | None:
    """A setting of the training toolkit: a hyperparameter, or a variable in capitals."""
    value = (arguments.get("HyperParameters") or {}).get(name)
    if value is None:
        variable = (arguments.get("Environment") or {}).get(name.upper())
        return None if variable is None else str(variable)
    return str(training_toolkit.decode(value))


def _cache_key(arguments: Mapping[str, Any]) -> CacheKey:
    hyperparameters = dict(arguments.get("HyperParameters") or {})
    hyperparameters.pop(_DIRECTORY, None)
    algorithm = dict(arguments.get("AlgorithmSpecification") or {})
    attributes: dict[str, Any] = {
        "image": algorithm.pop("TrainingImage", None),
        "algorithm": algorithm,
        "hyperparameters": hyperparameters,
        "environment": arguments.get("Environment"),
        **{
            key: arguments.get(key)
            for key in ("CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations")
        },
    }
    sources = {}
    for channel in arguments.get("InputDataConfig") or []:
        name = channel["ChannelName"]
        label = "notebook" if name == notebook_jobs.CHANNEL else f"channel {name}"
        source = dict(channel["DataSource"]["S3DataSource"])
        manifest = source.get("S3DataType") == "ManifestFile"
        sources[label] = CacheKeySource(uri=source.pop("S3Uri"), manifest=manifest)
        settings = {key: value for key, value in channel.items() if key != "DataSource"}
        attributes[label] = {**settings, **source}
    code = _setting(arguments, _DIRECTORY)
    if code is not None and code.startswith("s3://"):
        sources["code bundle"] = CacheKeySource(uri=code)
    return CacheKey(attributes=attributes, sources=sources)


def _run(attempt: Attempt) -> Done:
    outputs = TrainingOutputs(attempt)
    is_notebook = notebook_jobs.is_notebook_job(attempt.arguments)
    metrics = training_toolkit.LogMetrics(
        attempt.arguments.get("AlgorithmSpecification", {}).get("MetricDefinitions") or []
    )
    return jobs.run_job(
        attempt,
        jobs.JobKind(
            describe=functools.partial(_describe, attempt, outputs, metrics),
            prepare=functools.partial(_prepare, attempt, metrics),
            failure=functools.partial(_failure, attempt),
            finish=outputs.upload,
            # With the executed notebook, as far as it came.
            salvage=outputs.upload_data if is_notebook else jobs.leave,
            during=functools.partial(Checkpoints.of, attempt),
            hosts=(attempt.arguments.get("ResourceConfig") or {}).get("InstanceCount", 1),
            outputs=outputs.uris,
        ),
    )


def _describe(
    attempt: Attempt,
    outputs: TrainingOutputs,
    metrics: training_toolkit.LogMetrics,
    state: jobs.JobState,
) -> dict[str, Any]:
    secondary = state.status
    if state.status == "InProgress":
        secondary = "Starting" if state.started is None else "Training"
    ran = state.ended is not None
    return jobs.described(
        {
            "ExperimentConfig": attempt.experiment or None,
            **jobs.without_tags(attempt.arguments),
            "TrainingJobName": attempt.job_name,
            "TrainingJobArn": attempt.identity.arn(f"training-job/{attempt.job_name}"),
            "TrainingJobStatus": state.status,
            "SecondaryStatus": secondary,
            "SecondaryStatusTransitions": _transitions(state, secondary),
            "ModelArtifacts": {"S3ModelArtifacts": outputs.model_uri},
            "FailureReason": state.failure_reason,
            "FinalMetricDataList": metrics.final() or None,
            "CreationTime": state.created,
            "TrainingStartTime": state.started,
            "TrainingEndTime": state.ended,
            "LastModifiedTime": state.ended or state.started or state.created,
            "TrainingTimeInSeconds": state.seconds if ran else None,
            "BillableTimeInSeconds": state.seconds if ran else None,
        }
    )


def _transitions(state: jobs.JobState, secondary: str) -> list[dict[str, Any]]:
    """The phases so far. Each ends when the next begins."""
    phases = [
        ("Starting", state.created, "Preparing the instances for training"),
        ("Training", state.started, "Training is in progress"),
        ("Uploading", state.trained, "Uploading generated training model"),
        (secondary, state.ended, state.failure_reason or f"Training job {secondary.lower()}"),
    ]
    begun = [(name, start, message) for name, start, message in phases if start is not None]
    ends = [start for _, start, _ in begun[1:]] + [state.ended]
    return [
        jobs.described(
            {"Status": name, "StartTime": start, "EndTime": end, "StatusMessage": message}
        )
        for (name, start, message), end in zip(begun, ends, strict=True)
    ]


def _prepare(
    attempt: Attempt, metrics: training_toolkit.LogMetrics, container: Container
) -> jobs.Command:
    arguments = attempt.arguments
    for channel in arguments.get("InputDataConfig") or []:
        folder = container.folder(f"/opt/ml/input/data/{channel['ChannelName']}")
        jobs.stage(attempt, channel["DataSource"]["S3DataSource"], folder, container)
        if channel.get("CompressionType") == "Gzip":
            decompress(folder)
    for folder_name in ("/opt/ml/model", "/opt/ml/output/data", _CODE_FOLDER):
        container.folder(folder_name)
    configuration = training_toolkit.Configuration.of(arguments, container)
    for name, value in configuration.files().items():
        container.write_json(f"/opt/ml/input/config/{name}.json", value)
    environment = {
        **container.environment(host=attempt.environment, region=attempt.identity.region),
        "TRAINING_JOB_NAME": attempt.job_name,
        "TRAINING_JOB_ARN": attempt.identity.arn(f"training-job/{attempt.job_name}"),
        **container.rewrite(arguments.get("Environment") or {}),
    }

    def on_line(stream: Any, line: str) -> None:
        metrics.read(line)
        attempt.on_line(stream, line)

    algorithm = arguments.get("AlgorithmSpecification") or {}
    if algorithm.get("ContainerEntrypoint"):
        if notebook_jobs.is_notebook_job(arguments):
            environment = notebook.installed(environment, container)
        words = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])]
        return jobs.Command(
            words=container.rewrite(words),
            environment=environment,
            cwd=container.root,
            on_line=on_line,
        )
    program = str(_setting(arguments, _PROGRAM))
    directory = str(_setting(arguments, _DIRECTORY))
    code = _code_folder(attempt, directory, container)
    python = packages.interpreter(
        container.path(code),
        attempt.on_line,
        environment=container.sealed(),
        image=str(algorithm.get("TrainingImage") or ""),
    )
    user_arguments = configuration.user_arguments()
    variables = configuration.variables(program=program, directory=directory, container=container)
    return jobs.Command(
        words=container.rewrite(
            [*training_toolkit.command_of(program, python=python), *user_arguments]
        ),
        environment={**environment, **variables},
        cwd=container.seen(code),
        on_line=on_line,
    )


def _prepare_unmeasured(attempt: Attempt, container: Container) -> jobs.Command:
    """As `_prepare`, for who reads no metrics out of its log."""
    return _prepare(attempt, training_toolkit.LogMetrics([]), container)


def _code_folder(attempt: Attempt, directory: str, container: Container) -> str:
    """Bring the code to its folder in the container, and say which that is."""
    if not directory.startswith("s3://"):
        return directory
    bundle = container.temporary / "bundle.tar.gz"
    try:
        attempt.storage.download(directory, bundle)
    except FileNotFoundError:
        raise StepFailed(f"ClientError: no code bundle at {directory}") from None
    try:
        unpack(bundle, container.folder(_CODE_FOLDER))
    except ValueError as error:
        raise StepFailed(f"ClientError: {directory} is not a code bundle: {error}") from None
    return _CODE_FOLDER


def _failure(attempt: Attempt, ending: Ending, container: Container) -> str:
    algorithm = attempt.arguments.get("AlgorithmSpecification") or {}
    image = str(algorithm.get("TrainingImage") or "")
    message = jobs.failure_file(container) or jobs.exit_message(container)
    if message:
        is_notebook = notebook_jobs.is_notebook_job(attempt.arguments)
        return image_packages.explained(message, image) if is_notebook else message
    last = image_packages.explained(jobs.last_words(ending), image)
    if algorithm.get("ContainerEntrypoint"):
        return last
    words = [*training_toolkit.command_of(str(_setting(attempt.arguments, _PROGRAM)))]
    return training_toolkit.failure_message(
        words,
        training_toolkit.Configuration.of(attempt.arguments, container),
        ending.exit_code,
        last,
    )


TRAINING = Runner(
    name="Training",
    obstacle=_obstacle,
    check=_check,
    resolve=_resolve,
    cache_key=_cache_key,
    prepare=_prepare_unmeasured,
    run=_run,
)
