"""Requests to MiniStack's services, checked for what its own check of a request leaves out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions, responses, router

from ratchet.local_cloud.emulator import evaluator, http_needs, service_roles
from ratchet.local_cloud.emulator.authority import Authority
from ratchet.local_cloud.emulator.gateway import Response, current_scope
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.errors import ApiError

SERVICES = ("cloudformation", "events", "lambda", "monitoring", "scheduler", "sns", "sqs")
"""As ``SERVICE_HANDLERS`` of MiniStack names them; S3's requests need more by ``http_needs``."""

Handler = Callable[..., Awaitable[Response]]

_IN_REPOSITORY = re.compile(r"/v2/(.+?)/(?:blobs|manifests|tags)/.*")


def install(authority: Authority) -> None:
    """Stand before the services' handlers."""
    app._handle_ecr_registry_request = _registry(app._handle_ecr_registry_request)
    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _checked(authority, service, app.SERVICE_HANDLERS[service])


def _registry(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The registry of images, where MiniStack asks for nothing: reading needs the permission to
    pull from the repository, everything else the one to push."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        if app._is_ecr_registry_path(path):
            scope = current_scope()
            action = "ecr:BatchGetImage" if method in {"GET", "HEAD"} else "ecr:PutImage"
            repository = _IN_REPOSITORY.fullmatch(path)
            arn = f"arn:aws:ecr:{scope.region}:{scope.account}:repository/"
            denial = app._enforce_data_plane(
                "ecr",
                action,
                headers,
                query,
                responses.new_uuid(),
                resource_arn=f"{arn}{repository[1]}" if repository else "*",
            )
            if denial is not None:
                return denial
        return await handler(method, path, headers, body, query)

    return handle


def _checked(authority: Authority, service: str, handler: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        access_key = router.extract_access_key_id(headers, query)
        if access_key:  # the cloud's own calls have none
            params = app._routing_params(method, path, headers, body, query)
            request = (service, method, path, headers, body, params)
            action = iam_actions.extract_iam_action(*request)
            if action and _is_checked(action):
                denial = _refusal(authority, access_key, action, request)
                if denial is not None:
                    return denial
        return await handler(method, path, headers, body, query)

    return handle


def _is_checked(action: str) -> bool:
    return http_needs.has_more(action) or action == "lambda:CreateEventSourceMapping"


def _refusal(
    authority: Authority, access_key: str, action: str, request: tuple[Any, ...]
) -> Response | None:
    service, _, _, headers, body, params = request
    scope = current_scope()
    resource = iam_actions.extract_resource_arn(*request, scope.region, scope.account)
    members = http_needs.parsed(body, params)
    try:
        authority.check(scope, access_key, http_needs.needs(scope, action, resource, members))
        service_roles.check(authority, scope, action, members)
    except Denied as denied:
        return _answer(service, evaluator.denied_action(), headers, "", str(denied))
    except ApiError as error:
        _, answer_headers, answer = _answer(service, action, headers, error.code, error.message)
        return error.status, answer_headers, answer
    return None


def _answer(
    service: str, action: str, headers: dict[str, str], code: str, message: str
) -> Response:
    """An error in the service's protocol."""
    answer: Response = iam_actions.access_denied_response(
        service, action, "", responses.new_uuid(), error_code=code, message=message, headers=headers
    )
    return answer
