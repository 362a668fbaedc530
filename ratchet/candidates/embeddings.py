"""Vectors of an embedding model of Amazon Bedrock, one text a request: InvokeModel, since Converse
does not embed.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.candidates.budget import Usage
from ratchet.candidates.failures import Failures
from ratchet.candidates.replies import RefusedTrialError, Reply, UnansweredRowError

Vector = tuple[float, ...]

_TOKENS_HEADER = "x-amzn-bedrock-input-token-count"


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a family of models is asked, and where its answer has the vector."""

    request: Callable[[str], Mapping[str, Any]]
    vector: Callable[[Mapping[str, Any]], Any]


def _cohere_vector(answer: Mapping[str, Any]) -> Any:
    listed = answer["embeddings"]
    return (listed["float"] if isinstance(listed, dict) else listed)[0]


BODIES: Mapping[str, Body] = {
    "amazon.titan-embed": Body(
        request=lambda text: {"inputText": text}, vector=lambda answer: answer["embedding"]
    ),
    "cohere.embed": Body(
        request=lambda text: {"texts": [text], "input_type": "classification"},
        vector=_cohere_vector,
    ),
}
"""The beginning of a model's id → its body."""


def body_of(model_id: str) -> Body:
    """
    Raises:
        RefusedTrialError: nobody knows what to send to this model.
    """
    for beginning, body in BODIES.items():
        if beginning in model_id:
            return body
    raise RefusedTrialError(
        f"{model_id}: this version does not know its requests; embedding models whose ids begin "
        f"with {' or '.join(BODIES)} can be tried"
    )


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """One embedding model. Threads share it."""

    runtime: Any
    model_id: str
    body: Body
    failures: Failures

    def ask(self, text: str) -> Reply[Vector]:
        """The vector of a text.

        Raises:
            BusyModelError, NoAnswerError, RefusedTrialError: as they say.
        """
        started = time.perf_counter()
        with self.failures.named():
            answer = self.runtime.invoke_model(
                modelId=self.model_id,
                body=json.dumps(self.body.request(text)),
                contentType="application/json",
                accept="application/json",
            )
            content = answer["body"].read()
        milliseconds = 1000 * (time.perf_counter() - started)
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        return _reply(content, headers, self.body, milliseconds)


def _reply(
    content: bytes, headers: Mapping[str, str], body: Body, milliseconds: float
) -> Reply[Vector]:
    try:
        answer = json.loads(content)
        vector = tuple(float(number) for number in body.vector(answer))
    except (ValueError, KeyError, TypeError, IndexError) as problem:
        shown = content[:60].decode("utf-8", "replace")
        raise UnansweredRowError(
            f"no vector in the answer ({problem!r}): {shown}", billed=True
        ) from None
    if not vector or not all(map(math.isfinite, vector)):
        raise UnansweredRowError("a vector that is empty or not finite", billed=True)
    tokens = answer.get("inputTextTokenCount", headers.get(_TOKENS_HEADER, 0))
    latency = headers.get("x-amzn-bedrock-invocation-latency")
    return Reply(
        content=vector,
        usage=Usage(input_tokens=int(tokens)),
        latency_ms=float(latency) if latency else milliseconds,
    )
