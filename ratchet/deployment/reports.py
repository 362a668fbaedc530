"""What a run found out: the JSON reports of its steps and the model that it registered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ratchet.deployment.gate import Gate, Reports, gates
from ratchet.deployment.runs import RunState
from ratchet.deployment.target import Target


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """A version in the model registry."""

    arn: str
    group: str
    version: int
    approval: str
    created: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Findings:
    reports: Reports
    gates: tuple[Gate, ...]
    models: tuple[RegisteredModel, ...]


def findings(target: Target, state: RunState) -> Findings:
    """Reads the reports, decides what the gates saw, and describes the registered models."""
    reports = _reports(target, state)
    return Findings(
        reports=reports,
        gates=tuple(gates(state, reports)),
        models=tuple(_models(target, state)),
    )


def _reports(target: Target, state: RunState) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for planned in state.plan:
        step = state.step(planned.name)
        if not planned.reports or step is None or step.status != "Succeeded" or not step.job:
            continue
        job = target.client("sagemaker").describe_processing_job(ProcessingJobName=step.job[1])
        uris = {
            output["OutputName"]: output["S3Output"]["S3Uri"]
            for output in job.get("ProcessingOutputConfig", {}).get("Outputs", ())
            if "S3Output" in output
        }
        for report in planned.reports:
            if report.output in uris:
                content = _json(target, f"{uris[report.output].rstrip('/')}/{report.path}")
                if content is not None:
                    found[planned.name, report.name] = content
    return found


def _json(target: Target, uri: str) -> Any:
    """The document at an S3 URI; None when a lifecycle rule has removed it, or it is no JSON."""
    s3 = target.client("s3")
    parts = urlsplit(uri)
    try:
        body = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
        return json.loads(body)
    except (s3.exceptions.NoSuchKey, ValueError):
        return None


_GONE = {"ValidationException", "ResourceNotFound"}
"""How SageMaker answers for a model package that was deleted."""


def _models(target: Target, state: RunState) -> list[RegisteredModel]:
    from botocore.exceptions import ClientError

    found = []
    for step in state.steps:
        arn = step.metadata.get("RegisterModel", {}).get("Arn")
        if not arn:
            continue
        try:
            package = target.client("sagemaker").describe_model_package(ModelPackageName=arn)
        except ClientError as answer:
            if answer.response["Error"]["Code"] in _GONE:
                continue
            raise
        found.append(
            RegisteredModel(
                arn=arn,
                group=package.get("ModelPackageGroupName", ""),
                version=package.get("ModelPackageVersion", 0),
                approval=package.get("ModelApprovalStatus", ""),
                created=package.get("CreationTime"),
                metadata=package.get("CustomerMetadataProperties", {}),
            )
        )
    return found
