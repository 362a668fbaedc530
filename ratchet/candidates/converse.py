"""Asks a text model of Amazon Bedrock about one row: Converse and CountTokens.

Not every model takes a schema, a system prompt or a temperature, and nothing lists which do. So the
first request carries all three, and what a model refuses by name is left away from then on.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.candidates.answers import EMULATOR_MOCK
from ratchet.candidates.budget import Usage
from ratchet.candidates.failures import Failures
from ratchet.candidates.prompts import RowQuestion, answer_schema, instruction
from ratchet.candidates.replies import RefusedTrialError, Reply, VoidTrialError
from ratchet.deployment.errors import explain

SCHEMA, SYSTEM, TEMPERATURE = "schema", "system prompt", "temperature"
FEATURES: Mapping[str, tuple[str, ...]] = {
    SCHEMA: ("outputconfig", "output_config", "textformat", "json_schema", "structured output"),
    SYSTEM: ("system prompt", "system message", "system instruction"),
    TEMPERATURE: ("temperature",),
}
"""What a request may go without → the words by which a refusal means it, in lower case."""

_NOT_IN_A_TAG = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,.-]")
_LONGEST_TAG = 256


@dataclass
class Conversation:
    """One model, asked the same question of every row. Threads share it."""

    runtime: Any
    """The client of bedrock-runtime, which tries nothing again by itself."""
    model_id: str
    """Of the model, or of the profile that it is called through."""
    counted_as: str
    """The model's own id: CountTokens takes no profile."""
    question: RowQuestion
    max_tokens: int
    tags: Mapping[str, str]
    """The request's metadata, which invocation logs keep."""
    failures: Failures
    without: frozenset[str] = frozenset()
    """Of FEATURES: what the model refuses."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def request(self, prompt: str) -> dict[str, Any]:
        """The body that asks about one row."""
        words = instruction(self.question)
        whole = f"{prompt}\n\n{words}" if SYSTEM in self.without else prompt
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": [{"text": whole}]}],
            "inferenceConfig": {"maxTokens": self.max_tokens, "temperature": 0.0},
        }
        if SYSTEM not in self.without:
            body["system"] = [{"text": words}]
        if TEMPERATURE in self.without:
            del body["inferenceConfig"]["temperature"]
        if SCHEMA not in self.without:
            schema = {"name": "answer", "schema": json.dumps(answer_schema(self.question))}
            text_format = {"type": "json_schema", "structure": {"jsonSchema": schema}}
            body["outputConfig"] = {"textFormat": text_format}
        return body

    def ask(self, prompt: str) -> Reply[str]:
        """
        Raises:
            BusyModelError, NoAnswerError, RefusedTrialError: as they say.
        """
        while True:
            before = self.without
            try:
                answer = self._converse(prompt)
            except _FeatureRefusedError as refused:
                with self._lock:
                    if self.without == before:
                        self.without |= {refused.feature}
                continue
            return self.reply(answer)

    def count(self, prompt: str) -> int | None:
        """The tokens of the request, as they would be charged; None: the model has no count.

        Raises:
            RefusedTrialError: it may not be asked at all.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        body = self.request(prompt)
        counted = {name: body[name] for name in ("messages", "system") if name in body}
        try:
            answer = self.runtime.count_tokens(modelId=self.counted_as, input={"converse": counted})
        except ClientError:
            return None  # a permission of its own, and few models have it
        except BotoCoreError as problem:
            raise RefusedTrialError(str(explain(problem))) from None
        return int(answer["inputTokens"])

    def _converse(self, prompt: str) -> Mapping[str, Any]:
        tags = {name: tag_text(value) for name, value in self.tags.items()}
        with self.failures.named(self._refused_feature):
            answer: Mapping[str, Any] = self.runtime.converse(
                modelId=self.model_id, requestMetadata=tags, **self.request(prompt)
            )
        return answer

    def _refused_feature(self, message: str) -> Exception | None:
        feature = refused_feature(message, self.without)
        return _FeatureRefusedError(feature) if feature else None

    def reply(self, answer: Mapping[str, Any]) -> Reply[str]:
        """What the body of an answer says.

        Raises:
            VoidTrialError: an emulator made it up.
        """
        content = answer["output"]["message"]["content"]
        text = "".join(block["text"] for block in content if "text" in block)
        if text.lstrip().lower().startswith(EMULATOR_MOCK):
            raise VoidTrialError(mock_message(text))
        usage = answer["usage"]
        return Reply(
            content=text,
            usage=Usage(
                input_tokens=int(usage["inputTokens"]), output_tokens=int(usage["outputTokens"])
            ),
            latency_ms=answer.get("metrics", {}).get("latencyMs"),
            cut_off=answer.get("stopReason") == "max_tokens",
        )


class _FeatureRefusedError(Exception):
    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature


def refused_feature(message: str, without: frozenset[str]) -> str:
    """What of FEATURES a refusal names that a request still has; "": nothing."""
    lower = message.lower()
    for feature, words in FEATURES.items():
        if feature not in without and any(word in lower for word in words):
            return feature
    return ""


def mock_message(text: str) -> str:
    return (
        f"no model answered: {text.strip()[:60]!r} is what an emulator makes up, and nothing of it "
        "is scored. Start a server of a model and name it to the local cloud: "
        "docs/guides/candidates.md, `On a laptop`"
    )


def tag_text(value: str) -> str:
    """The value with what request metadata may hold."""
    return _NOT_IN_A_TAG.sub("-", value)[:_LONGEST_TAG]
