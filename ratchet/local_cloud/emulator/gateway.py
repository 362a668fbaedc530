"""SageMaker as one more service of MiniStack's gateway."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, responses, router
from ministack.core.concurrency import run_reentrant

from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.service import SageMaker
from ratchet.local_cloud.sagemaker.serving.invocations import Invocation
from ratchet.local_cloud.sagemaker.store import AccountScope

Response = tuple[int, dict[str, str], bytes]

_LOG = logging.getLogger("ratchet.sagemaker")
_CONTENT_TYPE = "application/x-amz-json-1.1"
_TARGET_MODEL = "x-amzn-sagemaker-target-model"
_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")


class ServiceModule:
    """What MiniStack takes for the module of a service."""

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
        """Nothing to save for MiniStack: what is kept is saved already."""

    def load_persisted_state(self, data: object) -> None:
        """Nothing to load for MiniStack either."""

    def reset(self) -> None:
        """Forget everything, as ``POST /_ministack/reset`` asks every service to."""
        raise NotImplementedError

    def _answer(
        self, scope: AccountScope, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        raise NotImplementedError


class Gateway(ServiceModule):
    """SageMaker's API, and the endpoints that it made."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self.sagemaker = sagemaker

    def reset(self) -> None:
        self.sagemaker.store.clear()
        # Not here, on the server's loop, which the ends of processes would hold up.
        threading.Thread(target=self.sagemaker.hosting.forget, name="reset", daemon=True).start()

    def _answer(
        self, scope: AccountScope, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        api = self.sagemaker.api
        key = router.extract_access_key_id(headers, {}) or ""

        def call(operation: str, request: object) -> object:
            if isinstance(request, dict) and operation in api.operations:
                self._authorise(scope, key, operation, request)
            with api.called_by(api.cloud.identity(scope, key)):
                return api.call(scope, operation, request)

        invoked = _INVOCATION.fullmatch(path)
        if invoked is None:
            return answered(headers, body, call)
        invocation = Invocation(endpoint=unquote(invoked[1]), body=body, headers=headers)

        def invoke() -> Response:
            request = {"EndpointName": invocation.endpoint}
            if _TARGET_MODEL in headers:
                request["TargetModel"] = headers[_TARGET_MODEL]
            self._authorise(scope, key, authorisation.INVOKE_ENDPOINT, request)
            return (200, *self.sagemaker.hosting.invoke(scope, invocation))

        return guarded(authorisation.INVOKE_ENDPOINT, invoke)

    def _authorise(
        self, scope: AccountScope, key: str, operation: str, request: Mapping[str, Any]
    ) -> None:
        token = request.get("CallbackToken")
        if isinstance(token, str):
            request = {**request, "PipelineExecutionArn": self._execution_of(token)}
        try:
            needs = authorisation.needs(scope, operation, request)
            self.sagemaker.api.cloud.check(scope, key, needs)
        except authorisation.Denied as denied:
            raise ApiError("AccessDeniedException", str(denied)) from None

    def _execution_of(self, token: str) -> str | None:
        """The execution with the step that waits for a callback's token."""
        try:
            return self.sagemaker.runs.callbacks.find(token).execution_arn
        except KeyError:
            return None


def answered(
    headers: dict[str, str], body: bytes, call: Callable[[str, object], object]
) -> Response:
    """What ``call(operation, request)`` answers to a request of AWS's JSON protocol."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return guarded(operation, lambda: _json(200, call(operation, _parsed(body))))


def install(gateway: Gateway) -> None:
    """Route SageMaker's requests to ``gateway``."""
    route("sagemaker", gateway, target="SageMaker.", host=r"sagemaker\.")


def route(name: str, module: Any, *, target: str, host: str) -> None:
    """Make ``module`` the service ``name`` (as boto3 and IAM name it) of MiniStack.

    ``target``: how its X-Amz-Target begins; ``host``: a pattern of its hosts.
    """
    replace(name, module)
    patterns = {"target_prefixes": [target], "host_patterns": [host]}
    others = dict(router.SERVICE_PATTERNS)
    router.SERVICE_PATTERNS.clear()
    router.SERVICE_PATTERNS.update({name: patterns, **others})
    # With AUTH=true MiniStack checks <name>:<Operation> against the caller's policies.
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name


def replace(name: str, module: Any) -> None:
    """Make ``module`` answer for the service ``name``, whose requests MiniStack can tell."""
    sys.modules[f"ministack.services.{name}"] = module
    app._loaded_modules[name] = module
    app.SERVICE_REGISTRY[name] = {"module": name}
    app.SERVICE_HANDLERS[name] = module.handle_request


def current_scope() -> AccountScope:
    """Account and region of the request that MiniStack is answering."""
    return AccountScope(account=responses.get_account_id(), region=responses.get_region())


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise ApiError("SerializationException", "The request is not JSON.") from None


def guarded(operation: str, answer: Callable[[], Response]) -> Response:
    """What ``answer`` answers; an ApiError as AWS's clients read it."""
    try:
        return answer()
    except ApiError as error:
        return _error(error)
    except Exception as error:
        _LOG.exception("%s failed", operation)
        return _error(ApiError("InternalFailure", f"{operation}: {error!r}", status=500))


def _json(status: int, answer: object) -> Response:
    return status, {"Content-Type": _CONTENT_TYPE}, json.dumps(answer).encode()


def _error(error: ApiError) -> Response:
    # The data plane's errors spell it Message, the control plane's message; boto3 reads both.
    content = {"__type": error.code, "message": error.message, **error.members}
    if error.members:
        content["Message"] = error.message
    status, headers, body = _json(error.status, content)
    return status, {**headers, "x-amzn-errortype": error.code}, body
