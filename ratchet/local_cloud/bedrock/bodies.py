"""The bodies of InvokeModel, which each provider has of its own, as requests of the OpenAI API.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.local_cloud.bedrock import converse, embeddings
from ratchet.local_cloud.bedrock.errors import invalid
from ratchet.local_cloud.bedrock.models import FoundationModel

CHAT, EMBEDDINGS = "/chat/completions", "/embeddings"
Content = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ServerRequest:
    """What the server is asked, and what the model's own answer is made of its answer.

    ``answer`` takes the server's answer and the milliseconds it took.
    """

    path: str
    content: Content
    answer: Callable[[Any, int], Content]


@dataclass(frozen=True, kw_only=True)
class TokenCounts:
    """How many tokens went in and came out, where the answer says so."""

    sent: int
    received: int


def invocation_of(model: FoundationModel, body: Content, *, name: str) -> ServerRequest:
    """``name``: the server's of the model. Raises ApiError (ValidationException)."""
    reader = _READERS.get(model.body or "")
    if reader is None:
        raise invalid(
            f"The local cloud knows no InvokeModel bodies of {model.id}, only those of "
            f"{', '.join(_READERS)}. Call it by Converse. AWS itself takes them."
        )
    return reader(model, body, name)


def converse_invocation(model: FoundationModel, request: Content, *, name: str) -> ServerRequest:
    """A Converse request as an invocation; raises ApiError."""
    converse.check(model, request)

    def answer(chat: Any, milliseconds: int) -> Content:
        return converse.answer_of(chat, milliseconds=milliseconds, model_id=model.id)

    return ServerRequest(
        path=CHAT, content=converse.chat_request(request, name=name), answer=answer
    )


def check_members(body: Content, allowed: Mapping[str, type | tuple[type, ...]]) -> None:
    """Raises ApiError for a member that is not allowed, or of another JSON type."""
    for key, value in body.items():
        if key not in allowed:
            raise invalid(
                f"Malformed input request: #: extraneous key [{key}] is not permitted, please "
                "reformat your input and try again."
            )
        if not isinstance(value, allowed[key]) or isinstance(value, bool) is not (
            allowed[key] is bool
        ):
            raise invalid(f"Malformed input request: {key} is {value!r}.")


def _nova(model: FoundationModel, body: Content, name: str) -> ServerRequest:
    check_members(
        body,
        {"schemaVersion": str, "messages": list, "system": list, "inferenceConfig": dict},
    )
    request = {key: value for key, value in body.items() if key != "schemaVersion"}
    asked = converse_invocation(model, _shaped(request), name=name)

    def answer(chat: Any, milliseconds: int) -> Content:
        whole = asked.answer(chat, milliseconds)
        return {key: whole[key] for key in ("output", "stopReason", "usage")}

    return ServerRequest(path=asked.path, content=asked.content, answer=answer)


def _anthropic(model: FoundationModel, body: Content, name: str) -> ServerRequest:
    number = (int, float)
    check_members(
        body,
        {
            "anthropic_version": str,
            "max_tokens": int,
            "messages": list,
            "system": (str, list),
            "temperature": number,
            "top_p": number,
            "stop_sequences": list,
        },
    )
    for key in ("anthropic_version", "max_tokens", "messages"):
        if key not in body:
            raise invalid(f"{key}: Field required")
    settings = {
        "maxTokens": body["max_tokens"],
        "temperature": body.get("temperature"),
        "topP": body.get("top_p"),
        "stopSequences": body.get("stop_sequences"),
    }
    messages = [
        {**message, "content": _blocks(message.get("content"))}
        for message in body["messages"]
        if isinstance(message, dict)
    ]
    request: Content = {
        "messages": messages,
        "inferenceConfig": {key: value for key, value in settings.items() if value is not None},
    }
    if body.get("system"):
        request["system"] = _blocks(body["system"])
    asked = converse_invocation(model, _shaped(request), name=name)

    def answer(chat: Any, milliseconds: int) -> Content:
        whole = asked.answer(chat, milliseconds)
        return {
            "model": model.id.partition(".")[2],
            "id": f"msg_bdrk_{uuid.uuid4().hex[:24]}",
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "text", "text": block["text"]}
                for block in whole["output"]["message"]["content"]
            ],
            "stop_reason": whole["stopReason"],
            "stop_sequence": None,
            "usage": {
                "input_tokens": whole["usage"]["inputTokens"],
                "output_tokens": whole["usage"]["outputTokens"],
            },
        }

    return ServerRequest(path=asked.path, content=asked.content, answer=answer)


def _openai(model: FoundationModel, body: Content, name: str) -> ServerRequest:
    number = (int, float)
    check_members(
        body,
        {
            "messages": list,
            "max_tokens": int,
            "temperature": number,
            "top_p": number,
            "stop": list,
            "response_format": dict,
        },
    )
    if not body.get("messages"):
        raise invalid("Malformed input request: #: required key [messages] not found")

    def answer(chat: Any, milliseconds: int) -> Content:
        converse.answer_of(chat, milliseconds=milliseconds, model_id=model.id)  # is all there?
        return {**chat, "model": model.id}

    return ServerRequest(path=CHAT, content={**body, "model": name}, answer=answer)


def _blocks(content: Any) -> list[Content]:
    if isinstance(content, str):
        return [{"text": content}]
    blocks = content if isinstance(content, list) else []
    return [
        {"text": block["text"]}
        if isinstance(block, dict) and block.get("type") == "text" and "text" in block
        else {"something else": block}
        for block in blocks
    ]


def _shaped(request: Content) -> Content:
    """The same, if its messages have the form of Converse's. Raises ApiError."""
    for message in request.get("messages", ()):
        is_message = isinstance(message, dict) and message.get("role") in ("user", "assistant")
        blocks = message.get("content") if is_message else None
        if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
            raise invalid("Malformed input request: messages, please reformat your input.")
    if not all(_is_block(block) for block in request.get("system", ())):
        raise invalid("Malformed input request: system, please reformat your input.")
    return request


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("text", ""), str)


def _titan(model: FoundationModel, body: Content, name: str) -> ServerRequest:
    check_members(
        body, {"inputText": str, "dimensions": int, "normalize": bool, "embeddingTypes": list}
    )
    return ServerRequest(
        path=EMBEDDINGS,
        content=embeddings.titan_request(body, name=name),
        answer=lambda served, _: embeddings.titan_answer(body, served, model_id=model.id),
    )


def _cohere(model: FoundationModel, body: Content, name: str) -> ServerRequest:
    check_members(
        body, {"texts": list, "input_type": str, "truncate": str, "embedding_types": list}
    )
    return ServerRequest(
        path=EMBEDDINGS,
        content=embeddings.cohere_request(body, name=name),
        answer=lambda served, _: embeddings.cohere_answer(body, served, model_id=model.id),
    )


_READERS: Mapping[str, Callable[[FoundationModel, Content, str], ServerRequest]] = {
    "nova": _nova,
    "anthropic": _anthropic,
    "openai": _openai,
    "titan-embed": _titan,
    "cohere-embed": _cohere,
}


def tokens_of(served: Any) -> TokenCounts | None:
    """What the server's answer says; embeddings have no tokens that come out."""
    usage = served.get("usage") if isinstance(served, Mapping) else None
    sent = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    received = usage.get("completion_tokens", 0) if isinstance(usage, Mapping) else 0
    if not isinstance(sent, int):
        return None
    return TokenCounts(sent=sent, received=received)
