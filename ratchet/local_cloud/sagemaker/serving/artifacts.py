"""A variant's containers: the archive of each out of the cloud's S3, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import service_side
from ratchet.local_cloud.sagemaker.hub.artifacts import with_hub
from ratchet.local_cloud.sagemaker.service_side import ServiceWork
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import MODEL_PACKAGE
from ratchet.runner import Refused
from ratchet.runner.serving import prepared
from ratchet.runner.serving.prepared import Image, Prepared

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

__all__ = ["Image", "ModelDataError", "Prepared", "images_of", "prepare", "work_of"]


class ModelDataError(Exception):
    """The model's role may not read its archive; the message is SageMaker's."""


def images_of(api: Api, scope: AccountScope, model: Body) -> list[Image]:
    """The containers of a model (DescribeModel, or a CreateModel request), those of its package
    where it has one."""
    return prepared.images_of(model, lambda arn: api.get(scope, MODEL_PACKAGE, arn))


def work_of(api: Api, scope: AccountScope, model: Body) -> ServiceWork:
    """What is done as the role of a model (DescribeModel, or a CreateModel request)."""
    return service_side.model_work(model, images_of(api, scope, model))


def prepare(
    api: Api,
    scope: AccountScope,
    model: Body,
    image: Image,
    folder: Path,
    *,
    emit: Callable[[str], None],
) -> Prepared:
    """Unpack the model below ``folder`` and make its environment; ``emit`` gets a line of each
    package that is installed for it.

    Raises ``UnhealthyModelError`` when there is no archive, or none that can be unpacked, and
    ``ModelDataError`` when the model's role may not read it.
    """
    role = model["ExecutionRoleArn"]
    copy = prepared.fetch_from(with_hub(api.cloud.storage(scope, role), scope, api.switches))

    def fetch(uri: str, path: Path) -> None:
        try:
            copy(uri, path)
        except Refused as error:
            raise ModelDataError(no_access(scope, role, uri, str(error))) from None

    host = api.roles.environment(scope, role)
    return prepared.prepare(image, folder, fetch=fetch, region=scope.region, host=host, emit=emit)


def no_access(scope: AccountScope, role: str, uri: str, reason: str) -> str:
    """SageMaker's words for model data that it cannot read, with the reason that S3 gives."""
    return (
        f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and '
        'that its trust relationship policy allows the action "sts:AssumeRole" for the service '
        'principal "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" '
        f"permissions and that the object is located in {scope.region}. ({reason})"
    )
