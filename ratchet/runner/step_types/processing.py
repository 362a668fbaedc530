"""The Processing step: runs an entry point between inputs and outputs in S3.

Paths and configuration files: developer guide, "Build Your Own Processing Container" and "How
Amazon SageMaker Processing Configures Your Processing Container".
"""

from __future__ import annotations

import functools
import os
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ratchet.definition.references import Reference
from ratchet.runner import image_packages, packages
from ratchet.runner.cache_key import CacheKey, CacheKeySource
from ratchet.runner.container import Container
from ratchet.runner.definition import RunnableStep
from ratchet.runner.expressions import StepScope
from ratchet.runner.processes import Ending
from ratchet.runner.report import ProblemList
from ratchet.runner.staging import upload_folder
from ratchet.runner.step_types import jobs, spark
from ratchet.runner.step_types.contract import Attempt, Done, Obstacle, Runner, resolve_all

_CODE = "code"


def _obstacle(arguments: Mapping[str, Any]) -> Obstacle | None:
    application = arguments.get("AppSpecification")
    if not isinstance(application, Mapping):
        return None
    if spark.is_spark(application):
        reason = spark.missing()
        return Obstacle("Arguments.AppSpecification.ImageUri", reason) if reason else None
    if application.get("ContainerEntrypoint"):
        return None
    return Obstacle(
        "Arguments.AppSpecification.ContainerEntrypoint",
        "is required here: the image's own entry point cannot run without the image",
    )


def _check(step: RunnableStep, report: ProblemList) -> None:
    place = f"{step.place}.Arguments"
    report.require(step.arguments, place, "AppSpecification")
    at = f"{place}.ProcessingInputs"
    for where, item in report.objects(step.arguments.get("ProcessingInputs") or [], at):
        if "DatasetDefinition" in item:
            report.add(
                f"{where}.DatasetDefinition",
                "cannot be read here: Athena and Redshift are not in the local cloud; give the "
                "rows as S3Input",
            )
        elif report.require(item, where, "InputName", "S3Input"):
            source = item["S3Input"]
            jobs.check_source(source, f"{where}.S3Input", "S3InputMode", report)
            _check_path(source, f"{where}.S3Input", report)
    at = f"{place}.ProcessingOutputConfig.Outputs"
    for where, item in report.objects(_outputs(step.arguments), at):
        if "FeatureStoreOutput" in item:
            report.add(
                f"{where}.FeatureStoreOutput",
                "cannot be written here: the local cloud has no Feature Store; write to S3Output",
            )
        elif report.require(item, where, "OutputName", "S3Output"):
            report.require(item["S3Output"], f"{where}.S3Output", "S3Uri", "LocalPath")
            _check_path(item["S3Output"], f"{where}.S3Output", report)
    _check_property_files(step, report)


def _check_path(holder: Any, place: str, report: ProblemList) -> None:
    path = holder.get("LocalPath") if isinstance(holder, Mapping) else None
    if isinstance(path, str) and not path.startswith("/opt/ml/processing"):
        report.add(f"{place}.LocalPath", f"{path!r} is not below /opt/ml/processing")


def _check_property_files(step: RunnableStep, report: ProblemList) -> None:
    outputs = [output.get("OutputName") for output in _outputs(step.arguments)]
    for index, (name, file) in enumerate(step.property_files.items()):
        if file.output not in outputs:
            report.add(
                f"{step.place}.PropertyFiles[{index}].OutputName",
                f"property file {name!r} is in output {file.output!r}; "
                f"the outputs are {', '.join(map(str, outputs)) or 'none'}",
            )


def _check_reference(step: RunnableStep, reference: Reference) -> str | None:
    if reference.path[:2] == ("ProcessingOutputConfig", "Outputs") and len(reference.path) > 2:
        names = [output.get("OutputName") for output in _outputs(step.arguments)]
        name = reference.path[2]
        if isinstance(name, str) and name not in names:
            expected = ", ".join(map(str, names)) or "none"
            return f"step {step.name!r} has no output {name!r}; its outputs are {expected}"
    return None


def _outputs(arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    return [output for output in outputs if isinstance(output, Mapping)]


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    arguments = resolve_all(step, scope)
    application = dict(arguments["AppSpecification"])
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        if key in application:
            application[key] = jobs.texts(application[key])
    arguments["AppSpecification"] = application
    if arguments.get("Environment"):
        arguments["Environment"] = jobs.texts(arguments["Environment"])
    return arguments


def _cache_key(arguments: Mapping[str, Any]) -> CacheKey:
    application = dict(arguments["AppSpecification"])
    attributes = {
        "image": application.pop("ImageUri", None),
        "entry point": application.pop("ContainerEntrypoint", None),
        "arguments": application.pop("ContainerArguments", None),
        "AppSpecification": application,
        "environment": arguments.get("Environment"),
    }
    sources = {}
    for item in arguments.get("ProcessingInputs") or []:
        name = item["InputName"]
        label = "code bundle" if name == _CODE else f"input {name}"
        source = dict(item["S3Input"])
        sources[label] = CacheKeySource(
            uri=source.pop("S3Uri"), manifest=source.get("S3DataType") == "ManifestFile"
        )
        others = {key: item[key] for key in item if key not in ("InputName", "S3Input")}
        attributes[label] = {**others, **source}
    return CacheKey(attributes=attributes, sources=sources)


def _run(attempt: Attempt) -> Done:
    # An output that the program writes to S3 by itself is only declared.
    uploaded = [output for output in _outputs(attempt.arguments) if not output.get("AppManaged")]

    def finish(containers: Sequence[Container]) -> None:
        for container in containers:
            for output in uploaded:
                target = output["S3Output"]
                folder = container.path(target["LocalPath"])
                upload_folder(attempt.storage, folder, target["S3Uri"])

    return jobs.run_job(
        attempt,
        jobs.JobKind(
            describe=functools.partial(_describe, attempt),
            prepare=functools.partial(_prepare, attempt),
            failure=functools.partial(_failure, attempt),
            finish=finish,
            hosts=_cluster(attempt.arguments).get("InstanceCount", 1),
            outputs=tuple(f"{output['S3Output']['S3Uri'].rstrip('/')}/" for output in uploaded),
        ),
    )


def _cluster(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    cluster: Mapping[str, Any] = arguments.get("ProcessingResources", {}).get("ClusterConfig", {})
    return cluster


def _arn(attempt: Attempt) -> str:
    return attempt.identity.arn(f"processing-job/{attempt.job_name}")


def _describe(attempt: Attempt, state: jobs.JobState) -> dict[str, Any]:
    return jobs.described(
        {
            "ExperimentConfig": attempt.experiment or None,
            **jobs.without_tags(attempt.arguments),
            "ProcessingJobName": attempt.job_name,
            "ProcessingJobArn": _arn(attempt),
            "ProcessingJobStatus": state.status,
            "ExitMessage": state.exit_message,
            "FailureReason": state.failure_reason,
            "CreationTime": state.created,
            "ProcessingStartTime": state.started,
            "ProcessingEndTime": state.ended,
            "LastModifiedTime": state.ended or state.started or state.created,
        }
    )


def _prepare(attempt: Attempt, container: Container) -> jobs.Command:
    arguments = attempt.arguments
    for item in arguments.get("ProcessingInputs") or []:
        source = item["S3Input"]
        jobs.stage(attempt, source, container.folder(source["LocalPath"]), container)
    for output in _outputs(arguments):
        container.folder(output["S3Output"]["LocalPath"])
    container.write_json(
        "/opt/ml/config/processingjobconfig.json",
        {
            "ProcessingJobArn": _arn(attempt),
            "ProcessingJobName": attempt.job_name,
            **jobs.without_tags(arguments),
        },
    )
    container.write_json(
        "/opt/ml/config/resourceconfig.json",
        {"current_host": container.host, "hosts": list(container.hosts)},
    )
    application = arguments["AppSpecification"]
    words = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
    environment = {
        **container.environment(host=attempt.environment, region=attempt.identity.region),
        **container.rewrite(arguments.get("Environment") or {}),
    }
    python = packages.with_packages(
        image_packages.missing_here(
            image_packages.imported(_scripts(arguments, container)), application["ImageUri"]
        ),
        attempt.on_line,
        environment=container.sealed(),
    )
    if python != sys.executable:
        environment["PATH"] = f"{Path(python).parent}{os.pathsep}{environment['PATH']}"
    if spark.is_spark(application):
        programs = container.temporary / "bin"
        spark.install(programs)
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    return jobs.Command(words=container.rewrite(words), environment=environment, cwd=container.root)


def _scripts(arguments: Mapping[str, Any], container: Container) -> Iterator[bytes]:
    """The Python files of the inputs that hold code: as they are, or in archives."""
    for item in arguments.get("ProcessingInputs") or []:
        if item["InputName"] != _CODE:
            continue
        folder = container.path(item["S3Input"]["LocalPath"])
        yield from image_packages.in_folder(folder)
        for archive in sorted(folder.rglob("*.gz")):
            with suppress(tarfile.TarError, OSError), tarfile.open(archive) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.name.endswith(".py") else None
                    if file is not None:
                        yield file.read()


def _failure(attempt: Attempt, ending: Ending, container: Container) -> str:
    message = jobs.exit_message(container) or jobs.failure_file(container)
    image = attempt.arguments["AppSpecification"]["ImageUri"]
    return message or image_packages.explained(jobs.last_words(ending), image)


PROCESSING = Runner(
    name="Processing",
    obstacle=_obstacle,
    check=_check,
    check_reference=_check_reference,
    resolve=_resolve,
    cache_key=_cache_key,
    prepare=_prepare,
    run=_run,
)
