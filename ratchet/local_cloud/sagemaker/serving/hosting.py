"""The endpoints that are served now: created, updated, deleted, brought back after a restart."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import recovery
from ratchet.local_cloud.sagemaker.serving import deployment, fleet
from ratchet.local_cloud.sagemaker.serving.capture import Capture
from ratchet.local_cloud.sagemaker.serving.deployment import Deployment
from ratchet.local_cloud.sagemaker.serving.fleet import Fleet, UnhealthyFleetError
from ratchet.local_cloud.sagemaker.serving.invocations import DataPlane, Invocation
from ratchet.local_cloud.sagemaker.serving.logs import Logs
from ratchet.local_cloud.sagemaker.serving.metrics import EndpointMetrics
from ratchet.local_cloud.sagemaker.serving.rollout import rollout_of
from ratchet.local_cloud.sagemaker.serving.traffic import TrafficShares
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import ENDPOINT

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.local_cloud.sagemaker.switches import Switches

_LOG = logging.getLogger("ratchet.serving")
_FLUSH_SECONDS = 0.25
_DRAIN_SECONDS = 65.0  # longer than an invocation may take
_LAST_DRAIN_SECONDS = 2.0
_JOIN_SECONDS = 10.0
_POLL_SECONDS = 0.05
_FLEETS = "Fleet"


@dataclass
class _Hosted:
    """One endpoint: its traffic, and the thread that changes it, if any does now."""

    traffic: TrafficShares = field(default_factory=TrafficShares)
    cancelled: threading.Event = field(default_factory=threading.Event)
    worker: threading.Thread | None = None


class Hosting:
    """Every endpoint of one local cloud. Models are unpacked below ``folder``."""

    def __init__(self, *, api: Api, folder: Path, switches: Switches) -> None:
        self.switches = switches
        self.metrics = EndpointMetrics(api.cloud)
        self._api = api
        self._folder = folder
        self._capture = Capture(api.cloud, api.roles)
        self._logs = Logs(api.cloud)
        self._plane = DataPlane(api, capture=self._capture, metrics=self.metrics)
        self._hosted: dict[tuple[AccountScope, str], _Hosted] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._flusher: threading.Thread | None = None

    def invoke(self, scope: AccountScope, invocation: Invocation) -> tuple[dict[str, str], bytes]:
        """Answer a request to an endpoint; raises ``ApiError``."""
        hosted = self._hosted.get((scope, invocation.endpoint))
        traffic = hosted.traffic if hosted else None
        if traffic and traffic.serving is None:
            # After a restart a request waits for its model; to a new endpoint nobody may talk yet.
            endpoint = self._api.store.get(scope, ENDPOINT.name, invocation.endpoint)
            if endpoint is None or endpoint["EndpointStatus"] != "InService":
                traffic = None
        return self._plane.invoke(scope, traffic, invocation)

    def create(self, scope: AccountScope, endpoint: Body) -> None:
        """Start what a new endpoint's record says; its status follows."""
        self._work(scope, endpoint["EndpointName"], self._start)

    def update(self, scope: AccountScope, endpoint: Body, config: Body, request: Body) -> None:
        """Let ``config`` take over as the request's deployment configuration says."""
        settings = request.get("DeploymentConfig")
        if settings is None and request.get("RetainDeploymentConfig"):
            settings = endpoint.get("LastDeploymentConfig")
        instances = config["ProductionVariants"][0].get("InitialInstanceCount", 1)
        plan = rollout_of(settings, instances=instances)

        def run(scope: AccountScope, name: str, hosted: _Hosted) -> None:
            Deployment(
                self._api,
                scope,
                name,
                traffic=hosted.traffic,
                cancelled=hosted.cancelled,
                start=lambda: self._fleet(scope, name, config),
                retire=lambda fleet: self._retire(scope, hosted.traffic, fleet),
                publish=self.metrics.publish,
                time_scale=self.switches.time_scale,
            ).run(config, plan, settings)

        self._work(scope, endpoint["EndpointName"], run)

    def delete(self, scope: AccountScope, name: str) -> None:
        """End an endpoint's processes, whatever is being done with it."""
        with self._lock:
            hosted = self._hosted.pop((scope, name), None)
        if hosted:
            self._end(scope, hosted)

    def settled(self, scope: AccountScope, name: str) -> Body:
        """The endpoint's record once nothing is being done with it; raises ``ApiError``."""
        while True:
            endpoint = self._api.get(scope, ENDPOINT, name)
            if endpoint["EndpointStatus"] not in deployment.BUSY or self._closed.is_set():
                return endpoint
            time.sleep(_POLL_SECONDS)

    def flush(self) -> None:
        """Write what is buffered: captured data, metrics, logs."""
        self._capture.flush(everything=True)
        self.metrics.publish()
        self._logs.flush()

    def recover(self) -> None:
        """Serve again what was served when an earlier process ended, in the background."""
        for scope, left in self._api.store.everywhere(_FLEETS):
            for group in left["groups"]:
                recovery.end_group(group, Path(group["folder"]))
            self._api.store.delete(scope, _FLEETS, left["id"])
        for scope, endpoint in self._api.store.everywhere(ENDPOINT.name):
            if deployment.interrupted(self._api, scope, endpoint):
                self._work(scope, endpoint["EndpointName"], self._start)

    def forget(self) -> None:
        """End every process, because everything is reset."""
        with self._lock:
            hosted, self._hosted = self._hosted, {}
        for (scope, _), each in hosted.items():
            self._end(scope, each)

    def close(self) -> None:
        """End every process; the records stay as they are, and ``recover`` starts them again."""
        self._closed.set()
        for each in list(self._hosted.values()):
            each.cancelled.set()
        self.forget()
        if self._flusher:
            self._flusher.join(_JOIN_SECONDS)
        self.flush()

    def _work(self, scope: AccountScope, name: str, work: deployment.EndpointWork[_Hosted]) -> None:
        with self._lock:
            hosted = self._hosted.setdefault((scope, name), _Hosted())
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush, name="serving", daemon=True)
                self._flusher.start()
        target = threading.Thread(
            target=self._guarded, args=(work, scope, name, hosted), name=f"endpoint-{name}"
        )
        target.daemon = True
        hosted.worker = target
        target.start()

    def _guarded(
        self,
        work: deployment.EndpointWork[_Hosted],
        scope: AccountScope,
        name: str,
        hosted: _Hosted,
    ) -> None:
        try:
            work(scope, name, hosted)
        except Exception as error:
            if hosted.cancelled.is_set():
                return  # deleted under way: there is nothing to say this to
            _LOG.exception("endpoint %s", name)
            deployment.failed(self._api, scope, name, f"{type(error).__name__}: {error}")

    def _start(self, scope: AccountScope, name: str, hosted: _Hosted) -> None:
        """The first fleet of an endpoint, or of this process."""
        endpoint = self._api.get(scope, ENDPOINT, name)
        try:
            started = self._fleet(scope, name, endpoint["Config"])
        except UnhealthyFleetError as error:
            deployment.failed(self._api, scope, name, str(error))
            return
        if hosted.cancelled.is_set():
            self._retire(scope, hosted.traffic, started)
            return
        hosted.traffic.serve(started)
        if endpoint["EndpointStatus"] != "InService":
            deployment.in_service(self._api, scope, name, {})

    def _fleet(self, scope: AccountScope, name: str, config: Body) -> Fleet:
        started = fleet.start(
            self._api,
            scope,
            name,
            config,
            self._folder / name,
            seconds=self.switches.health_check_seconds,
            emit=lambda stream, line: self._logs.keep(scope, name, stream, line),
        )
        key = str(id(started))
        self._api.store.put(scope, _FLEETS, key, {"id": key, "groups": started.groups})
        return started

    def _retire(
        self,
        scope: AccountScope,
        traffic: TrafficShares,
        ended: Fleet,
        *,
        seconds: float = _DRAIN_SECONDS,
    ) -> None:
        traffic.retire(ended, seconds=seconds)
        self._api.store.delete(scope, _FLEETS, str(id(ended)))

    def _end(self, scope: AccountScope, hosted: _Hosted) -> None:
        hosted.cancelled.set()
        hosted.traffic.close()
        if hosted.worker and hosted.worker is not threading.current_thread():
            hosted.worker.join(_JOIN_SECONDS)
        serving = hosted.traffic.serving
        if serving:
            self._retire(scope, hosted.traffic, serving, seconds=_LAST_DRAIN_SECONDS)

    def _flush(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            try:
                self.metrics.publish()
                self._capture.flush()
                self._logs.flush()
            except Exception:
                _LOG.exception("what endpoints said could not be written")
