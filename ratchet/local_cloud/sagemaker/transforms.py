"""Transform jobs that no pipeline made: CreateTransformJob and StopTransformJob.

Each runs in a thread, by the code that runs a pipeline's Transform step.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import events, jobs, recovery
from ratchet.local_cloud.sagemaker.errors import ApiError, invalid
from ratchet.local_cloud.sagemaker.services import CloudServices
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import MODEL, TRANSFORM_JOB

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request
    from ratchet.runner import StopSignal
    from ratchet.runner.definition import RunnableStep
    from ratchet.runner.step_types.contract import Attempt

_LOG = logging.getLogger("ratchet.runs")
_OWN = "StandaloneTransformJob"
_STOP_GRACE_SECONDS = 5.0
_JOIN_SECONDS = 10.0
_STATUS = "TransformJobStatus"


class TransformJobs:
    """The jobs that run now; their folders are ``<folder>/<job>/``."""

    def __init__(self, *, api: Api, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._active: dict[tuple[AccountScope, str], tuple[threading.Thread, StopSignal]] = {}
        self._closing = False

    def operations(self) -> dict[str, Handler]:
        """The operations that start and stop jobs."""

        def create(api: Api, scope: AccountScope, request: Request) -> Answer:
            return self._create(scope, request)

        def stop(api: Api, scope: AccountScope, request: Request) -> Answer:
            return self._stop(scope, request["TransformJobName"])

        return {"CreateTransformJob": create, "StopTransformJob": stop}

    def recover(self) -> None:
        """Fail the jobs that an earlier process left running."""
        for scope, own in self._api.store.everywhere(_OWN):
            recovery.end_strays(self._folder / own["Folder"])
            job = self._api.store.get(scope, TRANSFORM_JOB.name, own["Name"])
            if job and job[_STATUS] in ("InProgress", "Stopping"):
                jobs.fail(self._api, scope, TRANSFORM_JOB, job, "The local cloud was killed.")
            self._api.store.delete(scope, _OWN, own["Name"])

    def close(self) -> None:
        """End every job, because the cloud goes down."""
        self._closing = True
        active = list(self._active.values())
        for _, stop in active:
            stop.request()
        for thread, _ in active:
            thread.join(_JOIN_SECONDS)

    def _create(self, scope: AccountScope, request: Request) -> Answer:
        from ratchet.runner import StopSignal

        name = request["TransformJobName"]
        self._api.get(scope, MODEL, request["ModelName"])
        _check_arguments(request)
        moment = self._api.now()
        arguments = {
            key: value for key, value in request.items() if key not in ("Tags", "TransformJobName")
        }
        body: Body = {
            **arguments,
            "TransformJobName": name,
            "TransformJobArn": scope.arn(f"transform-job/{name}"),
            _STATUS: "InProgress",
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        folder = f"{scope.region}-{name}"
        with self._api.store.transaction():
            if self._api.store.get(scope, TRANSFORM_JOB.name, name) is not None:
                raise TRANSFORM_JOB.taken(name, body["TransformJobArn"])
            self._api.store.put(scope, TRANSFORM_JOB.name, name, body)
            self._api.store.put(scope, _OWN, name, {"Name": name, "Folder": folder})
            self._api.set_tags(scope, body["TransformJobArn"], request.get("Tags", []))
        stop = StopSignal(grace_seconds=_STOP_GRACE_SECONDS)
        thread = threading.Thread(
            target=self._run, args=(scope, name, arguments, stop, folder), name=name, daemon=True
        )
        self._active[scope, name] = (thread, stop)
        thread.start()
        return body

    def _stop(self, scope: AccountScope, name: str) -> Answer:
        job = self._api.get(scope, TRANSFORM_JOB, name)
        if job[_STATUS] not in ("InProgress", "Stopping"):
            raise invalid(
                f"The request was rejected because the transform job is in status {job[_STATUS]}."
            )
        self._record(scope, name, {_STATUS: "Stopping"})
        _, stop = self._active.get((scope, name), (None, None))
        if stop:
            stop.request()
        return {}

    def _run(
        self,
        scope: AccountScope,
        name: str,
        arguments: Mapping[str, Any],
        stop: StopSignal,
        folder: str,
    ) -> None:
        from ratchet.runner.errors import Refused, StepFailed, StepStopped
        from ratchet.runner.step_types.transform import TRANSFORM

        place = self._folder / folder
        place.mkdir(parents=True, exist_ok=True)
        try:
            done = TRANSFORM.run(self._attempt(scope, name, arguments, stop, place))
            changes = dict(done.properties)
        except (StepFailed, StepStopped) as end:
            changes = dict(end.properties or {})
        except Refused as refused:
            changes = self._failure(str(refused))
        except Exception as error:
            _LOG.exception("transform job %s ended by an error of the local cloud", name)
            changes = self._failure(f"{type(error).__name__}: {error}")
        if self._closing and changes.get(_STATUS) != "Completed":
            changes = self._failure("The local cloud was shut down while the job ran.")
        if changes.get(_STATUS, "InProgress") == "InProgress":  # it never came to a job
            changes |= self._failure(str(changes.get("FailureReason", "The job did not start.")))
        try:
            self._record(scope, name, changes)
            self._api.store.delete(scope, _OWN, name)
        except (ApiError, KeyError):
            _LOG.warning("transform job %s was forgotten while it ran", name)
        finally:
            self._active.pop((scope, name), None)
            shutil.rmtree(place, ignore_errors=True)

    def _attempt(
        self,
        scope: AccountScope,
        name: str,
        arguments: Mapping[str, Any],
        stop: StopSignal,
        folder: Path,
    ) -> Attempt:
        """Raises ``Refused`` for what the model's role may not do."""
        from ratchet.runner import Identity
        from ratchet.runner.step_types.contract import Attempt

        services = CloudServices(self._api, scope)
        access = services.job_access("Transform", name, arguments)
        arn = scope.arn(f"transform-job/{name}")

        def progress(
            *, properties: Mapping[str, Any] | None = None, process_group: int | None = None
        ) -> None:
            del process_group
            if properties:
                self._record(scope, name, dict(properties))

        return Attempt(
            step=_step(name, arguments),
            number=1,
            arguments=arguments,
            job_name=name,
            folder=folder,
            identity=Identity(
                pipeline_name=name,
                pipeline_arn=arn,
                execution_id=name,
                execution_arn=arn,
                start_time=dt.datetime.now(dt.UTC),
            ),
            storage=access.storage or services.storage,
            services=services,
            stop=stop,
            environment=access.environment,
            experiment={},
            on_line=lambda stream, line: self._log(scope, name, line),
            progress=progress,
        )

    def _log(self, scope: AccountScope, name: str, line: str) -> None:
        self._api.cloud.put_log_lines(
            scope,
            group="/aws/sagemaker/TransformJobs",
            stream=f"{name}/i-local",
            lines=[(self._api.now(), line)],
        )

    def _failure(self, reason: str) -> dict[str, Any]:
        return {
            _STATUS: "Failed",
            "FailureReason": reason[:1024],
            "TransformEndTime": self._api.now(),
        }

    def _record(self, scope: AccountScope, name: str, changes: Mapping[str, Any]) -> None:
        with self._api.store.transaction():
            before = self._api.get(scope, TRANSFORM_JOB, name)
            changes = {key: value for key, value in changes.items() if key != "CreationTime"}
            if before[_STATUS] == "Stopping" and changes.get(_STATUS) == "InProgress":
                changes = {key: value for key, value in changes.items() if key != _STATUS}
            after = self._api.change(scope, TRANSFORM_JOB, name, dict(changes))
            if after[_STATUS] != before[_STATUS]:
                arn = after["TransformJobArn"]
                events.job_changed(self._api, scope, "Transform", after, arn=arn)


def _check_arguments(request: Request) -> None:
    """Raises ApiError for what runs on AWS and not here, before there is a job."""
    from ratchet.runner.errors import CannotRunError
    from ratchet.runner.report import ProblemList
    from ratchet.runner.step_types.transform import TRANSFORM

    report = ProblemList()
    TRANSFORM.check(_step("TransformJob", request), report)
    try:
        report.raise_violations()
    except CannotRunError as error:
        raise invalid(str(error)) from None


def _step(name: str, arguments: Mapping[str, Any]) -> RunnableStep:
    """A job as the runner knows it."""
    from ratchet.runner.definition import RunnableStep

    body = {"Name": name, "Type": "Transform", "Arguments": arguments}
    return RunnableStep(name=name, type="Transform", keys=(), body_with_branches=body)
