"""A stand-in for a text classifier: the label is that of a rule about words.

Requests and answers have the form of the Hugging Face inference containers:
``{"inputs": "text"}`` → ``[{"label": "LABEL_1", "score": 0.9}]``.
"""

from __future__ import annotations

import json
from typing import Any

WORDS = frozenset({"bad", "broken", "cancelled", "negative", "refund", "returned", "wrong"})


def model_fn(model_dir: str) -> frozenset[str]:
    """There is nothing to load."""
    return WORDS


def input_fn(body: Any, content_type: str) -> list[str]:
    """The texts of a request."""
    text = body.decode() if isinstance(body, bytes) else body
    inputs = json.loads(text)["inputs"] if "json" in content_type else text
    return list(inputs) if isinstance(inputs, list) else [str(inputs)]


def predict_fn(texts: list[str], words: frozenset[str]) -> list[dict[str, Any]]:
    """LABEL_1 for a text with one of the words, LABEL_0 for any other."""
    return [_label(bool(words.intersection(text.lower().split()))) for text in texts]


def output_fn(answers: list[dict[str, Any]], accept: str) -> tuple[str, str]:
    """JSON, a line for Batch Transform to put below the others."""
    return json.dumps(answers), "application/json"


def _label(hit: bool) -> dict[str, Any]:
    return {"label": f"LABEL_{int(hit)}", "score": 0.9}
