"""Our own paths below ``/_ratchet/``, for which AWS has no API.

They need the folder's secret (`guard`; ``admin_client.ask`` sends it).

- ``GET status``: folder, process id, region, start, running executions, whether events are dropped.
  Without the secret, the folder alone: so ``control`` knows whose server answers at a port.
- ``POST events`` with ``{"drop": true}``: lose every SageMaker event from now on (a test's switch).
- ``POST settings`` with some of ``{"time_scale": 0.01, "monitoring_closed": true,
  "health_check_seconds": 5, "bedrock_url": "http://127.0.0.1:11434/v1"}``: see
  ``sagemaker/switches.py``; ``GET settings`` shows them.
- ``POST monitoring/<schedule>/run``, with ``{"start": …, "end": …}`` (ISO 8601) or without: run a
  monitoring schedule now; answers ``{"job": name}`` at once.
- ``POST stand-ins`` with ``{"token": …, "stand_ins": {step: properties}}``: results of steps that
  shall not run, for the StartPipelineExecution with this ClientRequestToken.
- ``GET prices`` shows what the Price List lists, ``POST prices`` replaces it: see
  ``billing/catalogue.py``.
- ``POST flush``: write captured data, metrics and logs of endpoints now.
- ``GET credentials/<name>``: the session of a job's role, for a container that names its token
  (header ``Authorization``); see ``sagemaker/roles.py``.
- ``POST save``: write all state now.
- ``GET permissions``, ``GET permissions/<role>``: what roles were allowed and denied, see
  ``local_cloud/decisions.py``; ``{"decisions": [...]}``.
- ``GET executions/<id>``: an execution's folder, and its steps with why the cache hit or missed.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import unquote

from ratchet.local_cloud.billing import catalogue
from ratchet.local_cloud.billing.price_list import PriceList
from ratchet.local_cloud.emulator import guard, space
from ratchet.local_cloud.emulator.asgi import Message, Receive, Send, headers_of, read_body
from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.emulator.state import NotSavedError, StateSaver
from ratchet.local_cloud.layout import ACCOUNT, STATUS_PATH
from ratchet.local_cloud.sagemaker import stand_ins
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, STEP
from ratchet.local_cloud.sagemaker.roles import CREDENTIALS_PATH
from ratchet.local_cloud.sagemaker.service import SageMaker
from ratchet.local_cloud.sagemaker.store import AccountScope

_PREFIX = "/_ratchet/"


class Admin:
    """Answers the paths."""

    def __init__(
        self,
        sagemaker: SageMaker,
        emulator: Emulator,
        saver: StateSaver,
        prices: PriceList,
        facts: Message,
        *,
        secret: str,
    ) -> None:
        self._sagemaker = sagemaker
        self._emulator = emulator
        self._saver = saver
        self._prices = prices
        self._facts = facts
        self._secret = secret
        self._scope = AccountScope(account=ACCOUNT, region=facts["region"])

    async def answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request in JSON."""
        body = await read_body(receive)
        path = scope["path"].removeprefix(_PREFIX)
        try:
            request = json.loads(body or b"{}")
            if scope["path"] == STATUS_PATH and not self._is_owner(scope):
                status, answer = 200, {"folder": self._facts["folder"]}
            elif (scope["method"], path) == ("POST", "flush"):
                # Writes through the server's own loop, so it may not wait there.
                await asyncio.to_thread(self._sagemaker.hosting.flush)
                status, answer = 200, self._status()
            elif scope["path"].startswith(CREDENTIALS_PATH):
                token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
                name = scope["path"].removeprefix(CREDENTIALS_PATH)
                status, answer = 200, self._sagemaker.api.roles.credentials(name, token)
            elif (scope["method"], path) == ("POST", "save"):
                await self._saver.commit()
                status, answer = 200, self._status()
            else:
                status, answer = self._dispatch(scope["method"], path, request)
        except ApiError as error:
            status, answer = 400, {"message": error.message}
        except NotSavedError as error:
            status, answer = space.STATUS, {"message": str(error)}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            status, answer = 400, {"message": f"{scope['method']} {scope['path']}: {error!r}"}
        content_type = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [content_type]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _is_owner(self, scope: Message) -> bool:
        return guard.has_secret(headers_of(scope), self._secret)

    def _dispatch(self, method: str, path: str, request: Message) -> tuple[int, Message]:
        if (method, path) == ("GET", "status"):
            return 200, self._status()
        if (method, path) == ("POST", "events"):
            self._emulator.drop_events = bool(request["drop"])
            return 200, self._status()
        if path in ("settings", "prices"):
            return 200, self._setting(path, request if method == "POST" else None)
        if method == "POST" and path.startswith("monitoring/") and path.endswith("/run"):
            schedule = unquote(path.split("/")[1])
            job = self._sagemaker.monitors.run_now(self._scope, schedule, **request)
            return 200, {"job": job}
        if (method, path) == ("POST", "stand-ins"):
            stand_ins.keep(self._sagemaker.api, self._scope, request["token"], request["stand_ins"])
            return 200, {}
        if method == "GET" and (path == "permissions" or path.startswith("permissions/")):
            role = unquote(path.removeprefix("permissions").lstrip("/"))
            decisions = self._emulator.authority.log.decisions(role)
            return 200, {"decisions": [decision.to_json() for decision in decisions]}
        if method == "GET" and path.startswith("executions/"):
            return self._execution(path.removeprefix("executions/"))
        return 404, {"message": f"no {method} {_PREFIX}{path}"}

    def _setting(self, name: str, change: Message | None) -> Message:
        """The current setting, after the change if there is one."""
        if name == "prices":
            if change is not None:
                self._prices.replace(catalogue.parsed(change))
            return self._prices.catalogue.to_json()
        if change is not None:
            self._sagemaker.switches.change(change)
        return dict(vars(self._sagemaker.switches))

    def _status(self) -> Message:
        return {
            **self._facts,
            "running": self._sagemaker.runs.running(),
            "drop": self._emulator.drop_events,
            "unfit_answers": self._sagemaker.api.unfit,
        }

    def _execution(self, execution_id: str) -> tuple[int, Message]:
        store = self._sagemaker.store
        for scope, execution in store.everywhere(EXECUTION):
            if execution["Id"] == execution_id:
                steps = store.all(scope, STEP, parent=execution["PipelineExecutionArn"])
                folder = self._sagemaker.runs.folder_of(execution_id)
                return 200, {"folder": str(folder), "steps": steps}
        return 404, {"message": f"no execution {execution_id}"}
