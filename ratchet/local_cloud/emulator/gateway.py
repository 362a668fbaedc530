"""SageMaker as one more service of MiniStack's gateway."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from typing import Any, cast
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, responses, router
from ministack.core.concurrency import run_reentrant

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.service import SageMaker
from ratchet.local_cloud.sagemaker.serving.invocations import Invocation
from ratchet.local_cloud.sagemaker.store import Scope

Response = tuple[int, dict[str, str], bytes]

_LOG = logging.getLogger("ratchet.sagemaker")
_CONTENT_TYPE = "application/x-amz-json-1.1"
_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")


class Gateway:
    """What MiniStack takes for the module of a service."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self.sagemaker = sagemaker

    async def handle_request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
    ) -> Response:
        """Answer one HTTP request, in a thread of its own: handlers may call back over HTTP."""
        del method, query_params
        scope = current_scope()
        return cast(Response, await run_reentrant(self._answer, scope, path, headers, body))

    def get_state(self) -> None:
        """Nothing to save for MiniStack: the store has saved already."""

    def load_persisted_state(self, data: object) -> None:
        """Nothing to load for MiniStack either."""

    def reset(self) -> None:
        """Forget everything, as ``POST /_ministack/reset`` asks every service to."""
        self.sagemaker.store.clear()
        # Not here, on the server's loop, which the ends of processes would hold up.
        threading.Thread(target=self.sagemaker.hosting.forget, name="reset", daemon=True).start()

    def _answer(self, scope: Scope, path: str, headers: dict[str, str], body: bytes) -> Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            invoked = _INVOCATION.fullmatch(path)
            if invoked:
                operation = "InvokeEndpoint"
                invocation = Invocation(endpoint=unquote(invoked[1]), body=body, headers=headers)
                return 200, *self.sagemaker.hosting.invoke(scope, invocation)
            return _json(200, self.sagemaker.api.call(scope, operation, _parsed(body)))
        except ApiError as error:
            return _error(error)
        except Exception as error:
            _LOG.exception("%s failed", operation)
            return _error(ApiError("InternalFailure", f"{operation}: {error!r}", status=500))


def install(gateway: Gateway) -> None:
    """Route SageMaker's requests to ``gateway``."""
    module: Any = gateway
    sys.modules["ministack.services.sagemaker"] = module
    app._loaded_modules["sagemaker"] = gateway
    app.SERVICE_REGISTRY["sagemaker"] = {"module": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = gateway.handle_request
    patterns = {"target_prefixes": ["SageMaker."], "host_patterns": [r"sagemaker\."]}
    others = dict(router.SERVICE_PATTERNS)
    router.SERVICE_PATTERNS.clear()
    router.SERVICE_PATTERNS.update({"sagemaker": patterns, **others})
    # With AUTH=true MiniStack checks sagemaker:<Operation> against the caller's policies.
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"


def current_scope() -> Scope:
    """Account and region of the request that MiniStack is answering."""
    return Scope(account=responses.get_account_id(), region=responses.get_region())


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "The request is not JSON.") from None


def _json(status: int, answer: object) -> Response:
    return status, {"Content-Type": _CONTENT_TYPE}, json.dumps(answer).encode()


def _error(error: ApiError) -> Response:
    # The data plane's errors spell it Message, the control plane's message; boto3 reads both.
    content = {"__type": error.code, "message": error.message, **error.members}
    if error.members:
        content["Message"] = error.message
    status, headers, body = _json(error.status, content)
    return status, {**headers, "x-amzn-errortype": error.code}, body
