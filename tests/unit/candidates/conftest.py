"""A target whose clients answer as AWS does, in botocore's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ratchet.deployment.target.environment import Target
from ratchet.project import Project
from tests.projects import REQUIRED, small_project
from tests.unit.candidates import hub_contents, listed_models
from tests.unit.candidates.shaped_clients import refusal, shaped_client
from tests.unit.costs import token_products


@dataclass
class Aws:
    """What AWS answers, and what it was asked."""

    bedrock: dict[str, Any] = field(default_factory=dict)
    sagemaker: dict[str, Any] = field(default_factory=dict)
    pricing: dict[str, Any] = field(default_factory=dict)
    ssm: dict[str, Any] = field(default_factory=dict)
    s3: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        return [request for name, request in self.calls if name == operation]


def availability(modelId: str, **states: str) -> dict[str, Any]:  # noqa: N803
    """An answer of GetFoundationModelAvailability; without a word a model may be used."""
    return {
        "modelId": modelId,
        "agreementAvailability": {"status": states.get("agreement", "AVAILABLE")},
        "authorizationStatus": states.get("authorization", "AUTHORIZED"),
        "entitlementAvailability": states.get("entitlement", "AVAILABLE"),
        "regionAvailability": states.get("region", "AVAILABLE"),
    }


def _raise(error: Exception) -> Any:
    raise error


@pytest.fixture
def aws() -> Aws:
    products = token_products.answers()
    return Aws(
        bedrock={
            "ListFoundationModels": {"modelSummaries": listed_models.SUMMARIES},
            "ListInferenceProfiles": {"inferenceProfileSummaries": listed_models.PROFILES},
            "GetFoundationModelAvailability": availability,
        },
        sagemaker={
            "ListHubContents": hub_contents.list_hub_contents,
            "DescribeHubContent": hub_contents.describe_hub_content,
        },
        pricing={
            "GetProducts": lambda **asked: {"PriceList": products.get(asked["ServiceCode"], [])}
        },
        ssm={
            "GetParameter": lambda **asked: _raise(refusal("ParameterNotFound", "GetParameter")),
            "GetParametersByPath": {"Parameters": []},
        },
    )


@pytest.fixture
def target(aws: Aws, tmp_path: Path) -> Target:
    """An environment on AWS, in us-east-1, of which nothing is deployed."""
    base = REQUIRED.replace("eu-west-1", "us-east-1")
    files = {"config/base.toml": base}
    project = Project(small_project(tmp_path / "project", "flights", files=files))
    target = Target(
        project=project,
        settings=project.settings("dev"),
        account="123456789012",
        region="us-east-1",
        endpoint=None,
        folder=None,
        session=None,  # type: ignore[arg-type]  # every client is there already
        variables={},
    )
    for service in ("bedrock", "sagemaker", "pricing", "ssm", "s3"):
        answers = getattr(aws, service)
        target._clients[service] = shaped_client(service, answers, calls=aws.calls)
    return target
