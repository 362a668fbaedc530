"""A small pipeline workbench: write scripts, put data, run definitions, look at what happened."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ratchet.runner import (
    Access,
    Callbacks,
    FolderStorage,
    Identity,
    LambdaFailed,
    Result,
    StepCache,
    StepRecord,
    StopSignal,
    run,
)

PIPELINE_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/flights-dev-training"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def get(text: str) -> dict[str, str]:
    return {"Get": text}


def join(*values: Any, on: str = "") -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def output_uri(step: str, output: str) -> dict[str, str]:
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")


def json_get(step: str, file: str, path: Any) -> dict[str, Any]:
    source = get(f"Steps.{step}.PropertyFiles.{file}")
    return {"Std:JsonGet": {"PropertyFile": source, "Path": path}}


def python(code: str) -> list[str]:
    """An entry point that runs Python code."""
    return ["python3", "-c", textwrap.dedent(code)]


def processing(
    name: str,
    entrypoint: Sequence[Any],
    *,
    arguments: Sequence[Any] = (),
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] = (),
    environment: Mapping[str, Any] | None = None,
    cached: bool = False,
    depends_on: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """A processing step. Inputs are URIs, or whole S3Input objects."""
    step: dict[str, Any] = {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "RoleArn": "arn:aws:iam::123456789012:role/steps",
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": list(entrypoint)},
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 30,
                }
            },
            "ProcessingInputs": [
                {"InputName": key, "S3Input": _input(key, value)}
                for key, value in (inputs or {}).items()
            ],
            "ProcessingOutputConfig": {"Outputs": [_output(name, key) for key in outputs]},
        },
        **more,
    }
    if arguments:
        step["Arguments"]["AppSpecification"]["ContainerArguments"] = list(arguments)
    if environment:
        step["Arguments"]["Environment"] = dict(environment)
    if cached:
        step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P30D"}
    if depends_on:
        step["DependsOn"] = list(depends_on)
    return step


def _input(name: str, value: Any) -> dict[str, Any]:
    source = {
        "LocalPath": f"/opt/ml/processing/input/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    if isinstance(value, Mapping) and "S3Uri" in value:
        return {**source, **value}
    return {**source, "S3Uri": value}


def _output(step: str, name: str) -> dict[str, Any]:
    uri = join("s3://artifacts/runs", get("Execution.PipelineExecutionId"), step, name, on="/")
    target = {"LocalPath": f"/opt/ml/processing/output/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": {**target, "S3Uri": uri}}


def training(
    name: str,
    *,
    code: str,
    channels: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    program: str = "train.py",
    cached: bool = False,
    algorithm: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A training step by a program of a code bundle at the URI `code`."""
    step: dict[str, Any] = {
        "Name": name,
        "Type": "Training",
        "Arguments": {
            "RoleArn": "arn:aws:iam::123456789012:role/steps",
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                **(algorithm or {}),
            },
            "HyperParameters": {
                **(hyperparameters or {}),
                "sagemaker_program": program,
                "sagemaker_submit_directory": code,
            },
            "InputDataConfig": [
                {
                    "ChannelName": key,
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": value}},
                }
                for key, value in (channels or {}).items()
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models"},
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.xlarge",
                "VolumeSizeInGB": 30,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
        **more,
    }
    if cached:
        step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P30D"}
    return step


def condition(
    name: str,
    *conditions: Mapping[str, Any],
    then: Sequence[Any] = (),
    otherwise: Sequence[Any] = (),
    **more: Any,
) -> dict[str, Any]:
    arguments = {
        "Conditions": list(conditions),
        "IfSteps": list(then),
        "ElseSteps": list(otherwise),
    }
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


def fail(name: str, message: Any, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **more}


def invoke(name: str, outputs: Mapping[str, str], **arguments: Any) -> dict[str, Any]:
    """A Lambda step; outputs map names to types."""
    return {
        "Name": name,
        "Type": "Lambda",
        "FunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}",
        "Arguments": arguments,
        "OutputParameters": [
            {"OutputName": key, "OutputType": value} for key, value in outputs.items()
        ],
    }


def callback(name: str, outputs: Mapping[str, str], **arguments: Any) -> dict[str, Any]:
    """A Callback step; outputs map names to types."""
    return {
        "Name": name,
        "Type": "Callback",
        "SqsQueueUrl": f"https://queues/{name}",
        "Arguments": arguments,
        "OutputParameters": [
            {"OutputName": key, "OutputType": value} for key, value in outputs.items()
        ],
    }


def register(name: str = "register", **more: Any) -> dict[str, Any]:
    arguments = {
        "ModelPackageGroupName": "flights-dev",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://m"}]},
        "Tags": [],
    }
    return {"Name": name, "Type": "RegisterModel", "Arguments": arguments, **more}


def retried(*kinds: str, **more: Any) -> dict[str, Any]:
    """A RegisterModel step with one retry policy for these exception types."""
    return register(RetryPolicies=[{"ExceptionType": list(kinds), "IntervalSeconds": 1, **more}])


def definition(
    *steps: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": list(parameters),
        "Steps": list(steps),
        **more,
    }


class FakeServices:
    """Functions are Python callables by the last part of their ARN."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.registered: list[dict[str, Any]] = []
        self.registration_errors: list[Exception] = []
        self.models: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.callbacks = Callbacks()
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.on_message: Callable[[dict[str, Any]], None] = lambda _: None

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Everybody may make everything."""

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        return Access()

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        name = function_arn.rpartition(":")[2]
        if name not in self.functions:
            raise LambdaFailed(f"no function {name}")
        return self.functions[name](payload)

    def send_message(self, queue_url: str, body: str) -> None:
        message = json.loads(body)
        self.messages.append((queue_url, message))
        self.on_message(message)

    def register_model(self, arguments: dict[str, Any]) -> str:
        if self.registration_errors:
            raise self.registration_errors.pop(0)
        self.registered.append(arguments)
        group = arguments["ModelPackageGroupName"]
        arn = PIPELINE_ARN.replace("pipeline/flights-dev-training", f"model-package/{group}")
        return f"{arn}/{len(self.registered)}"

    def create_model(self, arguments: dict[str, Any]) -> str:
        self.models[arguments["ModelName"]] = arguments
        name = f"model/{arguments['ModelName']}"
        return PIPELINE_ARN.replace("pipeline/flights-dev-training", name)

    def describe_model(self, name: str) -> Mapping[str, Any]:
        return self.models[name]

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        return self.packages[name_or_arn]

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        return self.packages.get(group)


class Recording:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.changes: list[StepRecord] = []
        self.lines: list[tuple[str, str, str]] = []
        self.on_line: Callable[[str], None] | None = None

    def step_changed(self, record: StepRecord) -> None:
        self.changes.append(record)

    def step_line(self, step_name: str, stream: str, line: str) -> None:
        self.lines.append((step_name, stream, line))
        if self.on_line is not None:
            self.on_line(line)

    def statuses(self, name: str) -> list[str]:
        """The statuses that a step went through, repetitions left out."""
        found: list[str] = []
        for record in self.changes:
            if record.name == name and found[-1:] != [record.status]:
                found.append(record.status)
        return found

    def output(self, name: str, stream: str = "stdout") -> list[str]:
        return [line for step, where, line in self.lines if (step, where) == (name, stream)]


class Workbench:
    """Everything that a run needs, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = FolderStorage(folder / "s3")
        self.services = FakeServices()
        self.cache = StepCache(folder / "cache.sqlite3")
        self.observer = Recording()
        self.stop = StopSignal(grace_seconds=1.0)
        self.runs = 0

    def run(self, document: Any, **more: Any) -> Result:
        self.runs += 1
        self.observer = more.pop("observer", None) or Recording()
        self.stop = more.pop("stop", None) or StopSignal(grace_seconds=1.0)
        return run(
            document,
            identity=self.identity(self.runs),
            storage=more.pop("storage", self.storage),
            services=more.pop("services", self.services),
            workdir=self.workdir,
            cache=more.pop("cache", self.cache),
            observer=self.observer,
            stop=self.stop,
            **more,
        )

    @property
    def workdir(self) -> Path:
        return self.folder / "work" / f"run{self.runs}"

    def identity(self, number: int) -> Identity:
        return Identity(
            pipeline_name="flights-dev-training",
            pipeline_arn=PIPELINE_ARN,
            execution_id=f"run{number}",
            execution_arn=f"{PIPELINE_ARN}/execution/run{number}",
            start_time=datetime.now(UTC),
        )

    def put(self, uri: str, content: str | bytes | Mapping[str, Any] | list[Any]) -> str:
        if isinstance(content, str):
            content = content.encode()
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.storage.write_bytes(uri, content)
        return uri

    def text(self, uri: str) -> str:
        return self.storage.read_bytes(uri).decode()

    def put_bundle(self, uri: str, **files: str) -> str:
        """Put a tar.gz of Python modules, given as name=code."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, code in files.items():
                data = textwrap.dedent(code).encode()
                member = tarfile.TarInfo(f"{name}.py")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        return self.put(uri, buffer.getvalue())

    def files_in_archive(self, uri: str) -> dict[str, str]:
        with tarfile.open(fileobj=io.BytesIO(self.storage.read_bytes(uri))) as tar:
            return {
                member.name: tar.extractfile(member).read().decode()  # type: ignore[union-attr]
                for member in tar.getmembers()
                if member.isfile()
            }
