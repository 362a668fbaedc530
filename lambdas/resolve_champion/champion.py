"""The champion that a parameter names, where its model artifact is, and the newest version beside
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ratchet.loop import chains, names
from ratchet.loop.packages import MODEL_DIGEST_KEY, THRESHOLD_KEY, metadata_of
from ratchet.loop.versions import number_of

_NO_VERSION = ("Failed", "Deleting")
"""ModelPackageStatus."""


class ChampionError(Exception):
    """The parameter does not lead to a model; the message says what to type."""


@dataclass(frozen=True, kw_only=True)
class ResolvedChampion:
    """What the pipeline's `champion` step returns; a step's outputs are strings.

    `model_uri` is the model's archive, or of several containers the folder with the archive of
    each. Without a champion `package_arn`, `version` and `threshold` are "none", and `model_uri` is
    a folder that holds no model (but an object, because a processing input must not be empty).
    """

    model_uri: str
    package_arn: str
    version: str
    threshold: str = names.NONE
    """By which it was judged when it was registered; NONE where its metadata has none."""
    newest_version: str = names.NONE
    newest_digest: str = names.NONE
    newest_approval: str = names.NONE
    """Of the newest version of the group, whatever its approval: its number, what its metadata says
    of its model's bytes, and its ModelApprovalStatus. NONE where there is none that could serve."""

    def beside(self, newest: Mapping[str, Any] | None) -> ResolvedChampion:
        """The same with the newest version, as DescribeModelPackage describes it. One that
        SageMaker could not complete is none: it can never serve."""
        if newest is None or newest.get("ModelPackageStatus") in _NO_VERSION:
            return self
        return replace(
            self,
            newest_version=str(newest["ModelPackageVersion"]),
            newest_digest=metadata_of(newest).get(MODEL_DIGEST_KEY, names.NONE),
            newest_approval=newest.get("ModelApprovalStatus", names.NONE),
        )

    def outputs(self) -> dict[str, str]:
        return asdict(self)


def no_champion(uri: str) -> ResolvedChampion:
    return ResolvedChampion(model_uri=uri, package_arn=names.NONE, version=names.NONE)


def version_of(package_arn: str, *, parameter: str) -> str:
    """The version in a model package's ARN, which ends in `model-package/<group>/<version>`."""
    number = number_of(package_arn)
    if number is None:
        raise ChampionError(
            f"{parameter} is {package_arn!r}; expected the ARN of a model package version "
            f'(arn:aws:sagemaker:…:model-package/<group>/<version>) or "{names.NONE}". '
            f"{fix(parameter)}"
        )
    return str(number)


def artifacts(package: Mapping[str, Any], *, package_arn: str, parameter: str) -> list[str]:
    """Where the models of a version's containers are, in the order in which they answer."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if not containers:
        raise ChampionError(
            f"{package_arn} has no containers; expected those with the model that the candidate is "
            f"compared with. {fix(parameter)}"
        )
    uris = []
    for position, container in enumerate(containers, start=1):
        source = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
        uri = container.get("ModelDataUrl") or source
        if not uri:
            which = "" if len(containers) == 1 else f" in {chains.container_name(position)}"
            raise ChampionError(f"{package_arn} names no model artifact{which}. {fix(parameter)}")
        uris.append(uri)
    return uris


def from_package(
    package: Mapping[str, Any], *, package_arn: str, parameter: str, model_uri: str
) -> ResolvedChampion:
    """The champion as DescribeModelPackage describes it.

    Args:
        model_uri: its artifact, or the folder with those of a chain.
    """
    version = version_of(package_arn, parameter=parameter)
    return ResolvedChampion(
        model_uri=model_uri,
        package_arn=package_arn,
        version=version,
        threshold=metadata_of(package).get(THRESHOLD_KEY, names.NONE),
    )


def missing(*, package_arn: str, parameter: str) -> ChampionError:
    return ChampionError(
        f"{parameter} names {package_arn}, which does not exist (any more). {fix(parameter)}"
    )


def fix(parameter: str) -> str:
    return (
        "Name a version that exists, or none: "
        f"aws ssm put-parameter --overwrite --name {parameter} --value {names.NONE}"
    )
