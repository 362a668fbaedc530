"""A model's containers: what they are made of, and the folder of each on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.loop import chains
from ratchet.runner import packages
from ratchet.runner.archives import unpack
from ratchet.runner.container import Container
from ratchet.runner.errors import StepFailed
from ratchet.runner.serving.process import UnhealthyModelError
from ratchet.runner.storage import Storage

_MODEL_DIR = "/opt/ml/model"
_CODE_DIR = "/opt/ml/code"
_PROGRAM = "SAGEMAKER_PROGRAM"
_SUBMIT_DIRECTORY = "SAGEMAKER_SUBMIT_DIRECTORY"

DescribePackage = Callable[[str], Mapping[str, Any]]
Fetch = Callable[[str, Path], None]
"""(S3 URI, path): copies an object into a file, or all objects below a URI that ends with a slash
into a folder; FileNotFoundError when there is none."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One container of a model: image, model archive and environment."""

    uri: str
    archive: str
    """S3 URI of a tar.gz; of a folder with the files themselves if it ends with a slash."""
    environment: Mapping[str, str]
    name: str = chains.ALONE
    """What SageMaker calls it in errors and logs."""


def images_of(model: Mapping[str, Any], describe_package: DescribePackage) -> list[Image]:
    """The containers of a model (DescribeModel) in their order, those of a package where it names
    one.

    Args:
        describe_package: answers DescribeModelPackage for an ARN.
    """
    containers: list[Mapping[str, Any]] = (
        [model["PrimaryContainer"]] if "PrimaryContainer" in model else []
    )
    containers += model.get("Containers", [])
    sources = [
        source for container in containers for source in _sources(container, describe_package)
    ]
    return [
        _image(source, name=chains.ALONE if len(sources) == 1 else _name(source, position))
        for position, source in enumerate(sources, start=1)
    ]


def _sources(
    container: Mapping[str, Any], describe_package: DescribePackage
) -> list[Mapping[str, Any]]:
    """The container, or those of the package that it names, with what it says over them."""
    package_arn = container.get("ModelPackageName")
    if not package_arn:
        return [container]
    specification = describe_package(package_arn).get("InferenceSpecification", {})
    return [
        {
            **described,
            **container,
            "Environment": {**described.get("Environment", {}), **container.get("Environment", {})},
        }
        for described in specification.get("Containers", [{}])
    ]


def _name(source: Mapping[str, Any], position: int) -> str:
    return source.get("ContainerHostname") or chains.container_name(position)


def _image(source: Mapping[str, Any], *, name: str) -> Image:
    location = source.get("ModelDataSource", {}).get("S3DataSource", {})
    data = location.get("S3Uri", "")
    if location.get("S3DataType") == "S3Prefix" and location.get("CompressionType") == "None":
        data = f"{data.rstrip('/')}/"
    return Image(
        uri=source.get("Image", ""),
        archive=source.get("ModelDataUrl") or data,
        environment=source.get("Environment", {}),
        name=name,
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A container's folder, ready for its process."""

    folder: Path
    model_dir: Path
    environment: Mapping[str, str]
    container: Container
    python: str
    """The interpreter with the packages that the model's code needs."""

    def remove(self) -> None:
        """Delete the folder and the scratch space."""
        self.container.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare(
    image: Image,
    folder: Path,
    *,
    fetch: Fetch,
    region: str,
    host: Mapping[str, str] | None = None,
    emit: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Unpack the model below ``folder`` and make its environment; ``host`` has more variables.

    The inference toolkit installs the requirements.txt beside the model's script before it starts
    (aws/sagemaker-inference-toolkit, ``model_server.py``); here too, once for the same content.
    ``emit`` gets the lines of that.

    Raises ``UnhealthyModelError`` when there is no archive, or none that can be unpacked, or its
    packages cannot be installed.
    """
    if not image.archive:
        raise UnhealthyModelError("the model has no ModelDataUrl, so there is nothing to serve")
    folder.mkdir(parents=True, exist_ok=True)
    container = Container(folder)
    try:
        model_dir = container.folder(_MODEL_DIR)
        if image.archive.endswith("/"):
            _copied(fetch, image.archive, model_dir)
        else:
            _unpacked(fetch, image.archive, folder / "model.tar.gz", model_dir)
        settings = dict(image.environment)
        settings.setdefault(_PROGRAM, "inference.py")
        settings.setdefault(_SUBMIT_DIRECTORY, f"{_MODEL_DIR}/code")
        if settings[_SUBMIT_DIRECTORY].startswith("s3://"):
            code_dir = container.folder(_CODE_DIR)
            _unpacked(fetch, settings[_SUBMIT_DIRECTORY], folder / "code.tar.gz", code_dir)
            settings[_SUBMIT_DIRECTORY] = _CODE_DIR
        python = packages.interpreter(
            container.path(settings[_SUBMIT_DIRECTORY]),
            lambda _, line: emit(line),
            environment=container.sealed(),
            image=image.uri,
        )
    except StepFailed as error:
        container.__exit__()
        raise UnhealthyModelError(error.reason) from None
    except BaseException:
        container.__exit__()
        raise
    # One request at a time, and the machine has other work.
    variables = {"OMP_NUM_THREADS": "1", **(host or {})}
    environment = {
        **container.environment(host=variables, region=region),
        **container.rewrite(settings),
    }
    return Prepared(
        folder=folder,
        model_dir=model_dir,
        environment=environment,
        container=container,
        python=python,
    )


def fetch_from(storage: Storage) -> Fetch:
    """Fetches out of a storage."""

    def fetch(uri: str, path: Path) -> None:
        if not uri.endswith("/"):
            storage.download(uri, path)
            return
        listed = [(item.uri, item.uri.removeprefix(uri)) for item in storage.list(uri)]
        files = [(name, path / relative) for name, relative in listed if relative]
        if not files:
            raise FileNotFoundError(f"no object below {uri}")
        storage.download_all([pair for pair in files if not pair[0].endswith("/")])

    return fetch


def _copied(fetch: Fetch, uri: str, folder: Path) -> None:
    try:
        fetch(uri, folder)
    except FileNotFoundError:
        raise UnhealthyModelError(f"there is no object below {uri}") from None


def _unpacked(fetch: Fetch, uri: str, archive: Path, folder: Path) -> None:
    try:
        fetch(uri, archive)
    except FileNotFoundError:
        raise UnhealthyModelError(f"there is no object {uri}") from None
    try:
        unpack(archive, folder)
    except ValueError as error:
        raise UnhealthyModelError(f"{uri} cannot be unpacked: {error}") from None
    archive.unlink()
