"""Embeddings in the words of the OpenAI API, for Titan and Cohere (pure).

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

from ratchet.local_cloud.bedrock.errors import invalid, model_error

_DIMENSIONS = (256, 512, 1024)
_MOST_TEXTS = 96
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
Content = dict[str, Any]


def titan_request(body: Mapping[str, Any], *, name: str) -> Content:
    """``POST /embeddings`` for Titan Text Embeddings V2. Raises ApiError."""
    text = body.get("inputText")
    if not text:
        raise invalid("Malformed input request: #: required key [inputText] not found")
    if body.get("dimensions", _DIMENSIONS[-1]) not in _DIMENSIONS:
        raise invalid(f"Malformed input request: dimensions is not one of {_DIMENSIONS}.")
    if body.get("embeddingTypes", ["float"]) != ["float"]:
        raise invalid("The local cloud knows no embeddingTypes but float. AWS itself does.")
    asked = {"dimensions": body["dimensions"]} if "dimensions" in body else {}
    return {"model": name, "input": text, **asked}


def titan_answer(body: Mapping[str, Any], served: Any, *, model_id: str) -> Content:
    """Titan's answer; ``normalize`` (true unless it is said) makes the length of the vector 1."""
    vectors = _vectors(served, 1, model_id)
    vector = vectors[0]
    if len(vector) != body.get("dimensions", len(vector)):
        raise model_error(
            f"The server's vector has {len(vector)} dimensions; {body['dimensions']} were asked "
            "for. Leave dimensions out, or use a server whose model has so many.",
            status=200,
            model=model_id,
        )
    length = math.sqrt(sum(value * value for value in vector))
    if body.get("normalize", True) and length > 0:
        vector = [value / length for value in vector]
    return {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": _tokens(served, model_id),
    }


def cohere_request(body: Mapping[str, Any], *, name: str) -> Content:
    """``POST /embeddings`` for Cohere Embed v3. Raises ApiError."""
    texts = body.get("texts")
    if not texts or not all(isinstance(text, str) for text in texts):
        raise invalid("Malformed input request: #: required key [texts] not found")
    if len(texts) > _MOST_TEXTS:
        raise invalid(
            f"Malformed input request: #/texts: expected maximum item count: {_MOST_TEXTS}, found: "
            f"{len(texts)}, please reformat your input and try again."
        )
    if body.get("input_type") not in _INPUT_TYPES:
        raise invalid(f"Malformed input request: input_type is not one of {_INPUT_TYPES}.")
    if body.get("embedding_types", ["float"]) != ["float"]:
        raise invalid("The local cloud knows no embedding_types but float. AWS itself does.")
    return {"model": name, "input": list(texts)}


def cohere_answer(body: Mapping[str, Any], served: Any, *, model_id: str) -> Content:
    """Cohere's answer. The number of tokens is in the headers of InvokeModel only."""
    vectors = _vectors(served, len(body["texts"]), model_id)
    _tokens(served, model_id)
    by_type = "embedding_types" in body
    return {
        "id": str(uuid.uuid4()),
        "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
        "embeddings": {"float": vectors} if by_type else vectors,
        "texts": list(body["texts"]),
    }


def _vectors(served: Any, count: int, model_id: str) -> list[list[float]]:
    data = served.get("data") if isinstance(served, Mapping) else None
    try:
        ordered = sorted(data or (), key=lambda item: item["index"])
        vectors = [[float(value) for value in item["embedding"]] for item in ordered]
    except (KeyError, TypeError, ValueError):
        vectors = []
    if len(vectors) != count or not all(vectors):
        raise model_error(
            f"The server answered {len(vectors)} vectors for {count} texts.",
            status=200,
            model=model_id,
        )
    return vectors


def _tokens(served: Mapping[str, Any], model_id: str) -> int:
    tokens = (served.get("usage") or {}).get("prompt_tokens")
    if not isinstance(tokens, int):
        raise model_error(
            "The server's answer has no usage.prompt_tokens. AWS always answers it, and the local "
            "cloud does not make it up. Use a server that does.",
            status=200,
            model=model_id,
        )
    return tokens
