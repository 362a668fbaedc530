"""A server with the OpenAI API that follows a rule, and misbehaves when a test wants it to.

    with running_stub(lambda prompt: "yes" if "late" in prompt else "no") as stub:
        cloud.admin("POST", "settings", {"bedrock_url": stub.url})
        stub.delay = 0.3

It is a server of tests: nothing of the product answers like this.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Rule = Callable[[str], str]
NONSENSE = "purple monkey dishwasher {"


def echo(prompt: str) -> str:
    """The rule of a stub that is given none."""
    return prompt


def letters(text: str, dimensions: int) -> list[float]:
    """A vector by a known rule: how often each letter (modulo the dimensions) is in the text."""
    vector = [0.0] * dimensions
    for letter in text.lower():
        vector[ord(letter) % dimensions] += 1.0
    return vector


@dataclass
class OpenAIStub:
    """Set its members while it runs; ``die`` ends it for good."""

    rule: Rule = echo
    """The last user message → the answer's text."""
    nonsense: bool = False
    """Answer every prompt with the same words, which are no answer."""
    delay: float = 0.0
    """Seconds before each answer."""
    throttled: int = 0
    """So many requests from now on are answered 429."""
    failing: Callable[[str], bool] = lambda prompt: False
    """Prompts that are answered 500."""
    dies_after: int | None = None
    """End for good after so many answers."""
    usage: bool = True
    """Whether answers say the number of tokens."""
    finish_reason: str | None = "stop"
    missing_model: str | None = None
    """A model's name that is answered 404."""
    vector_size: int | None = None
    """Dimensions of vectors, whatever was asked for."""
    vectors_left_out: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests, in the order they came."""
    url: str = ""
    _server: ThreadingHTTPServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and content."""
        with self._lock:
            self.requests.append(request)
            if self.throttled > 0:
                self.throttled -= 1
                return 429, _error("slow down")
            if self.dies_after is not None:
                self.dies_after -= 1
        if self.delay:
            time.sleep(self.delay)
        if request["model"] == self.missing_model:
            return 404, _error(f"model {request['model']!r} not found, try pulling it first")
        if path == "/v1/embeddings":
            return 200, self._embeddings(request)
        if path != "/v1/chat/completions":
            return 404, _error(f"no such path: {path}")
        prompt = next(m["content"] for m in reversed(request["messages"]) if m["role"] == "user")
        if self.failing(prompt):
            return 500, _error("the model crashed")
        return 200, self._chat(request, NONSENSE if self.nonsense else self.rule(prompt))

    def die(self) -> None:
        """Close the port: from now on connections are refused."""
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            server.server_close()

    def _chat(self, request: dict[str, Any], text: str) -> dict[str, Any]:
        sent = sum(len(message["content"].split()) for message in request["messages"])
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": request["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": self.finish_reason,
                }
            ],
            **self._usage(sent, len(text.split())),
        }

    def _embeddings(self, request: dict[str, Any]) -> dict[str, Any]:
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        size = self.vector_size or request.get("dimensions", 16)
        answered = texts[: len(texts) - self.vectors_left_out]
        return {
            "object": "list",
            "model": request["model"],
            "data": [
                {"object": "embedding", "index": index, "embedding": letters(text, size)}
                for index, text in enumerate(answered)
            ],
            **self._usage(sum(len(text.split()) for text in texts), 0),
        }

    def _usage(self, sent: int, received: int) -> dict[str, Any]:
        tokens = {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
        }
        return {"usage": tokens} if self.usage else {}


@contextlib.contextmanager
def running_stub(rule: Rule = echo) -> Iterator[OpenAIStub]:
    """A stub at a free port of this machine."""
    stub = OpenAIStub(rule)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    server.daemon_threads = True
    stub.url, stub._server = f"http://127.0.0.1:{server.server_port}/v1", server
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.die()
        thread.join()


def _handler(stub: OpenAIStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = json.loads(self.rfile.read(length))
            status, content = stub.answer(self.path, request)
            body = json.dumps(content).encode()
            with contextlib.suppress(OSError):  # whoever asked may have given up
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            if stub.dies_after is not None and stub.dies_after <= 0:
                threading.Thread(target=stub.die, daemon=True).start()

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    return Handler


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "stub"}}
