"""The process that serves one model: what runs in the container of a production variant.

``GET /ping`` and ``POST /invocations`` on a loopback port, answered by the model's own script:
``model_fn``, then for each request ``input_fn``, ``predict_fn`` and ``output_fn``, or
``transform_fn`` instead of the three. How they are called, what they are handed and what an
exception becomes follows SageMaker's inference toolkit (aws/sagemaker-inference-toolkit,
``transformer.py``), which the XGBoost container serves with. Started as a file; it imports nothing
but the standard library, so the model's own imports are most of its start.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

_TEXT_TYPES = {"application/json", "text/csv"}
_ANY = {"", "*/*"}
_DEFAULT_ACCEPT = "application/json"

Answer = tuple[int, bytes, str]


class Model:
    """The script's functions around the loaded model."""

    def __init__(self, script: ModuleType, model_dir: str) -> None:
        self._script = script
        # A container's worker has one request at a time, and model code may rely on it.
        self._lock = threading.Lock()
        load = getattr(script, "model_fn", None)
        if load is None:
            raise AttributeError(f"{script.__file__} has no model_fn(model_dir)")
        self._model = load(model_dir)
        self._transform: Callable[..., Any] = getattr(script, "transform_fn", None) or self._steps

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Status, body and content type for one request; an exception of the script is a 500."""
        if accept in _ANY:
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _DEFAULT_ACCEPT)
        try:
            data = body.decode() if content_type.split(";")[0] in _TEXT_TYPES else body
            with self._lock:
                result = self._transform(self._model, data, content_type, accept)
        except Exception as error:
            traceback.print_exc()
            status = getattr(error, "status_code", 500)
            message = f"{error}\n{traceback.format_exc()}"
            return status if isinstance(status, int) else 500, message.encode(), "text/plain"
        answer, answered_type = result if isinstance(result, tuple) else (result, accept)
        encoded = answer.encode() if isinstance(answer, str) else bytes(answer)
        return 200, encoded, str(answered_type)

    def _steps(self, model: Any, data: str | bytes, content_type: str, accept: str) -> Any:
        script = self._script
        return script.output_fn(
            script.predict_fn(script.input_fn(data, content_type), model), accept
        )


def handler_of(model: Model) -> type[BaseHTTPRequestHandler]:
    """The request handler class that answers by ``model``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body go out as two writes: without this the second waits for the first's ACK.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(200 if self.path == "/ping" else 404, b"", "text/plain")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/invocations":
                self._send(404, b"", "text/plain")
                return
            headers = self.headers
            self._send(
                *model.answer(body, headers.get("Content-Type", ""), headers.get("Accept", ""))
            )

        def _send(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A line for each request would drown what the model says."""

    return Handler


class _Server(ThreadingHTTPServer):
    """Its queue of new connections is as long as the system allows: all clients of an endpoint
    connect at once when a new model takes over."""

    request_queue_size = socket.SOMAXCONN
    daemon_threads = True


def main() -> None:
    """Load the model, say where it is served, serve until the input ends."""
    parser = argparse.ArgumentParser(description="Serve a model.")
    parser.add_argument("--model-dir", required=True)
    parser.add_argument("--ready", type=int, required=True, help="file descriptor to report to")
    options = parser.parse_args()
    # The cloud holds the other end: when it is gone, however it ended, so is this process.
    threading.Thread(target=_end_with_input, name="input", daemon=True).start()
    folder = Path(os.environ["SAGEMAKER_SUBMIT_DIRECTORY"])
    program = Path(os.environ["SAGEMAKER_PROGRAM"])
    if not (folder / program).is_file():
        shown = str(folder / program).removeprefix(f"{options.model_dir}/")
        sys.exit(f"model.tar.gz has no {shown}: a model carries the script that serves it")
    sys.path[0] = str(folder / program.parent)  # in place of this file's own folder
    model = Model(importlib.import_module(program.stem), options.model_dir)
    server = _Server(("127.0.0.1", 0), handler_of(model))
    with os.fdopen(options.ready, "w") as ready:
        json.dump({"port": server.server_port}, ready)
    server.serve_forever(poll_interval=60)


def _end_with_input() -> None:
    # Not by sys.stdin, whose lock would be missed by an interpreter that ends in the meantime.
    while os.read(0, 1):
        pass
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
