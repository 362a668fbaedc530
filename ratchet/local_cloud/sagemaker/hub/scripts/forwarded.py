"""A stand-in for a text generator: the server of RATCHET_BEDROCK_URL answers for it.

Requests and answers have the form of the text generation containers:
``{"inputs": "text", "parameters": {"max_new_tokens": 64}}`` → ``{"generated_text": "…"}``.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

_SETTINGS = {
    "max_new_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
}


def model_fn(model_dir: str) -> dict[str, Any]:
    """The server's address, and what it calls the model."""
    server: dict[str, Any] = json.loads((Path(model_dir) / "server.json").read_text())
    return server


def input_fn(body: Any, content_type: str) -> dict[str, Any]:
    """The request."""
    request: dict[str, Any] = json.loads(body)
    return request


def predict_fn(request: dict[str, Any], server: dict[str, Any]) -> dict[str, str]:
    """What the server answers. Raises ValueError without a server, and when it answers no text."""
    if not server["url"]:
        raise ValueError(
            "no server answers for this stand-in, and it makes nothing up: start the local cloud "
            "with the address of one, RATCHET_BEDROCK_URL=http://127.0.0.1:11434/v1"
        )
    parameters = request.get("parameters") or {}
    content = {
        "model": server["model"],
        "messages": [{"role": "user", "content": request["inputs"]}],
        **{name: parameters[key] for key, name in _SETTINGS.items() if key in parameters},
    }
    asked = urllib.request.Request(  # noqa: S310  # an address of HTTP's
        f"{server['url'].rstrip('/')}/chat/completions",
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=server["seconds"]) as answer:
        text = json.load(answer)["choices"][0]["message"]["content"]
    if not isinstance(text, str):
        raise ValueError("the server answered no text")  # a 500 as any other
    return {"generated_text": text}


def output_fn(answer: dict[str, str], accept: str) -> tuple[str, str]:
    """JSON."""
    return json.dumps(answer), "application/json"
