"""A deployment in memory: fake boto3 clients behind a true Target."""

from __future__ import annotations

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from ratchet.deployment.pipelines import source
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.deployment.target.local_clouds import LocalClouds
from ratchet.project import find
from ratchet.settings.schema import Settings

START = datetime(2013, 4, 2, 8, 0, 0, tzinfo=UTC)
PIPELINE = "flights-dev-training"
PROJECT = find(Path(__file__))
"""This repository's."""
CLOUD = LocalClouds(PROJECT.root).own
ACCOUNT = "000000000000"


def arn_of_pipeline(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:pipeline/{name}"


PIPELINE_ARN = arn_of_pipeline(PIPELINE)


def _report(path: str) -> dict[str, Any]:
    file = {"Get": "Steps.evaluate.PropertyFiles.evaluation"}
    return {"Std:JsonGet": {"PropertyFile": file, "Path": path}}


NEW = {"Type": "Equals", "LeftValue": _report("candidate.status"), "RightValue": "new"}
PASSES = [
    {
        "Type": "LessThanOrEqualTo",
        "LeftValue": _report("regression"),
        "RightValue": {"Get": "Parameters.MaxRegression"},
    },
    {"Type": "In", "QueryValue": _report("champion.status"), "Values": ["scored", "none"]},
]
DEFINITION: Mapping[str, Any] = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "InputManifest", "Type": "String"},
        {"Name": "MaxRegression", "Type": "Float", "DefaultValue": 0.005},
    ],
    "Steps": [
        {"Name": "prepare", "Type": "Processing", "Arguments": {}},
        {"Name": "train", "Type": "Training", "Arguments": {}},
        {"Name": "champion", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:r:a:function:f"},
        {
            "Name": "evaluate",
            "Type": "Processing",
            "Arguments": {},
            "PropertyFiles": [
                {
                    "PropertyFileName": "evaluation",
                    "OutputName": "report",
                    "FilePath": "evaluation.json",
                }
            ],
        },
        {
            "Name": "no-regression",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [
                    {"Type": "Or", "Conditions": [passes, {"Type": "Not", "Condition": NEW}]}
                    for passes in PASSES
                ],
                "IfSteps": [],
                "ElseSteps": [{"Name": "halt", "Type": "Fail", "Arguments": {}}],
            },
        },
        {
            "Name": "new-model",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [NEW, *PASSES],
                "IfSteps": [{"Name": "register", "Type": "RegisterModel", "Arguments": {}}],
                "ElseSteps": [],
            },
        },
    ],
}


def report(*, candidate: float, champion: float | None) -> dict[str, Any]:
    scored = champion is not None
    return {
        "problem": "binary",
        "metric": "auc",
        "better": "higher",
        "rows": 27004,
        "classes": {"0": 20992, "1": 6012},
        "candidate": {
            "score": candidate,
            "metrics": {"auc": candidate, "log_loss": 0.4551},
            "undefined": {},
            "status": "new",
        },
        "champion": {
            "status": "scored" if scored else "none",
            "score": champion,
            "metrics": {"auc": champion, "log_loss": 0.4603 if scored else None},
            "undefined": {},
            "reason": None,
        },
        "regression": round(champion - candidate, 4) if champion is not None else 0.0,
        "interval": {"low": -0.02, "high": 0.011, "confidence": 0.95, "resamples": 1000}
        if scored
        else None,
        "verdict": f"candidate {candidate} against champion {champion}",
    }


def step(name: str, at: float, took: float | None, status: str = "Succeeded", **more: Any) -> Any:
    started = START + timedelta(seconds=at)
    ended = {} if took is None else {"EndTime": started + timedelta(seconds=took)}
    return {"StepName": name, "StepStatus": status, "StartTime": started, **ended, **more}


def job(kind: str, name: str) -> dict[str, Any]:
    path = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).strip("-")
    return {"Metadata": {kind: {"Arn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:{path}/{name}"}}}


@dataclass
class FakeRun:
    id: str
    name: str
    status: str
    steps: list[Any]
    started: datetime = START
    description: str = "2013-03: 3 new objects, landed."
    failure: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: {"MaxRegression": "0.005"})
    pipeline: str = PIPELINE

    @property
    def arn(self) -> str:
        return f"{arn_of_pipeline(self.pipeline)}/execution/{self.id}"


@dataclass
class FakeSageMaker:
    runs: list[FakeRun] = field(default_factory=list)
    pipelines: dict[str, str] = field(default_factory=lambda: {PIPELINE: json.dumps(DEFINITION)})
    roles: dict[str, str] = field(default_factory=dict)
    """Pipeline → ARN."""
    reports: dict[str, str] = field(default_factory=dict)
    started: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    versions: dict[str, list[str]] = field(default_factory=dict)
    """Definitions of pipelines that have changed, the oldest first."""
    made: dict[str, datetime] = field(default_factory=dict)
    """When pipelines were made, or last ran."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    refusal: str = ""
    """Why no execution starts."""

    class exceptions:  # noqa: N801 - boto3's own spelling
        class ResourceNotFound(Exception):  # noqa: N818
            pass

    def get_paginator(self, operation: str) -> Any:
        answer: Callable[..., dict[str, Any]] = getattr(self, operation)
        return SimpleNamespace(paginate=lambda **arguments: iter([answer(**arguments)]))

    def list_pipelines(self, PipelineNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        names = [n for n in self.pipelines if n.startswith(PipelineNamePrefix)]
        return {
            "PipelineSummaries": [
                {"PipelineName": name, "CreationTime": self.made.get(name, START)} for name in names
            ]
        }

    def list_pipeline_executions(self, PipelineName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        runs = [run for run in self.runs if run.pipeline == PipelineName]
        ordered = sorted(runs, key=lambda run: run.started, reverse=True)
        return {
            "PipelineExecutionSummaries": [
                {
                    "PipelineExecutionArn": run.arn,
                    "PipelineExecutionDisplayName": run.name,
                    "PipelineExecutionStatus": run.status,
                    "PipelineExecutionDescription": run.description,
                    "StartTime": run.started,
                }
                for run in ordered
            ]
        }

    def _run(self, arn: str) -> FakeRun:
        return next(run for run in self.runs if run.arn == arn)

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        run = self._run(PipelineExecutionArn)
        return {
            "PipelineExecutionDisplayName": run.name,
            "PipelineExecutionStatus": run.status,
            "PipelineExecutionDescription": run.description,
            "CreationTime": run.started,
            "LastModifiedTime": run.started,
            "FailureReason": run.failure,
        }

    def describe_pipeline_definition_for_execution(self, **_: Any) -> dict[str, Any]:
        return {"PipelineDefinition": json.dumps(DEFINITION)}

    def list_pipeline_execution_steps(
        self,
        PipelineExecutionArn: str,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        return {"PipelineExecutionSteps": self._run(PipelineExecutionArn).steps}

    def list_pipeline_parameters_for_execution(
        self,
        PipelineExecutionArn: str,  # noqa: N803
    ) -> dict[str, Any]:
        parameters = self._run(PipelineExecutionArn).parameters
        return {"PipelineParameters": [{"Name": n, "Value": v} for n, v in parameters.items()]}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://artifacts/{ProcessingJobName}"
        outputs = [{"OutputName": "report", "S3Output": {"S3Uri": uri}}]
        return {"ProcessingOutputConfig": {"Outputs": outputs}}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        artifact = f"s3://artifacts/{TrainingJobName}/output/model.tar.gz"
        return {"ModelArtifacts": {"S3ModelArtifacts": artifact}}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return {
            "ModelPackageGroupName": "flights-dev",
            "ModelPackageVersion": int(ModelPackageName.rsplit("/", 1)[-1]),
            "ModelApprovalStatus": "PendingManualApproval",
            "CustomerMetadataProperties": {"metric": "auc", "candidate-score": "0.7103"},
        }

    def describe_pipeline(
        self,
        PipelineName: str,  # noqa: N803
        PipelineVersionId: int | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        if PipelineName not in self.pipelines:
            raise self.exceptions.ResourceNotFound
        definition = self.pipelines[PipelineName]
        if PipelineVersionId is not None:
            definition = self._versions(PipelineName)[PipelineVersionId - 1]
        return {
            "PipelineArn": arn_of_pipeline(PipelineName),
            "PipelineDefinition": definition,
            "RoleArn": self.roles.get(PipelineName, f"arn:aws:iam::{ACCOUNT}:role/{PipelineName}"),
        }

    def _versions(self, name: str) -> list[str]:
        return self.versions.setdefault(name, [self.pipelines[name]])

    def list_pipeline_versions(self, PipelineName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if PipelineName not in self.pipelines:
            answer: Any = {"Error": {"Code": "ResourceNotFound", "Message": PipelineName}}
            raise ClientError(answer, "ListPipelineVersions")
        number = len(self._versions(PipelineName))
        return {"PipelineVersionSummaries": [{"PipelineVersionId": number}]}

    def create_pipeline(self, **arguments: Any) -> None:
        name = arguments["PipelineName"]
        assert name not in self.pipelines
        self.created.append(arguments)
        self.pipelines[name] = arguments["PipelineDefinition"]
        self.roles[name] = arguments["RoleArn"]
        self.tags[name] = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}

    def update_pipeline(self, **arguments: Any) -> dict[str, Any]:
        self.updated.append(arguments)
        name = arguments["PipelineName"]
        self._versions(name).append(arguments["PipelineDefinition"])
        self.pipelines[name] = arguments["PipelineDefinition"]
        self.roles[name] = arguments.get("RoleArn", self.describe_pipeline(name)["RoleArn"])
        return {"PipelineVersionId": len(self._versions(name))}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        held = self.tags.get(ResourceArn.rpartition("/")[2], {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in held.items()]}

    def delete_pipeline(self, PipelineName: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert len(ClientRequestToken) >= 32
        self.deleted.append(PipelineName)
        del self.pipelines[PipelineName]

    def start_pipeline_execution(self, **arguments: Any) -> dict[str, Any]:
        if self.refusal:
            answer: Any = {"Error": {"Code": "ValidationException", "Message": self.refusal}}
            raise ClientError(answer, "StartPipelineExecution")
        self.started.append(arguments)
        run = FakeRun(
            id="startedbyhnd",
            name=arguments["PipelineExecutionDisplayName"],
            status="Succeeded",
            steps=[],
            started=START + timedelta(days=1),
            pipeline=arguments["PipelineName"],
        )
        self.runs.append(run)
        return {"PipelineExecutionArn": run.arn}

    def retry_pipeline_execution(
        self,
        PipelineExecutionArn: str,  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
    ) -> None:
        assert len(ClientRequestToken) >= 32
        self._run(PipelineExecutionArn).status = "Executing"

    def stop_pipeline_execution(self, PipelineExecutionArn: str) -> None:  # noqa: N803
        self.stopped.append(PipelineExecutionArn)


@dataclass
class FakeS3:
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)

    class exceptions:  # noqa: N801 - boto3's own spelling
        class NoSuchKey(Exception):  # noqa: N818
            pass

    def head_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if (Bucket, Key) not in self.objects:
            answer: Any = {
                "Error": {"Code": "404"},
                "ResponseMetadata": {"HTTPStatusCode": 404},
            }
            raise ClientError(answer, "HeadObject")
        body = self.objects[Bucket, Key]
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        return {"ContentLength": len(body), "ChecksumSHA256": digest}

    def upload_file(self, path: str, bucket: str, key: str, **_: Any) -> None:
        self.puts.append(key)
        self.objects[bucket, key] = Path(path).read_bytes()

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.puts.append(Key)
        self.objects[Bucket, Key] = Body

    def get_object(self, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if (Bucket, Key) not in self.objects:
            raise self.exceptions.NoSuchKey
        self.gets.append(Key)
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"

        def paginate(
            Bucket: str,  # noqa: N803
            Prefix: str,  # noqa: N803
            StartAfter: str = "",  # noqa: N803
            Delimiter: str = "",  # noqa: N803
        ) -> Iterator[dict[str, Any]]:
            keys = [k for b, k in self.objects if b == Bucket and k.startswith(Prefix)]
            if StartAfter:
                keys = sorted(k for k in keys if k > StartAfter)
            if Delimiter:
                folders = {k[len(Prefix) :].partition(Delimiter)[0] for k in keys}
                yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{f}{Delimiter}"} for f in folders]}
                return
            yield {
                "Contents": [
                    {
                        "Key": key,
                        "LastModified": START + timedelta(seconds=place),
                        "Size": len(self.objects[Bucket, key]),
                        "ETag": f'"{hashlib.md5(self.objects[Bucket, key]).hexdigest()}"',
                    }
                    for place, key in enumerate(keys)
                ]
            }

        return SimpleNamespace(paginate=paginate)


@dataclass
class FakeSsm:
    parameters: dict[str, str] = field(default_factory=dict)

    class exceptions:  # noqa: N801 - boto3's own spelling
        class ParameterNotFound(Exception):  # noqa: N818
            pass

    def get_parameter(self, Name: str) -> dict[str, Any]:  # noqa: N803
        if Name not in self.parameters:
            raise self.exceptions.ParameterNotFound
        return {"Parameter": {"Value": self.parameters[Name]}}


@dataclass
class FakeTemplates:
    """CloudFormation with stacks that have only templates."""

    templates: dict[str, Any] = field(default_factory=dict)

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        template = self.templates.get(StackName)
        if isinstance(template, Exception):
            raise template
        if template is None:
            message = f"Stack with id {StackName} does not exist"
            answer: Any = {"Error": {"Code": "ValidationError", "Message": message}}
            raise ClientError(answer, "GetTemplate")
        return {"TemplateBody": template}

    def deploy(self, pipeline: str, body: Any, *, stack: str = "flights-dev-training") -> None:
        """A stack with one pipeline."""
        properties = {
            "PipelineName": pipeline,
            "PipelineDefinition": {"PipelineDefinitionBody": body},
        }
        resource = {"Type": "AWS::SageMaker::Pipeline", "Properties": properties}
        self.templates[stack] = {"Resources": {"Pipeline": resource}}


FACTS = {
    "pipeline": PIPELINE,
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/pipeline-role-for-flights",
    "data_bucket": "data",
    "data_prefix": "raw/",
    "artifacts_bucket": "artifacts",
    "output_key_arn": "arn:aws:kms:us-east-1:000000000000:key/1",
    "code_uri": "s3://assets",
    "model_package_group": "flights-dev",
    "functions": {
        "resolve_champion": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:resolve",
        "start_pipeline": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:start",
    },
    "queue_url": "https://sqs/queue",
    "dead_letter_queue_url": "https://sqs/dead",
    "protected": False,
    "written_by_a_later_version": True,
}


@dataclass(frozen=True, kw_only=True)
class FakeTarget(Target):
    """A target whose local cloud answers what it is told to."""

    answers: dict[str, Any] = field(default_factory=lambda: {"permissions": {"decisions": []}})

    def ask(self, path: str, body: object = None, *, seconds: float = 10.0) -> dict[str, Any]:
        if path not in self.answers:
            return super().ask(path, body, seconds=seconds)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@dataclass
class World:
    """A deployment and the Target that leads there."""

    sagemaker: FakeSageMaker
    s3: FakeS3
    ssm: FakeSsm
    target: FakeTarget
    cloudformation: FakeTemplates


def world_of(settings: Settings, *, folder: Path | None) -> World:
    sagemaker, s3 = FakeSageMaker(), FakeS3()
    ssm = FakeSsm({settings.parameter("training"): json.dumps(FACTS)})
    target = FakeTarget(
        project=PROJECT,
        settings=settings,
        account=ACCOUNT,
        region=settings.region,
        endpoint="http://127.0.0.1:4566" if folder else None,
        folder=folder,
        session=SimpleNamespace(),  # type: ignore[arg-type]
        variables={},
        _clients={
            "sagemaker": sagemaker,
            "s3": s3,
            "ssm": ssm,
            "cloudformation": (templates := FakeTemplates()),
        },
    )
    return World(sagemaker, s3, ssm, target, templates)


def deploy_source(world: World, kind: str = "training") -> str:
    """The pipeline of the source takes the place of the deployed one; returns its definition."""
    target = world.target
    name = target.settings.pipeline_name(kind)
    listed = source.entry(kind, target.settings.model_name, target.root)
    role = world.sagemaker.describe_pipeline(name)["RoleArn"]
    context = source.context(target, facts.read(target), listed, role_arn=role)
    world.sagemaker.pipelines[name] = definition = listed.compile(context).to_json()
    return definition
