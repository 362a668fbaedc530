"""Data capture: requests and answers in S3, a JSON line each, as SageMaker lays them out.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from ratchet.local_cloud.sagemaker import service_side, services
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.store import AccountScope, Body

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.ports import Cloud
    from ratchet.local_cloud.sagemaker.roles import Roles

_LOG = logging.getLogger("ratchet.capture")
_FLUSH_SECONDS = 1.0
_FLUSH_LINES = 500
_SIDES = {"Input": ("endpointInput", "INPUT"), "Output": ("endpointOutput", "OUTPUT")}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and its answer; ``moment`` is when it was asked, in epoch seconds."""

    moment: float
    request: bytes
    request_type: str
    answer: bytes
    answer_type: str
    inference_id: str | None = None


def line_of(config: Mapping[str, Any], exchange: Exchange) -> bytes:
    """The captured line: which sides, and how each is encoded, is the configuration's."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    payloads = {
        "Input": (exchange.request, exchange.request_type),
        "Output": (exchange.answer, exchange.answer_type),
    }
    captured = {}
    for side, (key, mode) in _SIDES.items():
        if side in modes or "InputAndOutput" in modes:
            captured[key] = _payload(config, mode, *payloads[side])
    moment = dt.datetime.fromtimestamp(exchange.moment, dt.UTC)
    metadata = {"eventId": str(uuid.uuid4())}
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    metadata["inferenceTime"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    record = {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}
    return orjson.dumps(record) + b"\n"


def _payload(config: Mapping[str, Any], mode: str, data: bytes, content_type: str) -> Body:
    encoding = _encoding(config.get("CaptureContentTypeHeader") or {}, content_type)
    text = None
    if encoding != "BASE64":
        try:
            text = data.decode()
        except UnicodeDecodeError:
            encoding = "BASE64"
    if text is None:
        text = base64.b64encode(data).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def _encoding(header: Mapping[str, Any], content_type: str) -> str:
    kind = content_type.split(";")[0].strip().lower()
    for encoding, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if kind in (listed.lower() for listed in header.get(member, ())):
            return encoding
    return "BASE64"  # so SageMaker keeps what is not declared


@dataclass
class _File:
    """Lines that will be one object."""

    scope: AccountScope
    uri: str
    role: str
    key: str | None
    since: float
    lines: list[bytes] = field(default_factory=list)


class Capture:
    """Samples, buffers and writes, as the role of the model. Safe from any thread."""

    def __init__(self, cloud: Cloud, roles: Roles) -> None:
        self._cloud = cloud
        self._roles = roles
        self._lock = threading.Lock()
        self._files: dict[tuple[AccountScope, str], _File] = {}
        self._credit: dict[tuple[AccountScope, str, str], float] = {}

    def keep(
        self,
        scope: AccountScope,
        endpoint: str,
        variant: str,
        config: Body,
        exchange: Exchange,
        *,
        role: str,
    ) -> None:
        """Capture an exchange if it is among the sampled ones."""
        capture = config.get("DataCaptureConfig") or {}
        if not capture.get("EnableCapture"):
            return
        if not self._sampled((scope, endpoint, variant), capture["InitialSamplingPercentage"]):
            return
        hour = dt.datetime.fromtimestamp(exchange.moment, dt.UTC).strftime("%Y/%m/%d/%H")
        uri = f"{capture['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant}/{hour}"
        line = line_of(capture, exchange)
        new = _File(scope, uri, role, capture.get("KmsKeyId"), time.monotonic())
        with self._lock:
            self._files.setdefault((scope, uri), new).lines.append(line)

    def flush(self, *, everything: bool = False) -> None:
        """Write the files that are due, or all. What S3 refuses is lost, and the log says so."""
        now = time.monotonic()
        with self._lock:
            due = [
                key
                for key, file in self._files.items()
                if everything
                or now - file.since >= _FLUSH_SECONDS
                or len(file.lines) >= _FLUSH_LINES
            ]
            files = [self._files.pop(key) for key in due]
        for file in files:
            self._write(file)

    def _sampled(self, place: tuple[AccountScope, str, str], percentage: float) -> bool:
        with self._lock:
            credit = self._credit.get(place, 0.0) + percentage
            self._credit[place] = credit % 100 if credit >= 100 else credit
        return credit >= 100

    def _write(self, file: _File) -> None:
        bucket, _, folder = file.uri.removeprefix("s3://").partition("/")
        now = dt.datetime.now(dt.UTC)
        name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        try:
            key = services.key_arn(self._roles, file.scope, file.key)
            if key:
                self._roles.check(file.scope, file.role, service_side.capture_needs(key))
            self._cloud.write_object(
                file.scope, file.role, bucket, f"{folder}/{name}", b"".join(file.lines)
            )
        except (Denied, OSError) as error:
            _LOG.warning("captured data could not be written to %s: %s", file.uri, error)
