"""Converse in the words of the OpenAI API, and its answer back (pure). Text only.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.local_cloud.bedrock.errors import invalid, model_error
from ratchet.local_cloud.bedrock.models import TEXT, FoundationModel

_PASSED_ON = {"modelId", "messages", "system", "inferenceConfig", "outputConfig", "requestMetadata"}
_SETTINGS = {
    "maxTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop",
}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "content_filtered"}
_USER_FIRST = (
    "A conversation must start with a user message. Try again with a conversation that starts with "
    "a user message."
)
_NOT_A_CHAT_MODEL = (
    "This action doesn't support the model that you provided. Try again with a supported text or "
    "chat model."
)
_OPEN_OBJECT = (
    "The model returned the following errors: output_config.format.schema: For 'object' type, "
    "'additionalProperties' must be explicitly set to false"
)


def check(model: FoundationModel, request: Mapping[str, Any]) -> None:
    """Raises ApiError (ValidationException) for what AWS refuses, and for what is not passed on."""
    if TEXT not in model.outputs:
        raise invalid(_NOT_A_CHAT_MODEL)
    others = sorted(set(request) - _PASSED_ON)
    if others:
        raise invalid(
            f"The local cloud's Converse passes on text only: it knows no {', '.join(others)}. "
            "AWS itself may take it."
        )
    messages = request.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        raise invalid(_USER_FIRST)
    if (request.get("outputConfig") or {}).get("textFormat") and not model.structured_output:
        raise invalid(
            "This model doesn't support the outputConfig.textFormat field. Remove "
            "outputConfig.textFormat and try again."
        )


def chat_request(request: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """The body of ``POST /chat/completions``; ``name``: the server's of the model."""
    messages = []
    if request.get("system"):
        messages.append({"role": "system", "content": _text(request["system"], "system")})
    for number, message in enumerate(request["messages"]):
        text = _text(message["content"], f"messages.{number}.content")
        messages.append({"role": message["role"], "content": text})
    settings = request.get("inferenceConfig") or {}
    content: dict[str, Any] = {"model": name, "messages": messages}
    content |= {_SETTINGS[key]: value for key, value in settings.items() if key in _SETTINGS}
    text_format = (request.get("outputConfig") or {}).get("textFormat")
    if text_format:
        content["response_format"] = _response_format(text_format)
    return content


def answer_of(chat: Any, *, milliseconds: int, model_id: str) -> dict[str, Any]:
    """Converse's answer to what the server answered.

    Raises ApiError (ModelErrorException) when something is missing that AWS always answers, such
    as the number of tokens: it is not made up.
    """
    choice = _member(chat, "choices.0", dict, model_id)
    text = (choice.get("message") or {}).get("content")
    reason = _member(chat, "choices.0.finish_reason", str, model_id)
    if reason not in _STOP_REASONS:
        raise _lacking(f"a finish_reason of {', '.join(_STOP_REASONS)}, not {reason!r}", model_id)
    sent = _member(chat, "usage.prompt_tokens", int, model_id)
    received = _member(chat, "usage.completion_tokens", int, model_id)
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}] if text else []}},
        "stopReason": _STOP_REASONS[reason],
        "usage": {
            "inputTokens": sent,
            "outputTokens": received,
            "totalTokens": sent + received,
        },
        "metrics": {"latencyMs": milliseconds},
    }


def _text(blocks: list[Mapping[str, Any]], place: str) -> str:
    texts = []
    for number, block in enumerate(blocks):
        if set(block) != {"text"}:
            raise invalid(
                f"The local cloud's Converse passes on text only; {place}.{number} has "
                f"{', '.join(sorted(block)) or 'nothing'}."
            )
        if not block["text"].strip():
            raise invalid(
                f"The text field in the ContentBlock object at {place}.{number} is blank. Add text "
                "to the text field, and try again."
            )
        texts.append(block["text"])
    return "\n\n".join(texts)


def _response_format(text_format: Mapping[str, Any]) -> dict[str, Any]:
    definition = text_format["structure"].get("jsonSchema") or {}
    try:
        schema = json.loads(definition.get("schema", ""))
    except ValueError:
        raise invalid("outputConfig.textFormat.structure.jsonSchema.schema is no JSON.") from None
    if any(part.get("additionalProperties") is not False for part in _objects(schema)):
        raise invalid(_OPEN_OBJECT)
    named = {key: definition[key] for key in ("description",) if key in definition}
    return {
        "type": "json_schema",
        "json_schema": {
            "name": definition.get("name") or "answer",
            **named,
            "schema": schema,
            "strict": True,
        },
    }


def _objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every part of a schema that describes an object."""
    if isinstance(schema, Mapping):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from _objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _objects(part)


def _member(content: Any, path: str, kind: type, model_id: str) -> Any:
    for name in path.split("."):
        if isinstance(content, list) and name.isdecimal():
            content = content[int(name)] if int(name) < len(content) else None
        else:
            content = content.get(name) if isinstance(content, Mapping) else None
    if not isinstance(content, kind) or isinstance(content, bool):
        raise _lacking(path, model_id)
    return content


def _lacking(what: str, model_id: str) -> Exception:
    return model_error(
        f"The server's answer has no {what}. AWS always answers it, and the local cloud does not "
        "make it up. Use a server that does.",
        status=200,
        model=model_id,
    )
