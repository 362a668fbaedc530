"""Batch inference: the operations on model invocation jobs.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.bedrock.authorisation import SERVICE
from ratchet.local_cloud.bedrock.batch import BatchCloud, InvocationJob
from ratchet.local_cloud.bedrock.errors import conflict, invalid, not_found
from ratchet.local_cloud.bedrock.runtime import Runtime
from ratchet.local_cloud.billing.pages import page
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.shapes import epoch
from ratchet.local_cloud.sagemaker.store import AccountScope, Store

JOB = "BedrockInvocationJob"
ACTIVE = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
_ALPHABET = string.ascii_lowercase + string.digits
_HOUR = 3600.0
_LONGEST = 24
_KILLED = "The local cloud ended while the job ran. Create it again."


class Jobs:
    """The jobs of one local cloud; each runs in a thread."""

    def __init__(
        self, store: Store, runtime: Runtime, cloud: BatchCloud, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._cloud = cloud
        self._now = now
        self._creating = threading.Lock()

    def recover(self) -> None:
        """Fail the jobs that an earlier process left running."""
        for scope, body in self._store.everywhere(JOB):
            if body["status"] in ACTIVE:
                changes = {"status": "Failed", "message": _KILLED, "endTime": self._now()}
                self._store.update(scope, JOB, body["jobArn"].rpartition("/")[2], changes)

    def create(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateModelInvocationJob. Raises ApiError."""
        model = self._runtime.model(scope, request["modelId"])
        with self._creating:
            for body in self._store.all(scope, JOB):
                token = request.get("clientRequestToken")
                if token and body.get("clientRequestToken") == token:
                    return {"jobArn": body["jobArn"]}
                if body["jobName"] == request["jobName"]:
                    raise conflict(f"The job name {request['jobName']} is in use. Take another.")
            name = "".join(secrets.choice(_ALPHABET) for _ in range(12))
            body = self._body(scope, name, request)
            try:
                source = body["jobArn"]
                self._cloud.check_role(scope, body["roleArn"], SERVICE, (), source_arn=source)
            except Denied as denied:
                raise invalid(str(denied)) from None
            self._runtime.check_server()
            self._store.put(scope, JOB, name, body)
        batch = InvocationJob(
            scope=scope,
            body=body,
            model=model,
            runtime=self._runtime,
            cloud=self._cloud,
            change=lambda changes: self._change(scope, name, changes),
            is_stopping=lambda: self._is_stopping(scope, name),
        )
        threading.Thread(target=batch.run, name=f"batch-{name}", daemon=True).start()
        return {"jobArn": body["jobArn"]}

    def get(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetModelInvocationJob."""
        return self._stored(scope, request["jobIdentifier"])

    def list(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListModelInvocationJobs: the newest first unless it is said."""
        jobs = [body for body in self._store.all(scope, JOB) if _is_chosen(body, request)]
        if request.get("sortOrder") != "Ascending":
            jobs.reverse()
        chosen, token = page(jobs, request.get("nextToken"), request.get("maxResults", 100))
        return {"invocationJobSummaries": list(chosen), "nextToken": token}

    def stop(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """StopModelInvocationJob: what is done stays, and is written."""
        body = self._stored(scope, request["jobIdentifier"])
        if body["status"] not in ACTIVE:
            raise conflict(f"The job is {body['status']}; it cannot be stopped any more.")
        self._change(scope, body["jobArn"].rpartition("/")[2], {"status": "Stopping"})
        return {}

    def _body(self, scope: AccountScope, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        moment = self._now()
        hours = request.get("timeoutDurationInHours", _LONGEST)
        return {
            **{key: value for key, value in request.items() if key != "tags"},
            "modelInvocationType": request.get("modelInvocationType", "InvokeModel"),
            "timeoutDurationInHours": hours,
            "jobArn": scope.of_service("bedrock", f"model-invocation-job/{name}"),
            "status": "Submitted",
            "submitTime": moment,
            "lastModifiedTime": moment,
            "jobExpirationTime": moment + hours * _HOUR,
        }

    def _change(self, scope: AccountScope, name: str, changes: Mapping[str, Any]) -> None:
        """Set members; a job that is being stopped does not begin again. Raises KeyError."""
        with self._store.transaction():
            stored = self._store.get(scope, JOB, name) or {}
            moment = {"lastModifiedTime": self._now()}
            self._store.update(scope, JOB, name, {**allowed(stored, changes), **moment})

    def _is_stopping(self, scope: AccountScope, name: str) -> bool:
        body = self._store.get(scope, JOB, name)
        return body is None or body["status"] == "Stopping"

    def _stored(self, scope: AccountScope, identifier: str) -> dict[str, Any]:
        body = self._store.get(scope, JOB, identifier.rpartition("/")[2])
        if body is None:
            raise not_found(f"There is no model invocation job {identifier}.")
        return body


def allowed(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The changes of a job, without a status by which one that is being stopped would go on."""
    if stored.get("status") == "Stopping" and changes.get("status") in ACTIVE:
        return {key: value for key, value in changes.items() if key != "status"}
    return changes


def _is_chosen(body: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    submitted = body["submitTime"]
    after, before = request.get("submitTimeAfter"), request.get("submitTimeBefore")
    return (
        request.get("statusEquals", body["status"]) == body["status"]
        and request.get("nameContains", "") in body["jobName"]
        and (after is None or submitted > epoch(after))
        and (before is None or submitted < epoch(before))
    )
