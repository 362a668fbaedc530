"""A variant's container: the model's archive out of the cloud's S3, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.services import CloudServices
from ratchet.local_cloud.sagemaker.store import Scope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE
from ratchet.runner.serving import prepared
from ratchet.runner.serving.prepared import Image, Prepared
from ratchet.runner.serving.process import UnhealthyModelError

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

__all__ = ["Image", "Prepared", "image_of", "prepare"]


def image_of(api: Api, scope: Scope, model_name: str) -> Image:
    """The container behind a model, of its package where it has one."""
    return prepared.image_of(
        api.get(scope, MODEL, model_name), lambda arn: api.get(scope, MODEL_PACKAGE, arn)
    )


def prepare(api: Api, scope: Scope, model_name: str, image: Image, folder: Path) -> Prepared:
    """Unpack the model below ``folder`` and make its environment.

    Raises ``UnhealthyModelError`` when there is no archive, or none that can be unpacked.
    """

    role = api.get(scope, MODEL, model_name)["ExecutionRoleArn"]
    try:
        access = CloudServices(api, scope).of_role(role)
    except authorisation.Denied as denied:
        raise UnhealthyModelError(str(denied)) from None

    def fetch(uri: str, archive: Path) -> None:
        try:
            access.storage.download(uri, archive)
        except ClientError as error:
            raise UnhealthyModelError(
                f"Could not access model data at {uri}. Please ensure that the role {role!r} "
                f"exists and that its trust relationship policy allows the action sts:AssumeRole "
                f"for the service principal sagemaker.amazonaws.com. Also ensure that the role "
                f"has s3:GetObject permissions and that the object is located in {scope.region}. "
                f"({error})"
            ) from None

    host = access.environment
    return prepared.prepare(image, folder, fetch=fetch, region=scope.region, host=host)
