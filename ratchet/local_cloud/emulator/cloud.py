"""MiniStack's other services, as our SageMaker calls them (its port ``Cloud``)."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ministack import app
from ministack.core.responses import request_scope

from ratchet.local_cloud.sagemaker.store import Scope

_LOG = logging.getLogger("ratchet.events")


class Emulator:
    """Calls into MiniStack's modules, in this process. Safe from any thread, the loop's too."""

    def __init__(self, *, endpoint: str, drop_events: bool = False) -> None:
        self._endpoint = endpoint
        self.drop_events = drop_events
        self._events: queue.SimpleQueue[tuple[Scope, dict[str, Any]]] = queue.SimpleQueue()
        self._logs_lock = threading.Lock()

    def start(self) -> None:
        """Begin to deliver events, in the order they are put."""
        threading.Thread(target=self._deliver, name="sagemaker-events", daemon=True).start()

    def endpoint(self) -> str:
        """The URL of the gateway."""
        return self._endpoint

    def read_object(self, scope: Scope, bucket: str, key: str, version_id: str | None) -> bytes:
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

    def put_event(
        self, scope: Scope, *, detail_type: str, detail: Mapping[str, Any], resources: list[str]
    ) -> None:
        """Queue an event for the default bus, or lose it when events are dropped."""
        if self.drop_events:
            return
        entry = {
            "Source": "aws.sagemaker",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        self._events.put((scope, entry))

    def put_log_lines(
        self, scope: Scope, *, group: str, stream: str, lines: Sequence[tuple[float, str]]
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

    def _deliver(self) -> None:
        while True:
            scope, entry = self._events.get()
            bus = app._get_module("eventbridge")
            try:
                with request_scope(scope.account, scope.region):
                    bus._put_events({"Entries": [entry]}, allow_aws_source=True)
            except Exception:
                _LOG.exception("event %s was not delivered", entry["DetailType"])
