"""The processes behind one endpoint configuration: one for each production variant.

On AWS a variant has as many instances as its configuration says; here the number is recorded and
one process serves, or one for each container of the model.
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import services
from ratchet.local_cloud.sagemaker.service_side import LOG_LOST
from ratchet.local_cloud.sagemaker.serving import artifacts
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import MODEL
from ratchet.loop.chains import ALONE
from ratchet.runner import Refused
from ratchet.runner.serving.process import UnhealthyModelError
from ratchet.runner.serving.served import ServedContainers, is_direct, serve

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

_LOG = logging.getLogger("ratchet.serving")

Emit = Callable[[str, str], None]  # (log stream, line)


class UnhealthyFleetError(Exception):
    """A variant is not healthy; the message is the endpoint's FailureReason."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A production variant that is served."""

    name: str
    weight: float
    role: str
    log_stream: str
    served: ServedContainers

    def stream_of(self, container: str) -> str:
        """The log stream of one of its containers."""
        return _stream(self.log_stream, container)


class Fleet:
    """Started and healthy once ``start`` has returned; ``stop`` ends it."""

    def __init__(self, config: Body, variants: list[Variant]) -> None:
        self.config = config
        self.variants = variants
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def config_name(self) -> str:
        """The endpoint configuration that it serves."""
        name: str = self.config["EndpointConfigName"]
        return name

    @property
    def groups(self) -> list[Body]:
        """The process groups, as ``recovery.end_group`` takes them, each with its folder."""
        return [group for variant in self.variants for group in variant.served.groups]

    def choose(self, target: str | None) -> Variant | None:
        """The variant named, or one by the weights; None where there is none of that name."""
        if target is not None:
            return next((each for each in self.variants if each.name == target), None)
        if len(self.variants) == 1:
            return self.variants[0]
        weights = [variant.weight for variant in self.variants]
        return random.choices(self.variants, weights)[0]  # noqa: S311 - traffic, not secrets

    def stop(self) -> None:
        """End the processes and remove their folders; a second call does nothing."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        for variant in self.variants:
            variant.served.stop()


def start(
    api: Api,
    scope: AccountScope,
    endpoint: str,
    config: Body,
    folder: Path,
    *,
    seconds: float,
    emit: Emit,
) -> Fleet:
    """A healthy fleet of ``config``; raises ``UnhealthyFleetError`` and leaves nothing running."""
    variants: list[Variant] = []
    for described in config["ProductionVariants"]:
        name = described["VariantName"]
        try:
            instance = f"i-{uuid.uuid4().hex[:17]}"
            stream = f"{name}/{instance}"
            silent = _lacks_log(api, scope, endpoint, config, described, stream)
            receiver = _unheard if silent else emit
            variants.append(
                _start_variant(api, scope, described, folder / instance, stream, seconds, receiver)
            )
        except (Refused, artifacts.ModelDataError) as error:
            Fleet(config, variants).stop()
            raise UnhealthyFleetError(str(error)) from None
        except UnhealthyModelError as error:
            Fleet(config, variants).stop()
            raise UnhealthyFleetError(
                f"The {error.container or ALONE} container for production variant {name} did not "
                "pass the ping health check. Please check CloudWatch logs for this endpoint. "
                f"({error.reason})"
            ) from None
    return Fleet(config, variants)


def _lacks_log(
    api: Api, scope: AccountScope, endpoint: str, config: Body, described: Body, stream: str
) -> bool:
    """Do what comes before a variant's container, as its model's role; raises ``Refused``.

    Answers whether the container has to go on without its log.
    """
    if "ModelName" not in described:
        raise UnhealthyModelError("the variant names no model")
    work = artifacts.work_of(api, scope, api.get(scope, MODEL, described["ModelName"]))
    work = replace(work, volume_key=config.get("KmsKeyId"))
    losses = services.start(api, scope, work, "CreateEndpoint", f"Endpoints/{endpoint}", stream)
    for loss in losses:
        _LOG.warning("endpoint %s, variant %s: %s", endpoint, described["VariantName"], loss)
    return any(loss.startswith(LOG_LOST) for loss in losses)


def _unheard(stream: str, line: str) -> None:
    """The log of a container whose role may not write one."""


def _start_variant(
    api: Api,
    scope: AccountScope,
    described: Body,
    folder: Path,
    stream: str,
    seconds: float,
    emit: Emit,
) -> Variant:
    model = api.get(scope, MODEL, described["ModelName"])

    def prepare(image: artifacts.Image, place: Path) -> artifacts.Prepared:
        log = _stream(stream, image.name)
        return artifacts.prepare(api, scope, model, image, place, emit=lambda line: emit(log, line))

    served = serve(
        artifacts.images_of(api, scope, model),
        folder,
        prepare=prepare,
        emit=lambda container, line: emit(_stream(stream, container), line),
        seconds=seconds,
        direct=is_direct(model),
    )
    return Variant(
        name=described["VariantName"],
        weight=described.get("InitialVariantWeight", 1.0),
        role=model["ExecutionRoleArn"],
        log_stream=stream,
        served=served,
    )


def _stream(variant_stream: str, container: str) -> str:
    """Developer guide, "Log groups and streams": one of several containers has one of its own."""
    return variant_stream if container == ALONE else f"{variant_stream}/{container}"
