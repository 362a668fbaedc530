"""The Transform step: batch inference through the model's own inference code.

Developer guide, "Use Batch Transform": each object of the input becomes `<its key>.out` below the
output path.
"""

from __future__ import annotations

import functools
import gzip
import time
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ratchet.definition.expressions import function_of
from ratchet.loop.chains import ALONE
from ratchet.runner.cache_key import CacheKey, CacheKeySource
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed, StepStopped, as_failure
from ratchet.runner.expressions import StepScope
from ratchet.runner.manifests import read_manifest
from ratchet.runner.report import ProblemList
from ratchet.runner.serving.prepared import Image, Prepared, fetch_from, images_of, prepare
from ratchet.runner.serving.process import NoAnswerError, UnhealthyModelError
from ratchet.runner.serving.served import ServedContainers, is_direct, serve
from ratchet.runner.staging import relative_path
from ratchet.runner.step_types import jobs, record_filters
from ratchet.runner.step_types.batches import BatchPlan
from ratchet.runner.step_types.contract import Attempt, Done, Runner, resolve_all

_START_SECONDS = 60.0
_OF_MODEL_OR_DATA = (UnhealthyModelError, NoAnswerError, LookupError, ValueError)
_CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("TransformInput", "SplitType"): ("None", "Line"),
    ("TransformInput", "CompressionType"): ("None", "Gzip"),
    ("TransformOutput", "AssembleWith"): ("None", "Line"),
    ("DataProcessing", "JoinSource"): ("None", "Input"),
}


def _check(step: RunnableStep, report: ProblemList) -> None:
    arguments, place = step.arguments, f"{step.place}.Arguments"
    if not report.require(arguments, place, "ModelName", "TransformInput", "TransformOutput"):
        return
    report.require(arguments["TransformOutput"], f"{place}.TransformOutput", "S3OutputPath")
    at = f"{place}.TransformInput"
    if report.require(arguments["TransformInput"], at, "DataSource"):
        source = (arguments["TransformInput"]["DataSource"] or {}).get("S3DataSource")
        jobs.check_source(source, f"{at}.DataSource.S3DataSource", "", report)
    for (holder, key), expected in _CHOICES.items():
        value = (arguments.get(holder) or {}).get(key, "None")
        if function_of(value) is None and value not in expected:
            report.add(
                f"{place}.{holder}.{key}",
                f"{value!r} cannot run here: expected {' or '.join(expected)}",
            )
    _check_filters(arguments, place, report)


def _check_filters(arguments: Mapping[str, Any], place: str, report: ProblemList) -> None:
    processing = arguments.get("DataProcessing") or {}
    for key in ("InputFilter", "OutputFilter"):
        path = processing.get(key, record_filters.WHOLE)
        if function_of(path) is None:
            try:
                record_filters.parse(path)
            except (ValueError, AttributeError) as error:
                report.add(f"{place}.DataProcessing.{key}", str(error))
    content_type = arguments["TransformInput"].get("ContentType", "")
    if processing and function_of(content_type) is None:
        reads = record_filters.is_csv(content_type) or record_filters.is_json(content_type)
        if not reads:
            report.add(
                f"{place}.TransformInput.ContentType",
                f"{content_type!r} cannot be filtered or joined: expected text/csv, "
                "application/json or application/jsonlines",
            )


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    arguments = resolve_all(step, scope)
    if arguments.get("Environment"):
        arguments["Environment"] = jobs.texts(arguments["Environment"])
    return arguments


def _cache_key(arguments: Mapping[str, Any]) -> CacheKey:
    transform_input = dict(arguments["TransformInput"])
    source = dict(transform_input.pop("DataSource")["S3DataSource"])
    manifest = source.get("S3DataType") == "ManifestFile"
    uri = source.pop("S3Uri")
    return CacheKey(
        attributes={
            "model": arguments["ModelName"],
            "environment": arguments.get("Environment"),
            "DataProcessing": arguments.get("DataProcessing"),
            "input": {**transform_input, **source},
        },
        sources={"input": CacheKeySource(uri=uri, manifest=manifest)},
    )


def _run(attempt: Attempt) -> Done:
    state = jobs.JobState()
    describe = functools.partial(_describe, attempt, state)
    attempt.progress(properties=describe())
    try:
        _transform(attempt, state, describe)
    except StepStopped:
        state.status, state.ended = "Stopped", time.time()
        raise StepStopped(describe()) from None
    except Exception as error:
        if attempt.stop.is_set():  # its process was ended in the middle of a request
            state.status, state.ended = "Stopped", time.time()
            raise StepStopped(describe()) from None
        of_model = isinstance(error, _OF_MODEL_OR_DATA)
        failure = StepFailed(f"ClientError: {error}") if of_model else as_failure(error)
        state.status, state.ended = "Failed", time.time()
        state.failure_reason = failure.reason[: jobs.LONGEST_REASON]
        raise StepFailed(failure.reason, kind=failure.kind, properties=describe()) from None
    state.status, state.ended = "Completed", time.time()
    output = f"{attempt.arguments['TransformOutput']['S3OutputPath'].rstrip('/')}/"
    return Done(properties=describe(), outputs=(output,))


def _describe(attempt: Attempt, state: jobs.JobState) -> dict[str, Any]:
    return jobs.described(
        {
            "ExperimentConfig": attempt.experiment or None,
            **jobs.without_tags(attempt.arguments),
            "TransformJobName": attempt.job_name,
            "TransformJobArn": attempt.identity.arn(f"transform-job/{attempt.job_name}"),
            "TransformJobStatus": state.status,
            "FailureReason": state.failure_reason,
            "CreationTime": state.created,
            "TransformStartTime": state.started,
            "TransformEndTime": state.ended,
        }
    )


def _transform(attempt: Attempt, state: jobs.JobState, describe: Any) -> None:
    arguments = attempt.arguments
    objects = _objects(attempt, arguments["TransformInput"]["DataSource"]["S3DataSource"])
    services = attempt.services
    model = services.describe_model(arguments["ModelName"])
    if is_direct(model):
        raise ValueError(
            f"model {arguments['ModelName']} has InferenceExecutionConfig Mode Direct: no record "
            "says which of its containers it is for; expected Serial"
        )

    def prepared(image: Image, folder: Path) -> Prepared:
        ready = prepare(
            image,
            folder,
            fetch=fetch_from(attempt.storage),
            region=attempt.identity.region,
            host=attempt.environment,
            emit=lambda line: attempt.on_line("stdout", line),
        )
        environment = {
            **ready.environment,
            **ready.container.rewrite(arguments.get("Environment") or {}),
            "SAGEMAKER_BATCH": "true",
        }
        return replace(ready, environment=environment)

    with ExitStack() as ends:
        served = serve(
            images_of(model, services.describe_model_package),
            attempt.folder / "model",
            prepare=prepared,
            emit=lambda _, line: attempt.on_line("stdout", line),
            seconds=_START_SECONDS,
            on_process=lambda process: ends.callback(attempt.stop.on_request(process.stop)),
        )
        ends.callback(served.stop)
        state.started = time.time()
        groups = served.groups
        attempt.progress(
            properties=describe(), process_group=int(groups[0]["id"]) if groups else None
        )
        plan = BatchPlan.of(arguments)
        with ThreadPoolExecutor(int(arguments.get("MaxConcurrentTransforms") or 1)) as pool:
            for uri, relative in objects:
                _transform_object(attempt, plan, served, pool, uri, relative)


def _objects(attempt: Attempt, source: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The objects of the input, each with its path below the output."""
    uri = source["S3Uri"]
    if source.get("S3DataType") == "ManifestFile":
        try:
            entries = read_manifest(attempt.storage, uri)
        except FileNotFoundError as error:
            raise ValueError(f"no manifest: {error}") from None
        objects = [(entry.uri, entry.relative) for entry in entries]
    else:
        listed = attempt.storage.list(uri)
        objects = [(item.uri, relative_path(uri, item.uri)) for item in listed]
    objects = [
        (uri, relative) for uri, relative in objects if relative and not relative.endswith("/")
    ]
    if not objects:
        raise ValueError(f"No S3 objects found under S3 URL {uri!r} given in TransformInput")
    return objects


def _transform_object(
    attempt: Attempt,
    plan: BatchPlan,
    served: ServedContainers,
    pool: ThreadPoolExecutor,
    uri: str,
    relative: str,
) -> None:
    try:
        content = attempt.storage.read_bytes(uri)
        if attempt.arguments["TransformInput"].get("CompressionType") == "Gzip":
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise ValueError(f"there is no object {uri}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ValueError(f"{uri} is not compressed with gzip") from None
    headers = {"Content-Type": plan.content_type, "Accept": plan.accept or "*/*"}

    def predict(payload: bytes) -> bytes:
        if attempt.stop.is_set():
            raise StepStopped
        answer = served.invoke(plan.request(payload), headers)
        if answer.status != 200:
            reason = answer.body.decode("utf-8", "replace").strip().partition("\n")[0]
            who = "the model" if answer.container == ALONE else answer.container
            raise ValueError(f"{uri}: {who} answered {answer.status}: {reason}")
        return plan.result(payload, answer.body)

    try:
        parts = list(pool.map(predict, plan.payloads(content)))
    except (ValueError, NoAnswerError) as error:
        reason = str(error)
        raise ValueError(reason if reason.startswith(uri) else f"{uri}: {reason}") from None
    target = attempt.arguments["TransformOutput"]["S3OutputPath"].rstrip("/")
    attempt.storage.write_bytes(f"{target}/{relative}.out", b"".join(parts))


TRANSFORM = Runner(
    name="Transform",
    check=_check,
    resolve=_resolve,
    cache_key=_cache_key,
    run=_run,
)
"""ModelName is part of the key, as on AWS: a Transform after a Model step never hits."""
