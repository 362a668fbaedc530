"""Small models that are served: a script of ten lines in a model.tar.gz."""

from __future__ import annotations

import io
import tarfile
import textwrap
from typing import Any

from tests.local_cloud.sagemaker_calls import IMAGE, ROLE, Caller, until

SCRIPT = """
import json, sys

def model_fn(model_dir):
    print("loaded from", model_dir)
    return open(f"{model_dir}/answer.txt").read()

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    if data == "fail":
        raise ValueError("expected rows, got fail")
    if data == "crash":
        import os
        os._exit(9)
    return f"{model}:{data}"

def output_fn(prediction, accept):
    return prediction + chr(10), "text/csv"
"""
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


def archive(answer: str, script: str = SCRIPT) -> bytes:
    """A model.tar.gz whose model answers ``<answer>:<request>``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        contents = {"answer.txt": answer, "code/inference.py": textwrap.dedent(script)}
        for name, content in contents.items():
            data = content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def container(name: str) -> dict[str, Any]:
    """The container of a model at ``s3://bucket/<name>/model.tar.gz``."""
    return {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://bucket/{name}/model.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }


def variant(model: str) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
    }


def configure(call: Caller, name: str, script: str = SCRIPT, **config: Any) -> str:
    """A model and an endpoint configuration, both of this name; answers the name."""
    call.cloud.objects[f"bucket/{name}/model.tar.gz"] = archive(name, script)
    call("CreateModel", ModelName=name, PrimaryContainer=container(name), ExecutionRoleArn=ROLE)
    call(
        "CreateEndpointConfig",
        EndpointConfigName=name,
        ProductionVariants=[variant(name)],
        **config,
    )
    return name


def settled(call: Caller, endpoint: str = "e", seconds: float = 30) -> dict[str, Any]:
    """The endpoint's description once it is neither created nor updated."""

    def described() -> dict[str, Any] | None:
        found = call("DescribeEndpoint", EndpointName=endpoint)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    answer: dict[str, Any] = until(described, seconds)
    return answer
