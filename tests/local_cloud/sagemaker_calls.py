"""How the tests call SageMaker, in process and over HTTP, and the definitions that they run."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.model import ServiceModel

from ratchet.local_cloud import admin_client
from ratchet.local_cloud.control import CloudEndpoint
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.service import SageMaker
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner import Storage
from tests.runner.memory_storage import MemoryStorage

REGION = "us-east-1"
SCOPE = AccountScope(account="000000000000", region=REGION)
ROLE = "arn:aws:iam::000000000000:role/pipeline"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/none:1"


@dataclass
class FakeCloud:
    """The services around SageMaker, as far as it calls them in process."""

    objects: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)
    """AWS's sentence for each action that no role may do; the others all may."""
    needs: list[Need] = field(default_factory=list)
    """What was asked for."""

    def read_object(
        self, scope: AccountScope, bucket: str, key: str, version_id: str | None
    ) -> bytes:
        return self.objects[f"{bucket}/{key}" + (f"?{version_id}" if version_id else "")]

    def deliver(
        self, scope: AccountScope, event: Mapping[str, Any], delivered: Callable[[], None]
    ) -> None:
        detail = json.loads(event["Detail"])
        self.events.append(
            {"type": event["DetailType"], "detail": detail, "resources": event["Resources"]}
        )
        delivered()

    def check(self, scope: AccountScope, access_key: str, needs: Iterable[Need]) -> None:
        for need in needs:
            self.needs.append(need)
            if need.action in self.denied:
                raise Denied(self.denied[need.action])

    def session(
        self, scope: AccountScope, role_arn: str, name: str, *, source_arn: str = ""
    ) -> dict[str, str]:
        if "sts:AssumeRole" in self.denied:
            raise Denied(self.denied["sts:AssumeRole"])
        return self.root(scope)

    def identity(self, scope: AccountScope, access_key: str) -> dict[str, str]:
        return {"Arn": ROLE, "PrincipalId": "AROAFAKE"}

    def root(self, scope: AccountScope) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "fake", "AWS_SECRET_ACCESS_KEY": "fake"}

    def write_object(
        self, scope: AccountScope, role: str, bucket: str, key: str, body: bytes
    ) -> None:
        self.objects[f"{bucket}/{key}"] = body

    def put_metrics(
        self, scope: AccountScope, *, namespace: str, data: Sequence[Mapping[str, Any]]
    ) -> None:
        self.metrics += [{"Namespace": namespace, **datum} for datum in data]

    def alarm_states(self, scope: AccountScope, names: Sequence[str]) -> dict[str, str]:
        return {name: self.alarms[name] for name in names if name in self.alarms}

    def put_log_lines(
        self, scope: AccountScope, *, group: str, stream: str, lines: Sequence[tuple[float, str]]
    ) -> None:
        self.lines += [(group, stream, line) for _, line in lines]

    def storage(self, scope: AccountScope, role: str | None, *, key: str | None = None) -> Storage:
        return MemoryStorage(self.objects)

    def endpoint(self) -> str:
        """Of no server."""
        return "http://127.0.0.1:9"


@dataclass
class Caller:
    """Calls operations; every answer is held against botocore's output shape."""

    sagemaker: SageMaker
    cloud: FakeCloud
    model: ServiceModel
    scope: AccountScope = SCOPE

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        shape = self.model.operation_model(operation).input_shape
        if shape is not None and "ClientRequestToken" in shape.members:
            request.setdefault("ClientRequestToken", uuid.uuid4().hex)
        return self.sagemaker.api.call(self.scope, operation, request)

    def run(self, **request: Any) -> dict[str, Any]:
        """Start an execution and wait for its end."""
        arn = self("StartPipelineExecution", **request)["PipelineExecutionArn"]
        return wait_for_end(lambda: self("DescribePipelineExecution", PipelineExecutionArn=arn))


@dataclass(frozen=True)
class RunningCloud:
    """A local cloud in the background."""

    endpoint: CloudEndpoint
    folder: Path
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """The one client of a service: making one takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint.url,
                region_name=self.endpoint.region,
                aws_access_key_id=self.endpoint.keys["key"],
                aws_secret_access_key=self.endpoint.keys["secret"],
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
            )
        return self._clients[service]

    def admin(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        secret = self.endpoint.keys["secret"]
        return admin_client.ask(self.endpoint.url, secret, path, body, method=method)


def signed(
    cloud: RunningCloud, service: str, *, data: bytes, headers: Mapping[str, str]
) -> urllib.request.Request:
    """A POST that boto3 would not send, signed with the folder's key."""
    keys = cloud.endpoint.keys
    url = f"{cloud.endpoint.url}/"
    request = AWSRequest("POST", url, headers=dict(headers), data=data)
    signer = SigV4Auth(Credentials(keys["key"], keys["secret"]), service, cloud.endpoint.region)
    signer.add_auth(request)
    return urllib.request.Request(url, data=data, headers=dict(request.headers.items()))


TRUSTED = ("cloudformation", "events", "lambda", "sagemaker", "scheduler")


def make_role(cloud: RunningCloud, name: str = "pipeline") -> None:
    """A role that every service may have and that is allowed everything.

    ``pipeline`` is the one that the tests' definitions name.
    """
    iam = cloud.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": [f"{service}.amazonaws.com" for service in TRUSTED]},
        "Action": "sts:AssumeRole",
    }
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    iam.put_role_policy(
        RoleName=name,
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )


def wait_for_end(describe: Callable[[], dict[str, Any]], seconds: float = 30) -> dict[str, Any]:
    """The description of an execution once it has ended."""

    def ended() -> dict[str, Any] | None:
        execution = describe()
        running = execution["PipelineExecutionStatus"] in ("Executing", "Stopping")
        return None if running else execution

    found: dict[str, Any] = until(ended, seconds)
    return found


def until(probe: Callable[[], Any], seconds: float = 30) -> Any:
    """The first answer that is neither None nor empty nor False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def definition(*steps: Mapping[str, Any], **parameters: Any) -> str:
    """A pipeline definition's text; a parameter's type is that of its default."""
    types = {str: "String", int: "Integer", float: "Float", bool: "Boolean"}
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Metadata": {},
            "Parameters": [
                {"Name": name, "Type": types[type(value)], "DefaultValue": value}
                for name, value in parameters.items()
            ],
            "Steps": list(steps),
        }
    )


def gate(
    name: str = "gate", *, then: Sequence[Any] = (), otherwise: Sequence[Any] = ()
) -> dict[str, Any]:
    """A Condition on the parameter ``Score`` being at most 5."""
    return {
        "Name": name,
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "LessThanOrEqualTo",
                    "LeftValue": {"Get": "Parameters.Score"},
                    "RightValue": 5,
                }
            ],
            "IfSteps": list(then),
            "ElseSteps": list(otherwise),
        },
    }


def halt(message: str = "too high", name: str = "halt") -> dict[str, Any]:
    """A Fail step."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def register(group: str = "flights", name: str = "register") -> dict[str, Any]:
    """A RegisterModel step."""
    return {
        "Name": name,
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {"Containers": [{"Image": IMAGE}]},
        },
    }


def shell(name: str, script: str) -> dict[str, Any]:
    """A Processing step that runs a line of shell, without inputs and outputs."""
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "RoleArn": ROLE,
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                }
            },
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["/bin/bash", "-c", script],
            },
            "Environment": {"GREETING": "hello"},
            "Tags": [{"Key": "project", "Value": "flights"}],
        },
    }
