"""What the local cloud asks the roles of a step's pipeline and job for is what they are granted.

Both stand by themselves, so that the one can find what the other forgets; this holds them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from ratchet.definition.step_types import STEP_TYPES
from ratchet.local_cloud.sagemaker import service_side
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.service_side import ServiceWork
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.permissions import Permission, needs
from ratchet.settings.arns import RegionArns

SCOPE = AccountScope(account="111122223333", region="eu-west-1")
ARNS = RegionArns(account=SCOPE.account, region=SCOPE.region)
ROLE = ARNS.role("pipeline")
IMAGE = f"{SCOPE.account}.dkr.ecr.{SCOPE.region}.amazonaws.com/train:1"
OUTPUT_KEY, VOLUME_KEY = (ARNS.of_service("kms", f"key/{name}") for name in ("output", "volume"))
NETWORK = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
JOB = "pipelines-abc-step"

PROCESSING = {
    "RoleArn": ROLE,
    "AppSpecification": {"ImageUri": IMAGE},
    "ProcessingOutputConfig": {"KmsKeyId": OUTPUT_KEY, "Outputs": []},
    "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": VOLUME_KEY}},
    "NetworkConfig": {"VpcConfig": NETWORK},
}
TRAINING = {
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingImage": IMAGE},
    "OutputDataConfig": {"KmsKeyId": OUTPUT_KEY},
    "ResourceConfig": {"VolumeKmsKeyId": VOLUME_KEY},
    "VpcConfig": NETWORK,
}
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "Processing": PROCESSING,
    "QualityCheck": PROCESSING,
    "ClarifyCheck": PROCESSING,
    "Training": TRAINING,
    "Tuning": {"TrainingJobDefinition": TRAINING},
    "Transform": {"ModelName": "model"},
    "AutoML": {"RoleArn": ROLE},
    "Job": {"RoleArn": ROLE, "JobCategory": "AgentRFT", "JobConfigDocument": "{}"},
    "Endpoint": {"EndpointName": "endpoint", "EndpointConfigName": "config"},
    "EndpointConfig": {"EndpointConfigName": "config", "ExecutionRoleArn": ROLE},
    "EMR": {"ClusterId": "j-1"},
    "EMRServerless": {"ApplicationId": "application", "ExecutionRoleArn": ROLE},
}


def granted(kind: str) -> list[Permission]:
    step = {"Name": "step", "Type": kind, "Arguments": ARGUMENTS[kind]}
    if kind == "EMR":
        step = {**step, **ARGUMENTS[kind]}
    permissions, missing = needs({"Version": "2020-12-01", "Steps": [step]}, arns=ARNS)
    return [*permissions, *(need.permission for need in missing)]


def asked_for(kind: str) -> Iterator[Need]:
    side, request = service_side.side_of(kind), ARGUMENTS[kind]
    creation = service_side.creation(SCOPE, kind, JOB, request)
    assert side
    assert creation
    yield from creation[1]
    if polled := service_side.polling(SCOPE, kind, JOB):
        yield from polled[1]
    for work in side.works(request):
        yield from service_side.container_needs(SCOPE, work)
    if side.jobs:
        for losses in service_side.optional_needs(SCOPE, side.jobs, f"{JOB}/algo-1").values():
            yield from losses


def covers(permission: Permission, need: Need) -> bool:
    return need.action in permission.actions and any(
        fnmatchcase(need.resource, resource) for resource in permission.resources
    )


def test_every_step_that_the_local_cloud_asks_about_has_arguments_here() -> None:
    assert ARGUMENTS.keys() == {name for name in STEP_TYPES if service_side.side_of(name)}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_what_the_local_cloud_asks_for_a_step_is_granted(kind: str) -> None:
    permissions = granted(kind)
    lacking = [
        (need.action, need.resource)
        for need in asked_for(kind)
        if not any(covers(permission, need) for permission in permissions)
    ]
    assert lacking == []


@pytest.mark.parametrize("sid", ["JoinNetwork", "PullImage", "LogInToRegistry", "EncryptVolumes"])
def test_what_a_container_is_granted_is_asked_for(sid: str) -> None:
    [permission] = [p for p in granted("Training") if p.sid == sid]
    work = ServiceWork(role=ROLE, images=(IMAGE,), volume_key=VOLUME_KEY, in_vpc=True)
    actions = {need.action for need in service_side.container_needs(SCOPE, work)}
    assert set(permission.actions) <= actions
