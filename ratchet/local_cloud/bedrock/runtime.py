"""The operations of bedrock-runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ratchet.local_cloud.bedrock import bodies, converse
from ratchet.local_cloud.bedrock.access import Agreements
from ratchet.local_cloud.bedrock.calls import call_of
from ratchet.local_cloud.bedrock.errors import invalid
from ratchet.local_cloud.bedrock.model_server import ModelServer
from ratchet.local_cloud.bedrock.models import FoundationModel, model_of
from ratchet.local_cloud.bedrock.rest import Payload
from ratchet.local_cloud.bedrock.tokens import tokens_of_converse
from ratchet.local_cloud.sagemaker.store import AccountScope

_NO_COUNT = "The provided model doesn't support counting tokens."
_TOKENS = "X-Amzn-Bedrock-{}-Token-Count"
_LATENCY = "X-Amzn-Bedrock-Invocation-Latency"
_NOT_PASSED_ON = ("trace", "guardrailIdentifier", "performanceConfigLatency", "serviceTier")


class Runtime:
    """Answers by a server; which model may be asked is decided here."""

    def __init__(self, access: Agreements, server: ModelServer) -> None:
        self._access = access
        self._server = server

    def converse(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """Converse. Raises ApiError."""
        model = self.model(scope, request["modelId"])
        name = self._server.name_of(model.id)
        asked = bodies.converse_invocation(model, dict(request), name=name)
        answer, _, _ = self.invoke(model, asked)
        return answer

    def invoke_model(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """InvokeModel, with the number of tokens in headers as AWS's. Raises ApiError."""
        model = self.model(scope, request["modelId"])
        others = [name for name in _NOT_PASSED_ON if name in request]
        if others:
            raise invalid(f"The local cloud's InvokeModel knows no {', '.join(others)}.")
        asked = self.invocation(model, parsed_body(request.get("body", b"")))
        answer, tokens, milliseconds = self.invoke(model, asked)
        headers = {_LATENCY: str(milliseconds)}
        if tokens is not None:
            headers[_TOKENS.format("Input")] = str(tokens.sent)
            headers[_TOKENS.format("Output")] = str(tokens.received)
        body = Payload(json.dumps(answer).encode())
        body.headers = headers
        return {"body": body, "contentType": "application/json"}

    def invocation(self, model: FoundationModel, body: dict[str, Any]) -> bodies.ServerRequest:
        """What a body of InvokeModel asks. Raises ApiError."""
        return bodies.invocation_of(model, body, name=self._server.name_of(model.id))

    def converse_invocation(
        self, model: FoundationModel, request: dict[str, Any]
    ) -> bodies.ServerRequest:
        """What a Converse request asks. Raises ApiError."""
        return bodies.converse_invocation(model, request, name=self._server.name_of(model.id))

    def invoke(
        self, model: FoundationModel, asked: bodies.ServerRequest
    ) -> tuple[dict[str, Any], bodies.TokenCounts | None, int]:
        """The model's answer, its tokens, and how many milliseconds it took. Raises ApiError."""
        served, milliseconds = self._server.ask(asked.path, asked.content, model_id=model.id)
        answer = asked.answer(served, milliseconds)
        return answer, bodies.tokens_of(served), milliseconds

    def check_server(self) -> None:
        """Raises ApiError when there is no server to ask."""
        self._server.address()

    def count_tokens(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """CountTokens: an estimate here (see ``tokens``), for the models that AWS counts for.

        As on AWS only the model's own id counts, also for a model that is called through a
        profile.
        """
        model = model_of(request["modelId"])
        if model is None or not model.counts_tokens:
            raise invalid(_NO_COUNT)
        self._access.check(scope, model)
        of_converse = request["input"].get("converse")
        if of_converse is None:
            raise invalid("The local cloud counts the tokens of input.converse only.")
        converse.check(model, of_converse)
        converse.chat_request(of_converse, name=model.id)
        return {"inputTokens": tokens_of_converse(of_converse)}

    def model(self, scope: AccountScope, model_id: str) -> FoundationModel:
        """The model that is called by an id; raises ApiError for one that may not be called."""
        model = call_of(scope, model_id).model
        self._access.check(scope, model)
        return model


def parsed_body(body: bytes) -> dict[str, Any]:
    """The body of InvokeModel. Raises ApiError (ValidationException)."""
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise invalid("Malformed input request, please reformat your input and try again.")
    return content
