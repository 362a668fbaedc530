"""One update of an endpoint: the new fleet beside the old one, traffic step by step, or back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.serving.fleet import Fleet, UnhealthyFleetError
from ratchet.local_cloud.sagemaker.serving.rollout import Rollout
from ratchet.local_cloud.sagemaker.serving.traffic import TrafficShares
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import ENDPOINT

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
_POLL_SECONDS = 0.1
_INTERRUPTED = "The local cloud was ended during the update; the endpoint serves as before it."

_Host = TypeVar("_Host", contravariant=True)


class EndpointWork(Protocol[_Host]):
    """The work on an endpoint in its own thread."""

    def __call__(self, scope: AccountScope, name: str, hosted: _Host, /) -> None: ...


class _AlarmError(Exception):
    """An alarm ends the update with the old fleet; the message names it."""


class Deployment:
    """Runs in the calling thread; ``cancelled`` ends it where it is."""

    def __init__(
        self,
        api: Api,
        scope: AccountScope,
        name: str,
        *,
        traffic: TrafficShares,
        cancelled: threading.Event,
        start: Callable[[], Fleet],
        retire: Callable[[Fleet], None],
        publish: Callable[[], None],
        time_scale: float,
    ) -> None:
        self._api = api
        self._scope = scope
        self._name = name
        self._traffic = traffic
        self._cancelled = cancelled
        self._start = start
        self._retire = retire
        self._publish = publish
        self._time_scale = time_scale

    def run(self, config: Body, plan: Rollout, settings: Body | None) -> None:
        """Update the endpoint to ``config``, or leave it as it was with a FailureReason."""
        old = self._traffic.serving
        self._note("Creating")
        try:
            new = self._start()
        except UnhealthyFleetError as error:
            self._rolled_back(str(error))
            return
        try:
            self._shift(new, plan)
        except BaseException as error:
            if old:
                self._traffic.serve(old)
            self._retire(new)
            if not isinstance(error, _AlarmError):
                raise
            self._rolled_back(str(error))
            return
        self._traffic.serve(new)
        self._cancelled.wait(plan.termination_seconds * self._time_scale)
        if old:
            self._retire(old)
        if not self._cancelled.is_set():
            in_service(self._api, self._scope, self._name, deployed(config, settings))

    def _shift(self, new: Fleet, plan: Rollout) -> None:
        for step in plan.steps:
            self._note("ActivatingTraffic")
            self._traffic.share(new, step.share)
            self._note("Baking")
            self._bake(step.bake_seconds, plan.alarms)

    def _bake(self, seconds: float, alarms: tuple[str, ...]) -> None:
        """Watch the alarms for the time, and once more at its end with all metrics published."""
        deadline = time.monotonic() + seconds * self._time_scale
        while True:
            over = time.monotonic() >= deadline
            if over:
                self._publish()
            states = self._api.cloud.alarm_states(self._scope, alarms) if alarms else {}
            raised = [name for name, state in states.items() if state == "ALARM"]
            if raised:
                changes = {"EndpointStatus": "RollingBack"}
                _changed(self._api, self._scope, self._name, changes)
                raise _AlarmError(
                    "The deployment was rolled back: alarms of the AutoRollbackConfiguration are "
                    f"in ALARM state: [{', '.join(raised)}]."
                )
            if over or self._cancelled.wait(min(_POLL_SECONDS, deadline - time.monotonic())):
                return

    def _rolled_back(self, reason: str) -> None:
        """The endpoint configuration's name stays the old one: so it is told from a success."""
        if self._cancelled.is_set():
            return
        changes = {"EndpointStatus": "InService", "PendingDeploymentSummary": None}
        _changed(self._api, self._scope, self._name, {**changes, "FailureReason": reason})

    def _note(self, status: str) -> None:
        """Show what is being done, in the new variants' status."""
        endpoint = self._api.get(self._scope, ENDPOINT, self._name)
        pending = endpoint.get("PendingDeploymentSummary") or {}
        shown = [{"Status": status, "StartTime": self._api.now()}]
        variants = [
            {**variant, "VariantStatus": shown} for variant in pending.get("ProductionVariants", [])
        ]
        changes = {"PendingDeploymentSummary": {**pending, "ProductionVariants": variants}}
        self._api.change(self._scope, ENDPOINT, self._name, changes)


def deployed(config: Body, settings: Body | None) -> Body:
    """The members of an endpoint's record that say what it runs."""
    capture = config.get("DataCaptureConfig")
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "Config": config,
        "ProductionVariants": [shown(variant) for variant in config["ProductionVariants"]],
        "DataCaptureConfig": _capture(capture) if capture else None,
        "LastDeploymentConfig": settings,
    }


def pending(api: Api, config: Body) -> Body:
    """``PendingDeploymentSummary`` of an update that begins."""
    variants = [
        {**shown(variant), "InstanceType": variant.get("InstanceType")}
        for variant in config["ProductionVariants"]
    ]
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "ProductionVariants": [
            {key: value for key, value in variant.items() if value is not None}
            for variant in variants
        ],
        "StartTime": api.now(),
    }


def shown(variant: Body) -> Body:
    """A production variant as Describe shows it."""
    weight = variant.get("InitialVariantWeight", 1.0)
    summary: dict[str, Any] = {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
    count = variant.get("InitialInstanceCount")
    if count is not None:
        summary |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
    if "ServerlessConfig" in variant:
        summary["CurrentServerlessConfig"] = variant["ServerlessConfig"]
    return summary


def in_service(api: Api, scope: AccountScope, name: str, changes: Body) -> None:
    """The endpoint serves, and no failure is left to tell of."""
    settled = {"EndpointStatus": "InService", "FailureReason": None}
    _changed(api, scope, name, {**settled, "PendingDeploymentSummary": None, **changes})


def failed(api: Api, scope: AccountScope, name: str, reason: str) -> None:
    """The endpoint does not serve, for this reason."""
    changes = {"EndpointStatus": "Failed", "PendingDeploymentSummary": None}
    _changed(api, scope, name, {**changes, "FailureReason": reason})


def interrupted(api: Api, scope: AccountScope, endpoint: Body) -> bool:
    """Settle what an earlier process left half done; whether there is something to serve."""
    status = endpoint["EndpointStatus"]
    if status in ("Updating", "RollingBack"):
        changes = {"EndpointStatus": "InService", "PendingDeploymentSummary": None}
        _changed(api, scope, endpoint["EndpointName"], {**changes, "FailureReason": _INTERRUPTED})
    return bool(status != "Failed")


def _changed(api: Api, scope: AccountScope, name: str, changes: Body) -> None:
    with api.store.transaction():
        events.endpoint_changed(api, scope, api.change(scope, ENDPOINT, name, changes))


def _capture(config: Body) -> Body:
    enabled = config.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
