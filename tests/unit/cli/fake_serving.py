"""A deployment in memory that serves: a registry, an endpoint, its stack, alarms and analyses."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from ratchet.settings.schema import Settings
from tests.unit.cli.fake_deployment import (
    ACCOUNT,
    CLOUD,
    START,
    FakeSageMaker,
    FakeTemplates,
    World,
    world_of,
)

GROUP = "flights-dev"
ENDPOINT = "flights-dev"
STACK = "flights-dev-serving"
SCHEDULE = "flights-dev-data-quality"
MONITORING_PIPELINE = "flights-dev-monitoring"
BASELINES = "s3://artifacts/baselines"
FACTS = {
    "endpoint": ENDPOINT,
    "stack": STACK,
    "capture_uri": "s3://artifacts/capture",
    "ground_truth_uri": "s3://artifacts/ground-truth",
    "monitor_schedule": SCHEDULE,
    "monitoring_pipeline": MONITORING_PIPELINE,
    "reconcile_queue_url": "https://sqs/reconcile",
    "reconcile_function": "reconcile",
    "topic_arn": "topic",
    "alarms": {"drift": "flights-dev-drift"},
}


def arn_of(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{GROUP}/{version}"


def refusal(code: str, message: str, operation: str = "Describe", **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(answer, operation)


def package(
    version: int, approval: str, *, metadata: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    folder = f"{BASELINES}/{version}"
    registered = START + timedelta(hours=version)
    return {
        "ModelPackageArn": arn_of(version),
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": version,
        "ModelApprovalStatus": approval,
        "CreationTime": registered,
        "LastModifiedTime": registered,
        "CustomerMetadataProperties": dict(metadata or {}),
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": f"s3://artifacts/{version}/m.tar.gz"}]
        },
        "DriftCheckBaselines": {
            "ModelDataQuality": {
                "Statistics": {"S3Uri": f"{folder}/statistics.json"},
                "Constraints": {"S3Uri": f"{folder}/constraints.json"},
            }
        },
        **more,
    }


@dataclass
class ServingSageMaker(FakeSageMaker):
    packages: list[dict[str, Any]] = field(default_factory=list)
    endpoint: dict[str, Any] | None = None
    executions: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    training_jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    decided: list[dict[str, Any]] = field(default_factory=list)

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        listed = [{"ModelPackageArn": p["ModelPackageArn"]} for p in self.packages]
        return {"ModelPackageSummaryList": listed}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        for found in self.packages:
            if found["ModelPackageArn"] == ModelPackageName:
                return found
        raise refusal("ValidationException", f"ModelPackage {ModelPackageName} does not exist.")

    def update_model_package(self, **arguments: Any) -> None:
        self.decided.append(arguments)
        found = self.describe_model_package(arguments["ModelPackageArn"])
        found["ModelApprovalStatus"] = arguments["ModelApprovalStatus"]
        found["ApprovalDescription"] = arguments["ApprovalDescription"]

    def serve(self, version: int, status: str = "InService") -> None:
        self.endpoint = {
            "EndpointName": ENDPOINT,
            "EndpointConfigName": f"config-{version}",
            "EndpointStatus": status,
            "LastModifiedTime": START + timedelta(hours=1, minutes=30),
            "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": 1}],
        }

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.endpoint is None:
            raise refusal("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return self.endpoint

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        model = EndpointConfigName.replace("config", "model")
        return {"ProductionVariants": [{"ModelName": model, "VariantName": "AllTraffic"}]}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        version = int(ModelName.rsplit("-", 1)[-1])
        return {"PrimaryContainer": {"ModelPackageName": arn_of(version)}}

    def list_monitoring_executions(self, **_: Any) -> dict[str, Any]:
        return {"MonitoringExecutionSummaries": self.executions}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N803
        known = self.jobs.get(ProcessingJobName)
        return known or super().describe_processing_job(ProcessingJobName)

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        if TrainingJobName not in self.training_jobs:
            raise refusal("ResourceNotFound", "Requested resource not found.")
        return {"TrainingJobName": TrainingJobName, **self.training_jobs[TrainingJobName]}


@dataclass
class FakeRuntime:
    """Answers the number of each row, or refuses."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    problem: ClientError | None = None
    too_few: bool = False

    def invoke_endpoint(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if self.problem:
            raise self.problem
        text = arguments["Body"].decode()
        if arguments["ContentType"] == "application/json":
            rows = len(json.loads(text))
        else:
            rows = len(text.splitlines()) - (arguments["ContentType"] == "text/csv")
        scores = [0.25] * (rows - self.too_few)
        body = io.BytesIO(json.dumps({"predictions": scores}).encode())
        return {"Body": body, "ContentType": "application/json"}


@dataclass
class FakeCloudFormation(FakeTemplates):
    status: str = "UPDATE_COMPLETE"
    reason: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if not self.status:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        parameters = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
        ]
        return {
            "Stacks": [
                {
                    "StackName": StackName,
                    "StackStatus": self.status,
                    "StackStatusReason": self.reason,
                    "CreationTime": START,
                    "LastUpdatedTime": START + timedelta(hours=2),
                    "Parameters": parameters,
                }
            ]
        }


@dataclass
class FakeCloudWatch:
    states: dict[str, str] = field(default_factory=lambda: {"flights-dev-drift": "OK"})

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {
            "MetricAlarms": [
                {
                    "AlarmName": name,
                    "StateValue": self.states[name],
                    "StateUpdatedTimestamp": START + timedelta(hours=1, minutes=45),
                    "StateReason": "Threshold Crossed: 1 datapoint [9.0] was >= 1.0",
                }
                for name in AlarmNames
                if name in self.states
            ]
        }


@dataclass
class FakeScheduler:
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    class exceptions:  # noqa: N801 - boto3's own spelling
        class ResourceNotFoundException(Exception):  # noqa: N818
            pass

    def get_schedule(self, Name: str) -> dict[str, Any]:  # noqa: N803
        if Name not in self.schedules:
            raise self.exceptions.ResourceNotFoundException(Name)
        return self.schedules[Name]


@dataclass
class FakeSqs:
    depths: dict[str, int] = field(default_factory=dict)

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.depths.get(QueueUrl, 0))}}


class FakeSts:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/lena"}


@dataclass
class ServingWorld:
    """A deployment that serves, and the Target that leads there."""

    world: World
    sagemaker: ServingSageMaker
    runtime: FakeRuntime
    cloudformation: FakeCloudFormation
    cloudwatch: FakeCloudWatch
    sqs: FakeSqs
    scheduler: FakeScheduler

    def deploy(self, version: int) -> None:
        """`version` serves, as the stack, the parameter and the endpoint say."""
        settings = self.world.target.settings
        self.world.ssm.parameters[settings.parameter("champion")] = arn_of(version)
        self.cloudformation.parameters = {
            "ChampionModelPackageArn": arn_of(version),
            "ChampionVersion": str(version),
            "BaselineUri": f"{BASELINES}/{version}",
            "MonitorEngine": "model-monitor",
        }
        self.sagemaker.serve(version)


def serving_world_of(settings: Settings) -> ServingWorld:
    world = world_of(settings, folder=CLOUD)
    world.ssm.parameters[settings.parameter("serving")] = json.dumps(FACTS)
    made = ServingWorld(
        world=world,
        sagemaker=ServingSageMaker(),
        runtime=FakeRuntime(),
        cloudformation=FakeCloudFormation(),
        cloudwatch=FakeCloudWatch(),
        sqs=FakeSqs(),
        scheduler=FakeScheduler(),
    )
    world.sagemaker = made.sagemaker
    world.target._clients.update(
        {
            "sagemaker": made.sagemaker,
            "sagemaker-runtime": made.runtime,
            "cloudformation": made.cloudformation,
            "cloudwatch": made.cloudwatch,
            "sqs": made.sqs,
            "scheduler": made.scheduler,
            "sts": FakeSts(),
        }
    )
    return made
