"""One step of a run: cache, attempts, retries, and the record that tells of them."""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ratchet.runner.cache import CachedResult, StepCache
from ratchet.runner.cache_key import (
    CacheKeySource,
    Fingerprint,
    compared,
    content_digest,
    fingerprint,
)
from ratchet.runner.definition import Definition, RunnableStep
from ratchet.runner.errors import EvaluationError, StepStopped, as_failure
from ratchet.runner.expressions import StepScope, follow
from ratchet.runner.records import Access, Identity, Services, StepRecord, StopSignal, Stream
from ratchet.runner.retries import Retries
from ratchet.runner.step_types import runner_of, stand_in
from ratchet.runner.step_types.contract import Attempt, Done, resolve_all
from ratchet.runner.storage import Storage

_ALPHABET = string.ascii_letters + string.digits
_LONGEST_NAME = 63  # of what is no resource of SageMaker's, such as a step of EMR


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all steps of a run share. `publish` takes each change of a record; `attempts` is how
    often a step was tried in the run that this one goes on from. `storage` is the pipeline's, and
    `cache_storage` the same objects as the cache sees them: its bookkeeping is this machine's."""

    definition: Definition
    parameters: Mapping[str, Any]
    identity: Identity
    storage: Storage
    cache_storage: Storage
    services: Services
    workdir: Path
    cache: StepCache | None
    stop: StopSignal
    environment: Mapping[str, str]
    records: Mapping[str, StepRecord]
    publish: Callable[[StepRecord], None]
    on_line: Callable[[str, Stream, str], None]
    attempts: Mapping[str, int] = field(default_factory=dict)

    def scope(self, overrides: Mapping[str, str]) -> StepScope:
        """What a step's references resolve against; `overrides` are its own job's names."""
        return StepScope(
            parameters=self.parameters,
            execution=self._execution,
            properties=self._properties,
            property_file=self._property_file,
            read_json=self._read_json,
            overrides=overrides,
        )

    def _execution(self, name: str) -> str:
        identity = self.identity
        values = {
            "StartDateTime": _timestamp(identity.start_time),
            "CurrentDateTime": _timestamp(datetime.now(UTC)),
            "PipelineName": identity.pipeline_name,
            "PipelineArn": identity.pipeline_arn,
            "PipelineExecutionId": identity.execution_id,
            "PipelineExecutionArn": identity.execution_arn,
        }
        if name not in values:
            raise EvaluationError(f"Execution.{name} has no value in a step of this type")
        return values[name]

    def _properties(self, step: str) -> Mapping[str, Any]:
        return self.records[step].properties

    def _property_file(self, step: str, name: str) -> str:
        declaring = self.definition.steps[step]
        try:
            folder = follow(self._properties(step), declaring.folder_of(name))
        except KeyError:
            raise EvaluationError(
                f"property file {name!r} has no content: step {step!r} did not run"
            ) from None
        return f"{folder.rstrip('/')}/{declaring.property_files[name].path}"

    def _read_json(self, uri: str) -> Any:
        import json

        return json.loads(self.storage.read_bytes(uri))


class StepRun:
    """Runs one step to its end. `record` is how it stands."""

    def __init__(self, step: RunnableStep, setting: Setting) -> None:
        self._step = step
        self._setting = setting
        self._runner = runner_of(step)
        self._lock = threading.Lock()
        self._key: Fingerprint | None = None
        self.record = StepRecord(
            name=step.name,
            type=step.type,
            status="Starting",
            start_time=datetime.now(UTC),
            attempt=setting.attempts.get(step.name, 0) + 1,
        )

    def run(self) -> None:
        """Try, and try again as the retry policies say. Failure and stop end in the record."""
        self._change()
        retries = Retries(self._step.retries)
        began = time.monotonic()
        while True:
            try:
                self._attempt()
                return
            except StepStopped as stopped:
                self._end("Stopped", properties=stopped.properties)
                return
            except Exception as error:
                failure = as_failure(error)
            delay = None
            if self._step.row.is_retryable:
                delay = retries.delay(failure.kind, elapsed=time.monotonic() - began)
            if delay is None or self._setting.stop.is_set():
                self._end("Failed", properties=failure.properties, failure_reason=failure.reason)
                return
            if self._setting.stop.wait(delay):
                self._end("Stopped", properties=failure.properties)
                return
            self._change(status="Starting", attempt=self.record.attempt + 1, process_group=None)

    def _attempt(self) -> None:
        step, setting = self._step, self._setting
        service_names = step.row.named_by_service if step.stand_in is None else ()
        job_name = _job_name(setting.identity, step) if service_names else None
        scope = setting.scope(dict.fromkeys(service_names, job_name or ""))
        arguments = self._runner.resolve(step, scope)
        self._change(job_name=job_name, arguments=arguments)
        if self._take_from_cache(arguments):
            return
        folder = setting.workdir / step.name
        folder.mkdir(parents=True, exist_ok=True)
        self._change(status="Executing")
        access = self._access(job_name or "", arguments, scope)
        self._change(losses=access.losses)
        done = self._runner.run(
            Attempt(
                step=step,
                number=self.record.attempt,
                arguments=arguments,
                job_name=job_name or "",
                folder=folder,
                identity=setting.identity,
                storage=access.storage or setting.storage,
                services=setting.services,
                stop=setting.stop,
                environment={**setting.environment, **access.environment},
                experiment=scope.resolve(setting.definition.experiment),
                on_line=lambda stream, line: setting.on_line(step.name, stream, line),
                progress=self._progress,
            )
        )
        self._put_into_cache(done)
        self._end(
            "Succeeded",
            properties=done.properties,
            outcome=done.outcome,
            output_parameters=done.output_parameters,
        )

    def _access(self, job_name: str, arguments: Mapping[str, Any], scope: StepScope) -> Access:
        """Ask for what is made behind the step, and for what that may use."""
        step, services = self._step, self._setting.services
        if step.stand_in is not None:
            name = _job_name(self._setting.identity, step)
            try:
                arguments = resolve_all(step, scope)
            except EvaluationError:  # it names what another stand-in lacks
                arguments = {}
            services.create_job(step.type, name, arguments)
            return Access()
        services.create_job(step.type, job_name, arguments)
        return services.job_access(step.type, job_name, arguments)

    def _take_from_cache(self, arguments: Mapping[str, Any]) -> bool:
        """Whether an earlier result was taken; says why in the record."""
        step, setting = self._step, self._setting
        if step.stand_in is not None:
            self._change(cache_explanation=stand_in.EXPLANATION)
            return False
        if setting.cache is None or step.cache_for is None:
            return False
        if self._runner.cache_key is None:
            self._change(cache_explanation=f"off: {step.type} steps are never cached")
            return False
        key = self._runner.cache_key(compared(arguments, step.row))
        self._key = fingerprint(key, setting.cache_storage)
        lookup = setting.cache.look_up(
            pipeline_arn=setting.identity.pipeline_arn,
            step=step.name,
            key=self._key,
            no_older_than=step.cache_for,
            storage=setting.cache_storage,
        )
        if lookup.result is None:
            self._change(cache_explanation=lookup.explanation)
            return False
        self._end(
            "Succeeded",
            properties=lookup.result.properties,
            job_name=lookup.result.job_name,
            cache_explanation=lookup.explanation,
            cache_hit_source=lookup.result.execution_arn,
        )
        return True

    def _put_into_cache(self, done: Done) -> None:
        setting = self._setting
        if setting.cache is None or self._key is None:
            return
        setting.cache.put(
            pipeline_arn=setting.identity.pipeline_arn,
            step=self._step.name,
            key=self._key,
            result=CachedResult(
                execution_arn=setting.identity.execution_arn,
                job_name=self.record.job_name,
                properties=done.properties,
                outputs={
                    uri: content_digest(setting.cache_storage, CacheKeySource(uri=uri))
                    for uri in done.outputs
                },
            ),
        )

    def _progress(
        self, *, properties: Mapping[str, Any] | None = None, process_group: int | None = None
    ) -> None:
        changes: dict[str, Any] = {}
        if properties is not None:
            changes["properties"] = properties
        if process_group is not None:
            changes["process_group"] = process_group
        self._change(**changes)

    def _end(self, status: str, *, properties: Mapping[str, Any] | None, **changes: Any) -> None:
        self._change(
            status=status,
            properties=self.record.properties if properties is None else properties,
            end_time=datetime.now(UTC),
            process_group=None,
            **changes,
        )

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self.record = replace(self.record, **changes)
            self._setting.publish(self.record)


def _job_name(identity: Identity, step: RunnableStep) -> str:
    """A job's name as the service forms it: `pipelines-<execution id>-<step>-<random>`.

    Where that would be too long, as for tuning jobs, without its first word.
    """
    longest = step.row.makes.longest_name if step.row.makes else _LONGEST_NAME
    token = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    head = f"pipelines-{identity.execution_id}"[:30].rstrip("-")
    if longest < len(head) + len(token) + len("-step-"):
        head = identity.execution_id[: longest - len(token) - len("-step-")].rstrip("-")
    room = longest - len(head) - len(token) - 2
    name = step.name.replace("_", "-").strip("-")[:room].rstrip("-")
    return f"{head}-{name}-{token}"


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
