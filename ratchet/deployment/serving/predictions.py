"""Sends rows to an endpoint, and reads its answers."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ratchet.deployment.errors import (
    DENIED,
    DeploymentError,
    NotDeployedError,
    explain,
)
from ratchet.deployment.serving.request_rows import CSV, JSON, LINES, Batch
from ratchet.deployment.target.environment import Target
from ratchet.loop.answers import says_missing

THREADS = 4
"""Requests on their way at once."""


@dataclass(frozen=True, kw_only=True)
class EndpointAnswer:
    """The endpoint's answer to one batch."""

    batch: Batch
    predictions: tuple[Any, ...]
    """One for each row of the batch."""
    inference_id: str
    """Kept with the captured request, so that a label can be matched to it later."""
    variant: str = ""


def new_prefix() -> str:
    """The prefix of the inference ids of one file."""
    return uuid.uuid4().hex[:12]


def predict(
    target: Target, endpoint: str, batches: Iterable[Batch], *, prefix: str
) -> Iterator[EndpointAnswer]:
    """Sends the batches, some at once, and yields the answers in the batches' order.

    Args:
        target: where.
        endpoint: the endpoint's name.
        batches: what to send.
        prefix: inference ids are `<prefix>-<first row of the request>`.

    Raises:
        NotDeployedError: there is no such endpoint.
        DeploymentError: the model refused a request, or answered with another number of rows.
    """
    target.client("sagemaker-runtime")  # made here once: making clients is not safe in threads
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        yield from pool.map(lambda batch: ask(target, endpoint, batch, prefix=prefix), batches)


def ask(target: Target, endpoint: str, batch: Batch, *, prefix: str) -> EndpointAnswer:
    """Sends one batch. Raises as `predict` does."""
    from botocore.exceptions import ClientError

    inference_id = f"{prefix}-{batch.first}"
    try:
        answer = target.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint,
            Body=batch.body,
            ContentType=batch.content_type,
            Accept=JSON,
            InferenceId=inference_id,
        )
    except ClientError as problem:
        raise _refused(target, endpoint, batch, problem) from None
    kind = str(answer.get("ContentType") or JSON)
    predictions = read(answer["Body"].read(), kind, rows=len(batch.rows))
    if len(predictions) != len(batch.rows):
        raise DeploymentError(
            f"{endpoint} answered {len(predictions)} predictions for {len(batch.rows)} rows "
            f"(from row {batch.first}); expected one for each"
        )
    return EndpointAnswer(
        batch=batch,
        predictions=tuple(predictions),
        inference_id=inference_id,
        variant=answer.get("InvokedProductionVariant", ""),
    )


def _refused(target: Target, endpoint: str, batch: Batch, problem: Exception) -> DeploymentError:
    response: Mapping[str, Any] = getattr(problem, "response", {})
    error = response.get("Error", {})
    if error.get("Code") == "ModelError":
        status = response.get("OriginalStatusCode", "")
        message = response.get("OriginalMessage") or error.get("Message", "")
        first_line = next(iter(str(message).strip().splitlines()), "")  # a trace may follow
        return DeploymentError(
            f"the model answered {status} to rows {batch.first} to "
            f"{batch.first + len(batch.rows) - 1}: {first_line[:500]}"
        )
    if says_missing(problem):
        return NotDeployedError(
            f"there is no endpoint {endpoint}. It appears when a version is approved: "
            f"{target.command('models')}"
        )
    if error.get("Code") in DENIED:
        return DeploymentError(str(explain(problem)))
    return DeploymentError(
        f"InvokeEndpoint {endpoint} was refused: {error.get('Code')}: {error.get('Message', '')}"
    )


def read(body: bytes, content_type: str, *, rows: int = 1) -> list[Any]:
    """The predictions in an answer: JSON (a list, or one under `predictions`), JSON lines or CSV.

    Args:
        rows: how many were asked about. SageMaker's own algorithms answer several rows in one line
            of CSV.

    Raises:
        DeploymentError: the answer is not of its kind.
    """
    text = body.decode("utf-8", errors="replace")
    kind = content_type.split(";")[0].strip().lower()
    try:
        if kind == CSV:
            lines = [
                [_scalar(cell) for cell in row] for row in csv.reader(text.splitlines()) if row
            ]
            return lines[0] if len(lines) == 1 and rows > 1 else [_single(line) for line in lines]
        if kind == LINES:
            return [_single(json.loads(line)) for line in text.splitlines() if line.strip()]
        content = json.loads(text)
    except (ValueError, csv.Error):
        raise DeploymentError(f"the endpoint's answer is not {kind}: {text:.200}") from None
    if isinstance(content, Mapping):
        listed = next((v for v in content.values() if isinstance(v, list)), None)
        return (
            [_single(content)] if listed is None else [_single(prediction) for prediction in listed]
        )
    return (
        [_single(prediction) for prediction in content] if isinstance(content, list) else [content]
    )


def prediction_of(answer: Any) -> Any:
    """The prediction in the answer for one row: of several values, such as a class and the
    probability of each, the first that is one value."""
    if not isinstance(answer, (Mapping, list)):
        return answer
    values = answer.values() if isinstance(answer, Mapping) else answer
    return next((value for value in values if not isinstance(value, (Mapping, list))), answer)


def _single(value: Any) -> Any:
    """`{"prediction": 0.4}` and `[0.4]` hold one value; anything else is one."""
    if isinstance(value, Mapping) and len(value) == 1:
        return next(iter(value.values()))
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _scalar(text: str) -> Any:
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        return text
