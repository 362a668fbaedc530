"""Entries of the public hub, in the form of ListHubContents and DescribeHubContent, whose document
is of the schema 2.3.0."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.unit.candidates.shaped_clients import refusal

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model"
FREE, GATED, PACKAGE = (
    "huggingface-text2text-flan-t5-small",
    "meta-textgeneration-llama-3-2-1b-instruct",
    "partner-textgeneration-paid",
)


def summary(name: str, *keywords: str, **more: Any) -> dict[str, Any]:
    return {
        "HubContentName": name,
        "HubContentArn": f"{ARN}/{name}/1.2.0",
        "HubContentVersion": "1.2.0",
        "HubContentType": "Model",
        "DocumentSchemaVersion": "2.3.0",
        "HubContentDisplayName": name.replace("-", " ").title(),
        "HubContentSearchKeywords": list(keywords),
        "HubContentStatus": "Available",
        "CreationTime": CREATED,
        **more,
    }


LISTED = [
    summary(FREE, "@task:text2text generation", "@provider:huggingface"),
    summary(GATED, "@task:text generation", "@provider:meta", SupportStatus="Supported"),
    summary(PACKAGE, "@task:text generation"),
    summary("catboost-classification-model", "@task:classification", SupportStatus="Deprecated"),
    summary("xgboost-classification-model", HubContentStatus="Importing"),
    *(summary(f"tensorflow-ic-model-{n}", "@task:image classification") for n in range(120)),
]


def variable(name: str, default: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "text",
        "Default": default,
        "Scope": "container",
        "RequiredForModelClass": True,
    }


DOCUMENT: dict[str, Any] = {
    "Url": "https://huggingface.co/google/flan-t5-small",
    "MinSdkVersion": "2.189.0",
    "TrainingSupported": False,
    "IncrementalTrainingSupported": False,
    "HostingEcrUri": "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.27.0-cpu",
    "HostingArtifactUri": "s3://jumpstart-cache-prod-us-east-1/flan/artifacts/inference/v1.2.0/",
    "HostingArtifactS3DataType": "S3Prefix",
    "HostingArtifactCompressionType": "None",
    "HostingScriptUri": "s3://jumpstart-cache-prod-us-east-1/source/inference/sourcedir.tar.gz",
    "HostingUseScriptUri": False,
    "InferenceDependencies": [],
    "InferenceEnvironmentVariables": [
        variable("SAGEMAKER_PROGRAM", "inference.py"),
        variable("SAGEMAKER_MODEL_SERVER_WORKERS", 1),
        variable("ENDPOINT_SERVER_TIMEOUT", "3600"),
        variable("OPTION_TRUST_REMOTE_CODE", True),
        variable("HF_MODEL_ID", None),
    ],
    "DefaultInferenceInstanceType": "ml.m5.large",
    "SupportedInferenceInstanceTypes": ["ml.m5.large", "ml.m5.xlarge", "ml.g5.xlarge"],
    "InferenceEnableNetworkIsolation": True,
    "DefaultPayloads": {
        "hello": {
            "ContentType": "application/json",
            "PromptKey": "inputs",
            "OutputKeys": {"GeneratedText": "[0].generated_text"},
            "Body": {"inputs": "Hello"},
        }
    },
    "GatedBucket": False,
    "License": "Apache 2.0",
    "Task": "text2text generation",
    "Framework": "huggingface",
}
EULA = "s3://jumpstart-cache-prod-us-east-1/fmhMetadata/eula/llamaEula.txt"
DOCUMENTS: dict[str, dict[str, Any]] = {
    FREE: DOCUMENT,
    GATED: {
        **DOCUMENT,
        "HostingArtifactUri": "s3://jumpstart-private-cache-prod-us-east-1/meta/llama/v1.2.0/",
        "HostingEulaUri": EULA,
        "GatedBucket": True,
        "License": "Llama 3.2 Community License",
        "DefaultInferenceInstanceType": "ml.g5.xlarge",
    },
    PACKAGE: {
        **DOCUMENT,
        "HostingEcrUri": None,
        "HostingArtifactUri": None,
        "HostingModelPackageArn": "arn:aws:sagemaker:us-east-1:865070037744:model-package/paid",
    },
}


def described(name: str) -> dict[str, Any]:
    """The answer of DescribeHubContent."""
    entry = summary(name)
    for absent in ("SupportStatus",):
        entry.pop(absent, None)
    return {
        **entry,
        "HubName": "SageMakerPublicHub",
        "HubArn": "arn:aws:sagemaker:us-east-1:aws:hub/SageMakerPublicHub",
        "HubContentDocument": json.dumps(DOCUMENTS[name]),
    }


def list_hub_contents(**request: Any) -> dict[str, Any]:
    """Page by page, as many as MaxResults says."""
    start, size = int(request.get("NextToken", 0)), request["MaxResults"]
    matches = [each for each in LISTED if request.get("NameContains", "") in each["HubContentName"]]
    page = {"HubContentSummaries": matches[start : start + size]}
    return page | ({"NextToken": str(start + size)} if start + size < len(matches) else {})


def describe_hub_content(**request: Any) -> dict[str, Any]:
    if request["HubContentName"] not in DOCUMENTS:
        raise refusal("ResourceNotFound", "DescribeHubContent", "Hub content does not exist")
    return described(request["HubContentName"])
