"""InvokeEndpoint: the data plane.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.serving.capture import Capture, Exchange
from ratchet.local_cloud.sagemaker.serving.metrics import EndpointMetrics
from ratchet.local_cloud.sagemaker.serving.traffic import TrafficShares
from ratchet.loop.chains import ALONE
from ratchet.runner.serving.process import NoAnswerError, ServerAnswer
from ratchet.runner.serving.served import UnknownContainerError

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.local_cloud.sagemaker.serving.fleet import Fleet, Variant
    from ratchet.local_cloud.sagemaker.store import AccountScope

_PREFIX = "x-amzn-sagemaker-"
_CUSTOM = f"{_PREFIX}custom-attributes"
_INFERENCE_ID = f"{_PREFIX}inference-id"
_LARGEST = 6 * 1024 * 1024
_START_SECONDS = 60.0
_LONGEST_MESSAGE = 2048
LOG_GROUPS = "/aws/sagemaker/Endpoints"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A request; ``headers`` are in lower case."""

    endpoint: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class DataPlane:
    """Answers invocations, and counts and captures them."""

    def __init__(self, api: Api, *, capture: Capture, metrics: EndpointMetrics) -> None:
        self._api = api
        self._capture = capture
        self._metrics = metrics

    def invoke(
        self, scope: AccountScope, traffic: TrafficShares | None, invocation: Invocation
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the answer; raises ``ApiError``."""
        if len(invocation.body) > _LARGEST:
            raise ApiError("ValidationError", f"Request size exceeds {_LARGEST} bytes.", status=413)
        if traffic is None:
            raise _unknown(scope, invocation.endpoint)
        began, moment = time.monotonic(), self._api.now()
        with traffic.request(seconds=_START_SECONDS) as fleet:
            if fleet is None:
                raise _unknown(scope, invocation.endpoint)
            target = invocation.headers.get(f"{_PREFIX}target-variant")
            variant = fleet.choose(target)
            if variant is None:
                raise ApiError("ValidationError", f"Variant {target} not found for endpoint.")
            try:
                answer = variant.served.invoke(
                    invocation.body,
                    _to_model(invocation),
                    container=invocation.headers.get(f"{_PREFIX}target-container-hostname"),
                )
            except UnknownContainerError as error:
                raise ApiError("ValidationError", str(error)) from None
            except NoAnswerError as error:
                answer = ServerAnswer(
                    status=0,
                    content_type="",
                    body=error.reason.encode(),
                    seconds=0.0,
                    container=error.container or ALONE,
                )
            self._count(scope, invocation, fleet, variant, answer, time.monotonic() - began)
        if answer.status != 200:
            raise _model_error(scope, invocation.endpoint, variant, answer)
        exchange = Exchange(
            moment=moment,
            request=invocation.body,
            request_type=invocation.headers.get("content-type", ""),
            answer=answer.body,
            answer_type=answer.content_type,
            inference_id=invocation.headers.get(_INFERENCE_ID),
        )
        self._capture.keep(
            scope, invocation.endpoint, variant.name, fleet.config, exchange, role=variant.role
        )
        return _headers(invocation, variant, answer), answer.body

    def _count(
        self,
        scope: AccountScope,
        invocation: Invocation,
        fleet: Fleet,
        variant: Variant,
        answer: ServerAnswer,
        seconds: float,
    ) -> None:
        self._metrics.count(
            scope,
            endpoint=invocation.endpoint,
            variant=variant.name,
            config=fleet.config_name,
            status=answer.status or 500,
            model_seconds=answer.seconds,
            overhead_seconds=max(0.0, seconds - answer.seconds),
        )


def _to_model(invocation: Invocation) -> dict[str, str]:
    headers = {
        "Content-Type": invocation.headers.get("content-type", "application/octet-stream"),
        "Accept": invocation.headers.get("accept", "*/*"),
    }
    for name in (_CUSTOM, _INFERENCE_ID):
        if name in invocation.headers:
            headers[name] = invocation.headers[name]
    return headers


def _headers(invocation: Invocation, variant: Variant, answer: ServerAnswer) -> dict[str, str]:
    headers = {
        "Content-Type": answer.content_type,
        "x-Amzn-Invoked-Production-Variant": variant.name,
    }
    if _CUSTOM in invocation.headers:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = invocation.headers[_CUSTOM]
    return headers


def _unknown(scope: AccountScope, endpoint: str) -> ApiError:
    # The words are the same for an endpoint that is there and not in service.
    return ApiError("ValidationError", f"Endpoint {endpoint} of account {scope.account} not found.")


def _model_error(
    scope: AccountScope, endpoint: str, variant: Variant, answer: ServerAnswer
) -> ApiError:
    message = answer.body.decode("utf-8", "replace")[:_LONGEST_MESSAGE]
    side = "client" if 400 <= answer.status < 500 else "server"
    group = f"{LOG_GROUPS}/{endpoint}"
    stream = f"log-group:{group}:log-stream:{variant.stream_of(answer.container)}"
    shown = (
        f'Received {side} error ({answer.status}) from {answer.container} with message "{message}".'
    )
    where = f" See the log group {group} in account {scope.account} for more information."
    return ApiError(
        "ModelError",
        shown[: _LONGEST_MESSAGE - len(where)] + where,
        status=424,
        members={
            "OriginalStatusCode": answer.status,
            "OriginalMessage": message,
            "LogStreamArn": scope.of_service("logs", stream),
        },
    )
