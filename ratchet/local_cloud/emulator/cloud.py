"""MiniStack's other services, as our SageMaker calls them (its port ``Cloud``)."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import queue
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from ministack import app
from ministack.core.responses import request_scope

from ratchet.local_cloud.emulator import http_needs
from ratchet.local_cloud.emulator.authority import SAGEMAKER, Authority
from ratchet.local_cloud.emulator.object_reads import Answer
from ratchet.local_cloud.emulator.object_storage import ObjectRequest, ObjectStorage
from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.outbox import Outbox
from ratchet.local_cloud.sagemaker.roles import SESSION_NAME
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner import Refused
from ratchet.runner.errors import ServiceError

T = TypeVar("T")

_LOG = logging.getLogger("ratchet.events")
_SECONDS = 30.0
OBJECT_CHANGE = "ObjectChange"
"""The only member of what waits in the outbox for a bucket: what S3's notification is made of."""

_Delivery = tuple[AccountScope, Mapping[str, Any], Callable[[], None]]
_held: ContextVar[list[_Delivery] | None] = ContextVar("held", default=None)
"""The events of several requests that are answered in one go."""


class Emulator:
    """Calls into MiniStack's modules, in this process.

    Safe from any thread; what puts objects and metrics runs on the server's loop, where MiniStack's
    handlers run, so it must not be called from there.
    """

    def __init__(self, *, endpoint: str, authority: Authority, drop_events: bool = False) -> None:
        self.authority = authority
        self._endpoint = endpoint
        self._loop: asyncio.AbstractEventLoop | None = None
        self.drop_events = drop_events
        self.outbox: Outbox | None = None
        """Where events wait that no transaction of SageMaker's belongs to."""
        self.problem: Callable[[int], str | None] = lambda size: None
        """Why so many bytes cannot be written now, or None."""
        self.changed: Callable[[], None] = lambda: None
        """Called after a change that did not come by HTTP."""
        self._events: queue.SimpleQueue[Sequence[_Delivery]] = queue.SimpleQueue()
        self._logs_lock = threading.Lock()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to deliver events, in the order they are put; ``loop`` is the server's."""
        self._loop = loop
        threading.Thread(target=self._deliver, name="sagemaker-events", daemon=True).start()

    def endpoint(self) -> str:
        """The URL of the gateway."""
        return self._endpoint

    def check(self, scope: AccountScope, access_key: str, needs: Iterable[Need]) -> None:
        """Raise `Denied` unless the key's owner may do all of it."""
        self.authority.check(scope, access_key, needs)

    def check_role(
        self,
        scope: AccountScope,
        role_arn: str,
        service: str,
        needs: Iterable[Need],
        *,
        source_arn: str = "",
    ) -> None:
        """Raise `Denied` unless a service may take the role, and the role may do all of it."""
        self.authority.check_role(scope, role_arn, service, needs, source_arn=source_arn)

    def session(
        self,
        scope: AccountScope,
        role_arn: str,
        name: str,
        *,
        service: str = SAGEMAKER,
        source_arn: str = "",
    ) -> dict[str, str]:
        """Variables with credentials of a session of a role; raises `Denied`."""
        source = source_arn or scope.arn("*")
        return self.authority.session(scope, role_arn, name, service=service, source_arn=source)

    def identity(self, scope: AccountScope, access_key: str) -> dict[str, str]:
        """``Arn`` and ``PrincipalId`` of a key's owner."""
        return self.authority.identity(scope, access_key)

    def root(self, scope: AccountScope) -> dict[str, str]:
        """Variables with credentials of the account's root."""
        return self.authority.root(scope)

    def read_object(
        self, scope: AccountScope, bucket: str, key: str, version_id: str | None
    ) -> bytes:
        """An S3 object's content; in process, because the caller may be the server's own loop."""
        s3 = app._get_module("s3")
        with request_scope(scope.account, scope.region):
            stored = s3._buckets[bucket]
            if version_id is None:
                return bytes(s3._read_body(bucket, key, stored["objects"][key]))
            for version in s3._object_versions.get((bucket, key)) or []:
                if version["version_id"] == version_id and not version.get("is_delete_marker"):
                    return bytes(s3._version_body(stored, bucket, key, version))
        raise KeyError(version_id)

    def write_object(
        self, scope: AccountScope, role: str, bucket: str, key: str, body: bytes
    ) -> None:
        """Put an S3 object as a role, as a request would; also while the server shuts down."""
        try:
            self.storage(scope, role).write_bytes(f"s3://{bucket}/{key}", body)
        except (Denied, Refused, ServiceError) as error:
            raise OSError(str(error)) from None

    def storage(
        self,
        scope: AccountScope,
        role: str | None,
        *,
        key: str | None = None,
        service: str = SAGEMAKER,
        source_arn: str = "",
    ) -> ObjectStorage:
        """S3's objects as a role, or as the account's root without one, without HTTP.

        ``key``: the KMS key of what is written. ``service`` takes the role, for ``source_arn``.
        """
        requests = functools.partial(self._requests, scope, role, service, source_arn)
        return ObjectStorage(requests, output_key=key)

    def put_metrics(
        self, scope: AccountScope, *, namespace: str, data: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put metric data; alarms on them are evaluated before this returns."""
        body = json.dumps({"Namespace": namespace, "MetricData": data}).encode()
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
        }
        root = self.root(scope)["AWS_ACCESS_KEY_ID"]
        status, answer = self._request(scope, root, "monitoring", "POST", "/", headers, body)
        if status >= 300:
            _LOG.warning("metrics of %s were refused with %s: %r", namespace, status, answer[:300])

    def alarm_states(self, scope: AccountScope, names: Sequence[str]) -> dict[str, str]:
        """State of each alarm that exists, metric and composite ones."""
        cloudwatch = app._get_module("cloudwatch")
        states = {}
        with request_scope(scope.account, scope.region):
            for name in names:
                alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
                if alarm:
                    states[name] = str(alarm["StateValue"])
        return states

    def deliver(
        self, scope: AccountScope, event: Mapping[str, Any], delivered: Callable[[], None]
    ) -> None:
        """Queue an event for the default bus, or for the bucket it tells of; or lose it when events
        are dropped."""
        if self.drop_events and event.get("Source") == "aws.sagemaker":
            delivered()
        elif (held := _held.get()) is not None:
            held.append((scope, event, delivered))
        else:
            self._events.put([(scope, event, delivered)])

    def put_event_of(
        self,
        source: str,
        scope: AccountScope,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: list[str],
    ) -> None:
        """Put an event of any service of AWS on the default bus; it survives a kill."""
        assert self.outbox is not None
        self.outbox.add(scope, events.entry(source, detail_type, detail, resources))

    def put_log_lines(
        self, scope: AccountScope, *, group: str, stream: str, lines: Sequence[tuple[float, str]]
    ) -> None:
        """Append lines to a log stream of CloudWatch Logs."""
        logs = app._get_module("cloudwatch_logs")
        place = {"logGroupName": group, "logStreamName": stream}
        events = [
            {"timestamp": int(moment * 1000), "message": line or " "} for moment, line in lines
        ]
        with self._logs_lock, request_scope(scope.account, scope.region):
            if group not in logs._log_groups:
                logs._create_log_group(place)
            if stream not in logs._log_groups[group]["streams"]:
                logs._create_log_stream(place)
            logs._put_log_events({**place, "logEvents": events})

    def _requests(
        self,
        scope: AccountScope,
        role: str | None,
        service: str,
        source_arn: str,
        requests: Sequence[ObjectRequest],
    ) -> list[Answer]:
        """What S3 answers to a role, all in one go on the server's loop. Raises ``Denied``."""
        size = sum(len(request.body) for request in requests)
        if (problem := self.problem(size) if size else None) is not None:
            raise ServiceError(f"Nothing was changed: {problem}. Free some space, then try again.")
        name = SESSION_NAME if service == SAGEMAKER else service.partition(".")[0]
        taken = {"service": service, "source_arn": source_arn}
        session = self.session(scope, role, name, **taken) if role else self.root(scope)
        access_key = session["AWS_ACCESS_KEY_ID"]

        async def answers() -> list[Answer]:
            # Each event would wake the thread that delivers it, which then takes turns with this.
            held: list[_Delivery] = []
            _held.set(held)
            try:
                with request_scope(scope.account, scope.region):
                    return [await answer(request) for request in requests]
            finally:
                self._events.put(held)

        async def answer(request: ObjectRequest) -> Answer:
            place = (request.method, request.path, request.headers)
            needs = http_needs.object_needs(scope, *place, request.query)
            try:
                self.check(scope, access_key, needs)
            except Denied as denied:
                raise Refused("AccessDenied", request.operation, str(denied)) from None
            return await self._answer(scope, access_key, "s3", *place, request.body, request.query)

        results = self._on_loop(answers())
        if size:
            self.changed()
        return results

    def _request(
        self,
        scope: AccountScope,
        access_key: str,
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, bytes]:
        """Status and body of what MiniStack's handler of a service answers to a key's owner."""

        async def request() -> tuple[int, bytes]:
            with request_scope(scope.account, scope.region):
                place = (scope, access_key, service, method, path, headers)
                status, _, answer = await self._answer(*place, body, {})
            return status, answer if isinstance(answer, bytes) else str(answer).encode()

        return self._on_loop(request())

    @staticmethod
    async def _answer(
        scope: AccountScope,
        access_key: str,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Any,
        query: Mapping[str, Any],
    ) -> Answer:
        # The key without a signature: nothing checks it here, and without a key S3 would take the
        # request for an anonymous one.
        credential = f"{access_key}/20260101/{scope.region}/{service}/aws4_request"
        headers = {
            "host": service,
            "authorization": f"AWS4-HMAC-SHA256 Credential={credential}",
            **headers,
        }
        answer: Answer = await app.SERVICE_HANDLERS[service](method, path, headers, body, query)
        return answer

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def _deliver(self) -> None:
        while True:
            for scope, event, delivered in self._events.get():
                try:
                    with request_scope(scope.account, scope.region):
                        if OBJECT_CHANGE in event:
                            app._get_module("s3")._fire_s3_event(**event[OBJECT_CHANGE])
                        else:
                            bus = app._get_module("eventbridge")
                            bus._put_events({"Entries": [event]}, allow_aws_source=True)
                except Exception:
                    _LOG.exception("an event was not delivered: %s", event)
                delivered()
