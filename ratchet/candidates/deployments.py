"""What is made to ask a model of JumpStart, from the hub's document: the requests (pure).

Batch Transform comes first: its instances end with the job. An endpoint carries the time at which
it counts as forgotten.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ratchet.candidates.jumpstart_models import HubDocument
from ratchet.deployment.errors import DeploymentError, UsageError
from ratchet.loop.names import VARIANT
from ratchet.settings.arns import partition
from ratchet.settings.schema import Settings

CANDIDATE_TAG, ENVIRONMENT_TAG, EXPIRES_TAG = (
    "ratchet:candidate",
    "ratchet:environment",
    "ratchet:expires",
)

_DOWNLOAD_SECONDS, _STARTUP_SECONDS = 1200, 1200
"""A model of some gigabytes takes minutes to arrive and to load; AWS allows an hour of each."""
_MOST_TAG = 256


class LicenceError(DeploymentError):
    """A licence that nobody has accepted."""


@dataclass(frozen=True, kw_only=True)
class CandidateDeployment:
    """What one trial makes, all under one name."""

    name: str
    role_arn: str
    tags: Mapping[str, str]

    @property
    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


def name_prefix(settings: Settings) -> str:
    """What the names of everything that trials make in an environment begin with."""
    return f"{settings.prefix}-try-"


def role_name(settings: Settings) -> str:
    """The role that a candidate's container has: docs/guides/roles/candidates.yaml makes it."""
    return f"{settings.prefix}-candidate"


def deployment(
    settings: Settings, *, trial_id: str, candidate: str, account: str, now: datetime
) -> CandidateDeployment:
    """Name, role and tags for one trial. SageMaker's names have at most 63 characters, so a digest
    stands for the trial."""
    digest = hashlib.sha256(trial_id.encode()).hexdigest()[:10]
    expires = now + timedelta(minutes=settings.candidates.ttl_minutes)
    return CandidateDeployment(
        name=f"{name_prefix(settings)}{digest}",
        role_arn=f"arn:{partition(settings.region)}:iam::{account}:role/{role_name(settings)}",
        tags={
            **settings.tags,
            CANDIDATE_TAG: candidate[:_MOST_TAG],
            ENVIRONMENT_TAG: settings.prefix,
            EXPIRES_TAG: expires.isoformat(timespec="seconds"),
        },
    )


def create_model_request(
    document: HubDocument, deployment: CandidateDeployment, *, accept_licence: bool
) -> dict[str, Any]:
    """The arguments of CreateModel.

    Args:
        accept_licence: a person has said on the command line that they accept it.

    Raises:
        LicenceError: the model has a licence, and nobody has accepted it.
        DeploymentError: the document does not say how to serve the model.
    """
    check_servable(document)
    if document.needs_acceptance and not accept_licence:
        raise LicenceError(
            f"{document.id} has a licence that has to be accepted"
            f"{f' ({document.license})' if document.license else ''}. Read it: "
            f"{document.eula or 'its address is not in the hub'}. If you may accept it for your "
            "company: --accept-licence"
        )
    container: dict[str, Any] = {"Image": document.image, "Environment": dict(document.environment)}
    if document.artifact:
        source: dict[str, Any] = {
            "S3Uri": document.artifact_uri,
            "S3DataType": document.artifact_type,
            "CompressionType": document.compression,
        }
        if document.needs_acceptance:
            source["ModelAccessConfig"] = {"AcceptEula": True}
        container["ModelDataSource"] = {"S3DataSource": source}
    return {
        "ModelName": deployment.name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": deployment.role_arn,
        "EnableNetworkIsolation": document.isolated,
        "Tags": deployment.tag_list,
    }


def check_servable(document: HubDocument) -> None:
    """
    Raises:
        DeploymentError: Ratchet cannot serve it, with the reason.
    """
    if document.model_package:
        raise DeploymentError(
            f"{document.id} is sold through AWS Marketplace ({document.model_package}), at a price "
            "that is in no price list: it is not tried"
        )
    if not document.image:
        raise DeploymentError(f"the hub names no container image for {document.id}")
    if document.separate_script:
        raise DeploymentError(
            f"{document.id} keeps its inference script apart from its model "
            f"({document.separate_script}): only models that are packed with theirs are tried"
        )


def instance(document: HubDocument, wish: str = "") -> str:
    """The instance to serve on: the wish, or the hub's default.

    Raises:
        UsageError: the model does not run on the wish.
    """
    chosen = wish or document.default_instance
    if document.instances and chosen not in document.instances:
        raise UsageError(
            f"{document.id} does not run on {chosen or 'nothing'}; it runs on "
            f"{', '.join(document.instances)}"
        )
    return chosen


def transform_request(
    deployment: CandidateDeployment,
    *,
    instance_type: str,
    input_uri: str,
    output_uri: str,
    content_type: str = "application/jsonlines",
    accept: str = "application/jsonlines",
    key_arn: str = "",
) -> dict[str, Any]:
    """The arguments of CreateTransformJob: a request for each line of the input.

    Args:
        input_uri, output_uri: S3 URIs of a file or prefix, and of a folder.
        key_arn: encrypts what the job writes.
    """
    output = {"S3OutputPath": output_uri, "Accept": accept, "AssembleWith": "Line"}
    return {
        "TransformJobName": deployment.name,
        "ModelName": deployment.name,
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": 6,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 1},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": input_uri}},
            "ContentType": content_type,
            "SplitType": "Line",
        },
        "TransformOutput": output | ({"KmsKeyId": key_arn} if key_arn else {}),
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": 1},
        "Tags": deployment.tag_list,
    }


def endpoint_config_request(
    deployment: CandidateDeployment, *, instance_type: str
) -> dict[str, Any]:
    """The arguments of CreateEndpointConfig: one instance, which takes all requests."""
    return {
        "EndpointConfigName": deployment.name,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": deployment.name,
                "InstanceType": instance_type,
                "InitialInstanceCount": 1,
                "ModelDataDownloadTimeoutInSeconds": _DOWNLOAD_SECONDS,
                "ContainerStartupHealthCheckTimeoutInSeconds": _STARTUP_SECONDS,
            }
        ],
        "Tags": deployment.tag_list,
    }


def endpoint_request(deployment: CandidateDeployment) -> dict[str, Any]:
    """The arguments of CreateEndpoint."""
    return {
        "EndpointName": deployment.name,
        "EndpointConfigName": deployment.name,
        "Tags": deployment.tag_list,
    }
