"""The models of the public hub here (pure): stand-ins, in the schema of JumpStart's documents.

A fixture: their names say that they are no models. Only the form is AWS's: schema 2.3.0, whose
members `HubContentDocument` of aws/sagemaker-python-sdk lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.local_cloud.sagemaker.authorisation import PUBLIC_HUB

HUB = PUBLIC_HUB
CONTENT_TYPE = "Model"
"""Of all that is in the hub here; the real one has notebooks and data sets too."""
SCHEMA = "2.3.0"
CREATED = 1735689600.0  # 2025-01-01
_PUBLIC, _GATED = "jumpstart-cache-prod", "jumpstart-private-cache-prod"
_REGISTRY = "763104351884"


@dataclass(frozen=True, kw_only=True)
class StandInModel:
    """``script``: the module of ``scripts`` that serves in the model's place."""

    name: str
    version: str
    title: str
    description: str
    task: str
    data_type: str
    image: str
    instances: tuple[str, ...]
    script: str
    payload: Mapping[str, Any]
    license: str = "apache-2.0"
    eula: str | None = None

    @property
    def gated(self) -> bool:
        return self.eula is not None

    @property
    def artifact_key(self) -> str:
        return f"stand-ins/{self.name}/artifacts/inference-prepack/v{self.version}/"

    def artifact(self, region: str) -> str:
        """The S3 URI of the folder that the document names."""
        return f"s3://{_GATED if self.gated else _PUBLIC}-{region}/{self.artifact_key}"

    def arn(self, region: str) -> str:
        content = f"{HUB}/{CONTENT_TYPE}/{self.name}/{self.version}"
        return f"arn:aws:sagemaker:{region}:aws:hub-content/{content}"

    def summary(self, region: str) -> dict[str, Any]:
        """As ListHubContents answers it."""
        return {
            "HubContentName": self.name,
            "HubContentArn": self.arn(region),
            "HubContentVersion": self.version,
            "HubContentType": CONTENT_TYPE,
            "DocumentSchemaVersion": SCHEMA,
            "HubContentDisplayName": self.title,
            "HubContentDescription": self.description,
            "SupportStatus": "Supported",
            "HubContentSearchKeywords": [
                f"@task:{self.task}",
                "@provider:ratchet",
                f"@license:{self.license}",
            ],
            "HubContentStatus": "Available",
            "CreationTime": CREATED,
        }

    def described(self, region: str) -> dict[str, Any]:
        """As DescribeHubContent answers it."""
        return {
            **self.summary(region),
            "HubName": HUB,
            "HubArn": hub_arn(region),
            "HubContentMarkdown": f"{self.description}\n",
            "HubContentDocument": json.dumps(self.document(region)),
            "HubContentDependencies": [],
            "LastModifiedTime": CREATED,
        }

    def document(self, region: str) -> dict[str, Any]:
        """The document, parsed."""
        eula = {"HostingEulaUri": f"s3://{_PUBLIC}-{region}/{self.eula}"} if self.eula else {}
        return {
            "ModelTypes": ["OPEN_WEIGHTS"],
            "Url": "https://aws.amazon.com/sagemaker/jumpstart/",
            "MinSdkVersion": "2.189.0",
            "Provider": "ratchet",
            "Framework": "huggingface",
            "Task": self.task,
            "DataType": self.data_type,
            "License": self.license,
            "TrainingSupported": False,
            "IncrementalTrainingSupported": False,
            "GatedBucket": self.gated,
            "HostingEcrUri": f"{_REGISTRY}.dkr.ecr.{region}.amazonaws.com/{self.image}",
            "HostingArtifactUri": self.artifact(region),
            "HostingArtifactS3DataType": "S3Prefix",
            "HostingArtifactCompressionType": "None",
            "HostingScriptUri": f"s3://{_PUBLIC}-{region}/source-directory-tarballs/inference.tar.gz",
            "HostingUseScriptUri": False,
            **eula,
            "InferenceDependencies": [],
            "InferenceEnvironmentVariables": [
                _variable("SAGEMAKER_PROGRAM", "inference.py"),
                _variable("SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code"),
                _variable("SAGEMAKER_CONTAINER_LOG_LEVEL", "20"),
                _variable("ENDPOINT_SERVER_TIMEOUT", 3600, kind="int"),
                _variable("MODEL_CACHE_ROOT", "/opt/ml/model"),
                _variable("SAGEMAKER_ENV", "1"),
            ],
            "DefaultInferenceInstanceType": self.instances[0],
            "SupportedInferenceInstanceTypes": list(self.instances),
            "InferenceEnableNetworkIsolation": True,
            "InferenceVolumeSize": 30,
            "SageMakerSdkPredictorSpecifications": {
                "DefaultContentType": "application/json",
                "SupportedContentTypes": ["application/json"],
                "DefaultAcceptType": "application/json",
                "SupportedAcceptTypes": ["application/json"],
            },
            "DefaultPayloads": {"Example": dict(self.payload)},
            "Dependencies": [],
        }


_GENERATOR = {
    "image": "huggingface-pytorch-tgi-inference:2.4.0-tgi2.4.0-gpu-py311-cu124-ubuntu22.04-v2.1",
    "task": "text-generation",
    "data_type": "text",
    "instances": ("ml.g5.2xlarge", "ml.g5.4xlarge", "ml.g5.12xlarge"),
    "script": "forwarded",
    "payload": {
        "ContentType": "application/json",
        "PromptKey": "inputs",
        "OutputKeys": {"generated_text": "generated_text"},
        "Body": {"inputs": "Is the order complete?", "parameters": {"max_new_tokens": 64}},
    },
}

MODELS = (
    StandInModel(
        name="stand-in-text-classification",
        version="1.0.0",
        title="Stand-in: text classification",
        description=(
            "No model: the label says whether a text has one of the words bad, broken, cancelled, "
            "negative, refund, returned, wrong."
        ),
        task="text-classification",
        data_type="text",
        image="huggingface-pytorch-inference:2.1.0-transformers4.37.0-cpu-py310-ubuntu22.04",
        instances=("ml.m5.xlarge", "ml.m5.2xlarge", "ml.g5.2xlarge"),
        script="words",
        payload={
            "ContentType": "application/json",
            "PromptKey": "inputs",
            "OutputKeys": {"label": "[0].label"},
            "Body": {"inputs": "the box was broken"},
        },
    ),
    StandInModel(
        name="stand-in-text-generation",
        version="1.0.0",
        title="Stand-in: text generation",
        description="No model: the server of RATCHET_BEDROCK_URL answers in its place.",
        **_GENERATOR,  # type: ignore[arg-type]
    ),
    StandInModel(
        name="stand-in-text-generation-gated",
        version="1.1.0",
        title="Stand-in: text generation with a licence to accept",
        description=(
            "No model: the server of RATCHET_BEDROCK_URL answers in its place, once AcceptEula "
            "says that the licence is accepted."
        ),
        license="stand-in-community-licence",
        eula="fmhMetadata/eula/standInEula.txt",
        **_GENERATOR,  # type: ignore[arg-type]
    ),
)


def hub_arn(region: str) -> str:
    return f"arn:aws:sagemaker:{region}:aws:hub/{HUB}"


def model_named(name: str) -> StandInModel | None:
    return next((model for model in MODELS if model.name == name), None)


def is_of_hub(uri: str) -> bool:
    """Whether an S3 URI is in one of JumpStart's buckets."""
    return uri.startswith((f"s3://{_PUBLIC}-", f"s3://{_GATED}-"))


def is_gated(uri: str) -> bool:
    """Whether an S3 URI is in the bucket of models whose licence has to be accepted."""
    return uri.startswith(f"s3://{_GATED}-")


def model_at(uri: str, region: str) -> StandInModel | None:
    """The model whose artifact is at an S3 URI."""
    place = f"{uri.rstrip('/')}/"
    return next((model for model in MODELS if model.artifact(region) == place), None)


def _variable(name: str, default: str | int, *, kind: str = "text") -> dict[str, Any]:
    return {
        "Name": name,
        "Type": kind,
        "Default": default,
        "Scope": "container",
        "RequiredForModelClass": True,
    }
