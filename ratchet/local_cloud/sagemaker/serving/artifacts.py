"""A variant's container: the model's archive out of the cloud's S3, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.store import Scope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE
from ratchet.runner.serving import prepared
from ratchet.runner.serving.prepared import Image, Prepared

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

__all__ = ["Image", "Prepared", "image_of", "prepare"]


def image_of(api: Api, scope: Scope, model_name: str) -> Image:
    """The container behind a model, of its package where it has one."""
    return prepared.image_of(
        api.get(scope, MODEL, model_name), lambda arn: api.get(scope, MODEL_PACKAGE, arn)
    )


def prepare(api: Api, scope: Scope, image: Image, folder: Path) -> Prepared:
    """Unpack the model below ``folder`` and make its environment.

    Raises ``UnhealthyModelError`` when there is no archive, or none that can be unpacked.
    """

    def fetch(uri: str, archive: Path) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            archive.write_bytes(api.cloud.read_object(scope, bucket, key, None))
        except KeyError:
            raise FileNotFoundError(uri) from None

    return prepared.prepare(image, folder, fetch=fetch, region=scope.region)
