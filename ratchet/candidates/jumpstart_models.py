"""The models of SageMaker JumpStart's public hub, and what a hub's document says of one.

The document is JSON of the schema 2.x, as the SageMaker SDK's `HubModelDocument` reads it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListHubContents.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHubContent.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from ratchet.deployment.errors import DeploymentError, UnknownNameError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

HUB = "SageMakerPublicHub"
_MODEL: Literal["Model"] = "Model"
_AVAILABLE, _PAGE = "Available", 100
_NOT_THERE = frozenset({"ResourceNotFound", "ResourceNotFoundException"})


@dataclass(frozen=True, kw_only=True)
class JumpStartModel:
    """An entry of the hub's list."""

    id: str
    version: str
    title: str
    keywords: tuple[str, ...]
    """Among them `@task:…`, `@provider:…` and the like."""
    deprecated: bool

    @property
    def task(self) -> str:
        return self._keyword("task")

    @property
    def provider(self) -> str:
        """As the hub says it, or else the framework that the id begins with."""
        return self._keyword("provider") or self.id.partition("-")[0]

    def _keyword(self, name: str) -> str:
        begins = f"@{name}:"
        return next((each[len(begins) :] for each in self.keywords if each.startswith(begins)), "")

    def is_for(self, task: str) -> bool:
        """Whether its task has all these words: "text-generation" is "Text Generation"."""
        return _words(task) <= _words(self.task)

    def is_about(self, word: str) -> bool:
        """Whether id, title or a keyword has this word."""
        texts = (self.id, self.title, *self.keywords)
        return any(word.lower() in text.lower() for text in texts)


@dataclass(frozen=True, kw_only=True)
class HubDocument:
    """What is needed to serve a model of the hub."""

    id: str
    version: str
    title: str
    arn: str
    """Of the hub's content."""
    image: str
    """"": the model is sold as a model package and has no image."""
    artifact: str
    """S3 URI of the model's files; "": the image has everything."""
    artifact_type: str
    compression: str
    """As CreateModel's S3DataSource names them."""
    environment: Mapping[str, str]
    license: str
    eula: str
    """Where the licence is to be read; "": there is none to accept."""
    gated: bool
    """Whether the files are given out only to whoever accepts the licence."""
    task: str
    default_instance: str
    instances: tuple[str, ...]
    isolated: bool
    """Whether its container runs without a network."""
    payloads: Mapping[str, Any]
    """Example requests by name."""
    model_package: str
    """ARN of what the Marketplace sells in place of an image."""
    separate_script: str
    """S3 URI of an inference script that is not packed with the model; "": it is."""

    @property
    def artifact_uri(self) -> str:
        """As CreateModel takes it: a prefix ends with a slash."""
        slash = "/" if self.artifact_type == "S3Prefix" and not self.artifact.endswith("/") else ""
        return self.artifact + slash

    @property
    def needs_acceptance(self) -> bool:
        return bool(self.eula) or self.gated


def listed(sagemaker: SageMakerClient, *, name: str = "") -> Iterator[JumpStartModel]:
    """The models of the hub that can be used, page by page.

    Args:
        name: only those whose id has this in it, which the hub itself looks for.

    Raises:
        ClientError: SageMaker refuses.
    """
    asked: dict[str, Any] = {"HubName": HUB, "HubContentType": _MODEL, "MaxResults": _PAGE}
    if name:
        asked["NameContains"] = name
    while True:
        answer = sagemaker.list_hub_contents(**asked)
        for summary in answer["HubContentSummaries"]:
            if summary["HubContentStatus"] == _AVAILABLE:
                yield _entry(summary)
        if not (token := answer.get("NextToken")):
            return
        asked["NextToken"] = token


def described(sagemaker: SageMakerClient, model_id: str) -> HubDocument:
    """The document of a model's newest version.

    Raises:
        UnknownNameError: the hub has no such model.
        DeploymentError: its document cannot be read.
        ClientError: SageMaker refuses.
    """
    try:
        answer = sagemaker.describe_hub_content(
            HubName=HUB, HubContentType=_MODEL, HubContentName=model_id
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            raise UnknownNameError(f"JumpStart has no model {model_id!r}") from None
        raise
    return read(answer)


def read(answer: Mapping[str, Any]) -> HubDocument:
    """An answer of DescribeHubContent.

    Raises:
        DeploymentError: its document is no JSON object.
    """
    try:
        document = json.loads(answer["HubContentDocument"])
        if not isinstance(document, dict):
            raise ValueError("no object")
    except ValueError as error:
        raise DeploymentError(
            f"the document of {answer['HubContentName']} in {HUB} cannot be read: {error}"
        ) from None
    prepacked = document.get("HostingPrepackedArtifactUri") or ""
    script = document.get("HostingScriptUri") or ""
    script_needed = document.get("HostingUseScriptUri", True)  # the SDK's default
    artifact = prepacked or document.get("HostingArtifactUri") or ""
    packed = artifact.endswith(".tar.gz")
    return HubDocument(
        id=answer["HubContentName"],
        version=answer["HubContentVersion"],
        title=answer.get("HubContentDisplayName") or answer["HubContentName"],
        arn=answer["HubContentArn"],
        image=document.get("HostingEcrUri") or "",
        artifact=artifact,
        artifact_type=document.get("HostingArtifactS3DataType")
        or ("S3Object" if packed else "S3Prefix"),
        compression=document.get("HostingArtifactCompressionType")
        or ("Gzip" if packed else "None"),
        environment=_environment(document),
        license=document.get("License") or "",
        eula=document.get("HostingEulaUri") or "",
        gated=bool(document.get("GatedBucket")),
        task=document.get("Task") or "",
        default_instance=document.get("DefaultInferenceInstanceType") or "",
        instances=tuple(document.get("SupportedInferenceInstanceTypes") or ()),
        isolated=bool(document.get("InferenceEnableNetworkIsolation")),
        payloads=document.get("DefaultPayloads") or {},
        model_package=document.get("HostingModelPackageArn") or "",
        separate_script="" if prepacked or not script_needed else script,
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def _environment(document: Mapping[str, Any]) -> dict[str, str]:
    """The variables of the container, with their defaults as text."""
    return {
        each["Name"]: _text(each["Default"])
        for each in document.get("InferenceEnvironmentVariables") or ()
        if each.get("Default") is not None
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _entry(summary: Mapping[str, Any]) -> JumpStartModel:
    return JumpStartModel(
        id=summary["HubContentName"],
        version=summary["HubContentVersion"],
        title=summary.get("HubContentDisplayName") or "",
        keywords=tuple(summary.get("HubContentSearchKeywords") or ()),
        deprecated=summary.get("SupportStatus") == "Deprecated",
    )
