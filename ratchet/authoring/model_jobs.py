"""Arguments of the SageMaker API calls about a model, in SageMaker's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.authoring.jobs import Input, JobSettings, encrypted, variables_of
from ratchet.authoring.variables import Operand, text
from ratchet.loop import chains

_MODEL_CODE = "/opt/ml/model/code"
_DEFAULT_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
_CONTENT_TYPES = ["text/csv", "application/json", "application/jsonlines"]


def transform_job(
    settings: JobSettings,
    *,
    model: Operand,
    data: Operand | Input,
    output_uri: Operand,
    content_type: str,
    accept: str,
    split: bool,
    batch: str,
    payload_mb: int | None,
) -> dict[str, Any]:
    """CreateTransformJob; with `split`, a line is a record, and so it is in the output."""
    source = data if isinstance(data, Input) else Input(data)
    job: dict[str, Any] = {
        "ModelName": model,
        "BatchStrategy": batch,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": source.type, "S3Uri": source.uri}},
            "ContentType": content_type,
            "SplitType": "Line" if split else "None",
        },
        "TransformOutput": {
            "S3OutputPath": output_uri,
            "Accept": accept,
            "AssembleWith": "Line" if split else "None",
            **encrypted(settings.output_key_arn),
        },
        "TransformResources": {
            "InstanceType": settings.compute.instance_type,
            "InstanceCount": settings.compute.instance_count,
        },
    }
    if payload_mb is not None:
        job["MaxPayloadInMB"] = payload_mb
    return {**job, **variables_of(settings)}


Artifacts = Operand | Sequence[Operand]
"""The URI of a model.tar.gz; several are those of a chain of containers, in their order."""


def listed(artifacts: Artifacts) -> list[Operand]:
    if isinstance(artifacts, str) or not isinstance(artifacts, Sequence):
        return [artifacts]
    return [*artifacts]


def model_containers(
    artifacts: Sequence[Operand], images: Sequence[str], inference: str
) -> list[dict[str, Any]]:
    """Containers that serve artifacts, each with the script in its `code/`.

    Those before the last answer as judging asks them to, which is by `Accept`: at an endpoint they
    get none, and the toolkit's default is JSON.
    """
    containers: list[dict[str, Any]] = [
        {
            "Image": image,
            "ModelDataUrl": artifact,
            "Environment": {
                "SAGEMAKER_PROGRAM": inference,
                "SAGEMAKER_SUBMIT_DIRECTORY": _MODEL_CODE,
            },
        }
        for artifact, image in zip(artifacts, images, strict=True)
    ]
    for container in containers[:-1]:
        container["Environment"][_DEFAULT_ACCEPT] = chains.BETWEEN_CONTAINERS
    return containers


def model_package(
    *,
    group: str,
    containers: Sequence[Mapping[str, Any]],
    approval: str,
    metrics: Mapping[str, Mapping[str, Operand]],
    baselines: Mapping[str, Mapping[str, Operand]],
    metadata: Mapping[str, Operand],
    description: Operand | None,
) -> dict[str, Any]:
    """CreateModelPackage: a version that serves with the `code/` inside its artifacts.

    `metrics` and `baselines`: ModelQuality, ModelDataQuality … → Statistics, Constraints → URI.
    """
    package: dict[str, Any] = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": list(containers),
            "SupportedContentTypes": _CONTENT_TYPES,
            "SupportedResponseMIMETypes": _CONTENT_TYPES,
        },
    }
    if description is not None:
        package["ModelPackageDescription"] = text(description)
    if metrics:
        package["ModelMetrics"] = _sources(metrics)
    if baselines:
        package["DriftCheckBaselines"] = _sources(baselines)
    if metadata:
        package["CustomerMetadataProperties"] = {
            key: text(value) for key, value in metadata.items()
        }
    return package


def _sources(documents: Mapping[str, Mapping[str, Operand]]) -> dict[str, Any]:
    return {
        kind: {
            role: {"ContentType": "application/json", "S3Uri": uri} for role, uri in uris.items()
        }
        for kind, uris in documents.items()
    }
