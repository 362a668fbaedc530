"""The operations of bedrock-runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.local_cloud.bedrock import converse
from ratchet.local_cloud.bedrock.access import Access
from ratchet.local_cloud.bedrock.calls import call_of
from ratchet.local_cloud.bedrock.errors import invalid
from ratchet.local_cloud.bedrock.model_server import ModelServer
from ratchet.local_cloud.bedrock.models import FoundationModel, model_of
from ratchet.local_cloud.bedrock.tokens import tokens_of_converse
from ratchet.local_cloud.sagemaker.store import AccountScope

_NO_COUNT = "The provided model doesn't support counting tokens."


class Runtime:
    """Answers by a server; which model may be asked is decided here."""

    def __init__(self, access: Access, server: ModelServer) -> None:
        self._access = access
        self._server = server

    def converse(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """Converse. Raises ApiError."""
        model = self._model(scope, request["modelId"])
        converse.check(model, request)
        content = converse.chat_request(request, name=self._server.name_of(model.id))
        chat, milliseconds = self._server.ask("/chat/completions", content, model_id=model.id)
        return converse.answer_of(chat, milliseconds=milliseconds, model_id=model.id)

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

    def _model(self, scope: AccountScope, model_id: str) -> FoundationModel:
        model = call_of(scope, model_id).model
        self._access.check(scope, model)
        return model
