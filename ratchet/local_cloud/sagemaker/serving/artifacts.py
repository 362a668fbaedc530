"""A model's container: what it is made of, and its folder on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.serving.process import UnhealthyModelError
from ratchet.local_cloud.sagemaker.store import Body, Scope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner.container import Container

_MODEL_DIR = "/opt/ml/model"
_CODE_DIR = "/opt/ml/code"
_PROGRAM = "SAGEMAKER_PROGRAM"
_SUBMIT_DIRECTORY = "SAGEMAKER_SUBMIT_DIRECTORY"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One container of a model: image, model archive (S3 URI) and environment."""

    uri: str
    archive: str
    environment: Mapping[str, str]


def image_of(api: Api, scope: Scope, model_name: str) -> Image:
    """The container behind a model, of its package where it has one."""
    model = api.get(scope, MODEL, model_name)
    containers: list[Body] = [model["PrimaryContainer"]] if "PrimaryContainer" in model else []
    containers += model.get("Containers", [])
    container = containers[0] if containers else {}
    package_arn = container.get("ModelPackageName")
    described: Body = {}
    if package_arn:
        package = api.get(scope, MODEL_PACKAGE, package_arn)
        described = package.get("InferenceSpecification", {}).get("Containers", [{}])[0]
    source = {**described, **container}
    location = source.get("ModelDataSource", {}).get("S3DataSource", {})
    return Image(
        uri=source.get("Image", ""),
        archive=source.get("ModelDataUrl") or location.get("S3Uri", ""),
        environment={**described.get("Environment", {}), **container.get("Environment", {})},
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A container's folder, ready for its process."""

    folder: Path
    model_dir: Path
    environment: Mapping[str, str]
    container: Container

    def remove(self) -> None:
        """Delete the folder and the scratch space."""
        self.container.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare(api: Api, scope: Scope, image: Image, folder: Path) -> Prepared:
    """Unpack the model below ``folder`` and make its environment.

    Raises ``UnhealthyModelError`` when there is no archive, or none that can be unpacked.
    """
    from ratchet.runner.container import Container

    if not image.archive:
        raise UnhealthyModelError("the model has no ModelDataUrl, so there is nothing to serve")
    folder.mkdir(parents=True, exist_ok=True)
    container = Container(folder)
    model_dir = container.folder(_MODEL_DIR)
    _fetch(api, scope, image.archive, folder / "model.tar.gz", model_dir)
    given = dict(image.environment)
    given.setdefault(_PROGRAM, "inference.py")
    given.setdefault(_SUBMIT_DIRECTORY, f"{_MODEL_DIR}/code")
    if given[_SUBMIT_DIRECTORY].startswith("s3://"):
        code_dir = container.folder(_CODE_DIR)
        _fetch(api, scope, given[_SUBMIT_DIRECTORY], folder / "code.tar.gz", code_dir)
        given[_SUBMIT_DIRECTORY] = _CODE_DIR
    host = {"OMP_NUM_THREADS": "1"}  # one request at a time, and the machine has other work
    environment = {
        **container.environment(host=host, region=scope.region),
        **container.rewrite(given),
    }
    return Prepared(
        folder=folder, model_dir=model_dir, environment=environment, container=container
    )


def _fetch(api: Api, scope: Scope, uri: str, archive: Path, folder: Path) -> None:
    from ratchet.runner.archives import unpack

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        archive.write_bytes(api.cloud.read_object(scope, bucket, key, None))
    except KeyError:
        raise UnhealthyModelError(f"there is no object {uri}") from None
    try:
        unpack(archive, folder)
    except ValueError as error:
        raise UnhealthyModelError(f"{uri} cannot be unpacked: {error}") from None
    archive.unlink()
