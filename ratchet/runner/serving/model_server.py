"""The process that serves one model: what runs in the container of a production variant.

``GET /ping`` and ``POST /invocations`` on a loopback port, answered by the model's own script. What
an exception becomes follows SageMaker's inference toolkit, as what is called does
(``ratchet/loop/model_script.py``). Started as a file; it imports nothing but the standard library,
so the model's own imports are most of its start.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.loop.model_script import ModelScript

Answer = tuple[int, bytes, str]


def _model_script() -> type[ModelScript]:
    """The class of ratchet/loop/model_script.py, by its place: whoever serves a model does not see
    this project, and the model's own modules may have any name."""
    file = Path(__file__).resolve().parents[2] / "loop" / "model_script.py"
    spec = importlib.util.spec_from_file_location("_ratchet_model_script", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    script: type[ModelScript] = module.ModelScript
    return script


class Model:
    """Answers requests by the script's functions, one at a time."""

    def __init__(self, script: ModelScript) -> None:
        self._script = script
        # A container's worker has one request at a time, and model code may rely on it.
        self._lock = threading.Lock()

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Status, body and content type for one request; an exception of the script is a 500."""
        try:
            with self._lock:
                answer, answered_type = self._script.answer(body, content_type, accept)
        except Exception as error:
            traceback.print_exc()
            status = getattr(error, "status_code", 500)
            message = f"{error}\n{traceback.format_exc()}"
            return status if isinstance(status, int) else 500, message.encode(), "text/plain"
        return 200, answer, answered_type


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
    script = _model_script()(importlib.import_module(program.stem), options.model_dir)
    server = _Server(("127.0.0.1", 0), handler_of(Model(script)))
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
