"""Paths of our own, below ``/_ratchet/``: what AWS has no API for.

- ``GET status``: folder, process id, region, start, running executions, whether events are dropped.
- ``POST events`` with ``{"drop": true}``: lose every SageMaker event from now on (a test's switch).
- ``POST save``: write all state now.
- ``GET executions/<id>``: an execution's folder, and its steps with why the cache hit or missed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.emulator.state import StateSaver
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, STEP
from ratchet.local_cloud.sagemaker.service import SageMaker

Message = dict[str, Any]
_PREFIX = "/_ratchet/"


class Admin:
    """Answers the paths."""

    def __init__(
        self, sagemaker: SageMaker, emulator: Emulator, saver: StateSaver, facts: Message
    ) -> None:
        self._sagemaker = sagemaker
        self._emulator = emulator
        self._saver = saver
        self._facts = facts

    async def answer(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request in JSON."""
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"].removeprefix(_PREFIX)
        try:
            status, answer = self._dispatch(scope["method"], path, json.loads(body or b"{}"))
        except (ValueError, KeyError, AttributeError) as error:
            status, answer = 400, {"message": f"{scope['method']} {scope['path']}: {error!r}"}
        content_type = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [content_type]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _dispatch(self, method: str, path: str, request: Message) -> tuple[int, Message]:
        if (method, path) == ("GET", "status"):
            return 200, self._status()
        if (method, path) == ("POST", "events"):
            self._emulator.drop_events = bool(request["drop"])
            return 200, self._status()
        if (method, path) == ("POST", "save"):
            self._saver.save(everything=True)
            return 200, self._status()
        if method == "GET" and path.startswith("executions/"):
            return self._execution(path.removeprefix("executions/"))
        return 404, {"message": f"no {method} {_PREFIX}{path}"}

    def _status(self) -> Message:
        return {
            **self._facts,
            "running": self._sagemaker.runs.running(),
            "drop": self._emulator.drop_events,
        }

    def _execution(self, execution_id: str) -> tuple[int, Message]:
        store = self._sagemaker.store
        for scope, execution in store.everywhere(EXECUTION):
            if execution["Id"] == execution_id:
                steps = store.all(scope, STEP, parent=execution["PipelineExecutionArn"])
                folder = self._sagemaker.runs.folder_of(execution_id)
                return 200, {"folder": str(folder), "steps": steps}
        return 404, {"message": f"no execution {execution_id}"}
