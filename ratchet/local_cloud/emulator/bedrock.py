"""Bedrock and its runtime as two services of MiniStack's gateway, in place of MiniStack's own.

MiniStack answers for models with texts of its own making; none of them may be taken for a model's.
So its other services of that kind are closed.
"""

from __future__ import annotations

from typing import Any, cast

from ministack.core import responses, router
from ministack.core.concurrency import run_reentrant

from ratchet.local_cloud.bedrock import authorisation, rest
from ratchet.local_cloud.bedrock.service import CONTROL, RUNTIME, open_bedrock
from ratchet.local_cloud.billing.service import Service
from ratchet.local_cloud.emulator import gateway
from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.emulator.gateway import Response, current_scope
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches

CLOSED = ("bedrock-agent-runtime",)
"""Services of MiniStack's whose answers would pass for a model's."""


class BedrockGateway(gateway.ServiceModule):
    """One of the two services."""

    def __init__(self, service: Service, cloud: Emulator) -> None:
        self._service = service
        self._cloud = cloud
        self._routes = rest.Routes(service.model)

    async def handle_request(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
    ) -> Response:
        """Answer one HTTP request, in a thread of its own."""
        request = (current_scope(), method, path, headers, body, query_params)
        return cast(Response, await run_reentrant(self._answered, *request))

    def reset(self) -> None:
        self._service.reset()

    def _answered(
        self,
        scope: AccountScope,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, list[str]],
    ) -> Response:
        route = self._routes.find(method, path)

        def answer() -> Response:
            if route is None:
                message = f"{self._service.name} has no operation at {method} {path}."
                raise ApiError("UnknownOperationException", message, status=404)
            operation, in_path = route
            request = rest.request_of(operation, in_path, query, headers, body)
            required = operation.input_shape.required_members if operation.input_shape else []
            # What is missing is said by the check of the shape, in `call`.
            if operation.name in self._service.operations and not {*required} - {*request}:
                self._authorise(scope, headers, operation.name, request)
            answer = self._service.call(scope, operation.name, request)
            return rest.answer_of(operation, answer)

        return gateway.guarded(route[0].name if route else path, answer)

    def _authorise(
        self, scope: AccountScope, headers: dict[str, str], operation: str, request: dict[str, Any]
    ) -> None:
        key = router.extract_access_key_id(headers, {}) or ""
        try:
            self._cloud.check(scope, key, authorisation.needs(scope, operation, request))
        except Denied as denied:
            raise ApiError("AccessDeniedException", str(denied), status=403) from None


class ClosedGateway(gateway.ServiceModule):
    """A service that the local cloud does not have."""

    def __init__(self, name: str) -> None:
        self._name = name

    def reset(self) -> None:
        """Nothing is kept."""

    def _answer(
        self, scope: AccountScope, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        def refuse() -> Response:
            message = f"The local cloud has no {self._name}. AWS itself would answer."
            raise ApiError("ValidationException", message)

        return gateway.guarded(self._name, refuse)


def install(api: Api, cloud: Emulator, switches: Switches) -> None:
    """Route the requests of both services, and close those that would make answers up."""
    bedrock = open_bedrock(
        api=api,
        cloud=cloud,
        control_model=responses._service_model(CONTROL),
        runtime_model=responses._service_model(RUNTIME),
        switches=switches,
    )
    gateway.replace(CONTROL, BedrockGateway(bedrock.control, cloud))
    gateway.replace(RUNTIME, BedrockGateway(bedrock.runtime, cloud))
    for name in CLOSED:
        gateway.replace(name, ClosedGateway(name))
