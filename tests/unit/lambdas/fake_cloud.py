"""S3, SQS, SageMaker, SSM and what serves in memory, behind real botocore clients.

The clients are those of the functions, with the trimmed models: a call of an operation that is not
in them, or with a wrong argument, fails here as it would there. Only the wire is replaced: the
answer is given where the client would send its request.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import bundled_models
from tests.unit.lambdas import policies
from tests.unit.lambdas.fake_serving import EPOCH, FakeServing, ServiceError

__all__ = ["EPOCH", "FakeCloud", "ServiceError"]

DATA, ARTIFACTS, PIPELINE = "data", "artifacts", "flights-dev-training"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/000000000000/trigger"
PIPELINE_ARN = f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{PIPELINE}"
PAGE = 1000

Call = tuple[str, Mapping[str, Any]]

CLOUDS: list[FakeCloud] = []
"""Those of the test that runs."""
_WIRES: dict[str, list[_Wire]] = {}
"""By service."""


class _Wire:
    """A client, and the cloud that answers it: another one in another test, since botocore takes
    milliseconds to make a client."""

    def __init__(self, service: str) -> None:
        self.cloud: FakeCloud | None = None
        self.client = bundled_models.session().create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.client.meta.events.register("before-parameter-build", self._remember)
        answer: Any = self._answer  # a handler that answers keeps the request off the wire
        self.client.meta.events.register("before-call", answer)

    def _remember(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["given"] = dict(params)

    def _answer(
        self, model: Any, params: Mapping[str, Any], context: Mapping[str, Any], **_: Any
    ) -> tuple[_Answer, Any]:
        assert self.cloud is not None, "a client outlived its test"
        return self.cloud.answer(model, params, context["given"])


def forget() -> None:
    """Ends what a test had of clouds and their clients."""
    CLOUDS.clear()
    for wires in _WIRES.values():
        for wire in wires:
            wire.cloud = None


@dataclass
class FakeObject:
    body: bytes
    etag: str
    last_modified: datetime
    checksum: str | None
    """CRC-32 as S3 gives it, or None for an object that was stored without one."""


@dataclass
class FakeExecution:
    arn: str
    name: str
    description: str
    manifest: str
    started: datetime = EPOCH
    status: str = "Executing"
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeCloud(FakeServing):
    """What the services hold. ETags are those of an encrypted bucket: new with every put."""

    buckets: dict[str, dict[str, FakeObject]] = field(
        default_factory=lambda: {DATA: {}, ARTIFACTS: {}}
    )
    messages: list[tuple[datetime, str]] = field(default_factory=list)
    """When each message in the queue arrives, and its body."""
    executions: list[FakeExecution] = field(default_factory=list)
    listed: bool = True
    """False: a new execution is not in the list of executions yet."""
    tokens_forgotten: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    parameters_changed: datetime | None = None
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Calls of functions that their roles may not make; conftest.py lets no test pass with one."""
    before: Callable[[str, Mapping[str, Any]], None] = field(default=lambda name, given: None)
    """Called before each operation takes effect."""
    after: Callable[[str, Mapping[str, Any]], None] = field(default=lambda name, given: None)

    def __post_init__(self) -> None:
        self._tokens: dict[str, str] = {}
        CLOUDS.append(self)

    def client(self, service: str) -> Any:
        wires = _WIRES.setdefault(service, [])
        wire = next((each for each in wires if each.cloud is None), None)
        if wire is None:
            wire = _Wire(service)
            wires.append(wire)
        wire.cloud = self
        return wire.client

    def count(self, operation: str) -> int:
        return Counter(name for name, _ in self.calls)[operation]

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def land(self, key: str, body: bytes = b"data", *, checksum: bool = True) -> None:
        """Put an object into the data bucket."""
        self._store(DATA, key, body, checksum=checksum)

    def delete(self, key: str) -> None:
        del self.buckets[DATA][key]

    def end_runs(self, status: str = "Succeeded") -> None:
        for execution in self.executions:
            if execution.status == "Executing":
                execution.status = status

    def due(self) -> list[str]:
        """Take the messages that have arrived."""
        arrived = [body for at, body in self.messages if at <= self.now]
        self.messages = [(at, body) for at, body in self.messages if at > self.now]
        return arrived

    # -- the wire ------------------------------------------------------------------------------

    def answer(
        self, model: Any, params: Mapping[str, Any], given: Mapping[str, Any]
    ) -> tuple[_Answer, Any]:
        name = model.name
        self.calls.append((name, given))
        function = policies.calling_function()
        try:
            self.before(name, given)
            status, answer = 200, getattr(self, f"_{name}")(given)
        except ServiceError as error:
            status, answer = (
                error.status,
                {
                    "Error": {"Code": error.code, "Message": error.message},
                    "ResponseMetadata": {"HTTPStatusCode": error.status},
                },
            )
        if function:
            request = policies.Request(
                service=model.service_model.service_name,
                operation=name,
                parameters=given,
                wire=params,
                is_missing=status == 404,
            )
            if problem := policies.refusal(function, request):
                self.refused.append(problem)
            self.refused.extend(f"{function}: {why}" for why in policies.unknown_metrics(request))
        self.after(name, given)
        return _Answer(status), answer

    # -- S3 ------------------------------------------------------------------------------------

    def _store(self, bucket: str, key: str, body: bytes, *, checksum: bool = True) -> FakeObject:
        crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        stored = FakeObject(
            body=body,
            etag=f'"{next(self.numbers):032x}"',
            last_modified=self.now,
            checksum=crc if checksum else None,
        )
        self.buckets[bucket][key] = stored
        return stored

    def _ListObjectsV2(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        prefix, delimiter = given.get("Prefix", ""), given.get("Delimiter")
        entries: dict[str, str | None] = {}
        for key in sorted(self.buckets[given["Bucket"]], key=str.encode):
            if key.startswith(prefix) and key > given.get("StartAfter", ""):
                rest = key[len(prefix) :]
                if delimiter and delimiter in rest:
                    entries[prefix + rest[: rest.index(delimiter) + 1]] = None
                else:
                    entries[key] = key
        start = int(given.get("ContinuationToken", 0))
        page = list(entries.items())[start : start + PAGE]
        more = start + PAGE < len(entries)
        answer = {
            "EncodingType": "url",
            "IsTruncated": more,
            "Contents": [self._listed(given["Bucket"], key) for _, key in page if key],
            "CommonPrefixes": [{"Prefix": quote(shown)} for shown, key in page if not key],
        }
        return answer | ({"NextContinuationToken": str(start + PAGE)} if more else {})

    def _listed(self, bucket: str, key: str) -> dict[str, Any]:
        stored = self.buckets[bucket][key]
        return {
            "Key": quote(key),
            "ETag": stored.etag,
            "Size": len(stored.body),
            "LastModified": stored.last_modified,
        }

    def _HeadObject(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stored = self.buckets[given["Bucket"]].get(given["Key"])
        if stored is None:
            raise ServiceError("404", "Not Found", status=404)
        if given.get("IfMatch", stored.etag).strip('"') != stored.etag.strip('"'):
            raise ServiceError("412", "Precondition Failed", status=412)
        answer: dict[str, Any] = {"ETag": stored.etag, "ContentLength": len(stored.body)}
        if stored.checksum and given.get("ChecksumMode") == "ENABLED":
            answer["ChecksumCRC32"] = stored.checksum
        return answer

    def _GetObject(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stored = self.buckets[given["Bucket"]].get(given["Key"])
        if stored is None:
            raise ServiceError("NoSuchKey", status=404)
        return {"Body": io.BytesIO(stored.body), "ETag": stored.etag}

    def _CopyObject(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        bucket, _, key = unquote(str(given["CopySource"])).partition("/")
        source = self.buckets[bucket].get(key)
        if source is None:
            raise ServiceError("NoSuchKey", status=404)
        there = given.get("IfNoneMatch") == "*" and given["Key"] in self.buckets[given["Bucket"]]
        if there or given.get("CopySourceIfMatch", source.etag) != source.etag:
            raise ServiceError("PreconditionFailed", status=412)
        self._store(given["Bucket"], given["Key"], source.body)
        return {}

    def _PutObject(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stored = self.buckets[given["Bucket"]].get(given["Key"])
        if given.get("IfNoneMatch") == "*" and stored:
            raise ServiceError("PreconditionFailed", status=412)
        if "IfMatch" in given and stored is None:
            raise ServiceError("NoSuchKey", status=404)
        if "IfMatch" in given and stored and given["IfMatch"] != stored.etag:
            raise ServiceError("PreconditionFailed", status=412)
        return {"ETag": self._store(given["Bucket"], given["Key"], given["Body"].read()).etag}

    # -- SQS -----------------------------------------------------------------------------------

    def _SendMessage(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["QueueUrl"] == QUEUE_URL
        assert 0 <= given["DelaySeconds"] <= 900, "SQS refuses a longer delay"
        self.messages.append(
            (self.now + timedelta(seconds=given["DelaySeconds"]), given["MessageBody"])
        )
        return {"MessageId": str(next(self.numbers))}

    # -- SageMaker and SSM ---------------------------------------------------------------------

    def _ListPipelineExecutions(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        of = f":pipeline/{given['PipelineName']}/"
        newest = [e for e in reversed(self.executions) if of in e.arn] if self.listed else []
        return {
            "PipelineExecutionSummaries": [
                {
                    "PipelineExecutionArn": execution.arn,
                    "PipelineExecutionStatus": execution.status,
                    "PipelineExecutionDisplayName": execution.name,
                    "PipelineExecutionDescription": execution.description,
                    "StartTime": execution.started,
                }
                for execution in newest[: given["MaxResults"]]
            ]
        }

    def _StartPipelineExecution(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        token = given["ClientRequestToken"]
        if token in self._tokens and not self.tokens_forgotten:
            return {"PipelineExecutionArn": self._tokens[token]}
        (manifest,) = given["PipelineParameters"]
        assert manifest["Name"] == "InputManifest"
        execution = FakeExecution(
            arn=f"{PIPELINE_ARN.rpartition('/')[0]}/{given['PipelineName']}/execution/"
            f"{next(self.numbers)}",
            name=given["PipelineExecutionDisplayName"],
            description=given["PipelineExecutionDescription"],
            manifest=manifest["Value"],
            started=self.now,
        )
        self.executions.append(execution)
        self._tokens[token] = execution.arn
        return {"PipelineExecutionArn": execution.arn}

    def _ListPipelineExecutionSteps(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        (found,) = (e for e in self.executions if e.arn == given["PipelineExecutionArn"])
        return {"PipelineExecutionSteps": found.steps}

    def _DescribePipelineExecution(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        (found,) = (e for e in self.executions if e.arn == given["PipelineExecutionArn"])
        return {
            "PipelineArn": PIPELINE_ARN,
            "PipelineExecutionArn": found.arn,
            "PipelineExecutionStatus": found.status,
        }

    def _GetParameter(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if given["Name"] not in self.parameters:
            raise ServiceError("ParameterNotFound")
        shown: dict[str, Any] = {"Value": self.parameters[given["Name"]]}
        if self.parameters_changed:
            shown["LastModifiedDate"] = self.parameters_changed
        return {"Parameter": shown}
