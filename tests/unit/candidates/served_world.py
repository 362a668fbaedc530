"""SageMaker's models, endpoint configurations, endpoints and transform jobs, in memory: what is
made is there until it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.unit.candidates.shaped_clients import refusal, shaped_client

CREATED = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@dataclass
class Served:
    """What there is. Steps of an endpoint and of a job pass as they are described."""

    models: dict[str, Any] = field(default_factory=dict)
    configs: dict[str, Any] = field(default_factory=dict)
    endpoints: dict[str, list[str]] = field(default_factory=dict)
    """Name → the states that are still to come, the last one stays."""
    jobs: dict[str, list[str]] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    endpoint_states: tuple[str, ...] = ("Creating", "Creating", "InService")
    job_states: tuple[str, ...] = ("InProgress", "InProgress", "Completed")
    interrupt_at: int = 0
    """The call that an interrupt reaches; 0: none."""
    interrupt_after: bool = False
    """Whether SageMaker has done what was asked by then."""
    count: int = 0
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def client(self) -> Any:
        operations = {
            name: self._counted(getattr(self, f"_{name}"))
            for name in (
                "CreateModel",
                "CreateEndpointConfig",
                "CreateEndpoint",
                "CreateTransformJob",
                "DescribeEndpoint",
                "DescribeEndpointConfig",
                "DescribeTransformJob",
                "DeleteModel",
                "DeleteEndpointConfig",
                "DeleteEndpoint",
                "StopTransformJob",
                "ListModels",
                "ListEndpointConfigs",
                "ListEndpoints",
                "ListTransformJobs",
                "ListTags",
            )
        }
        return shaped_client("sagemaker", operations, calls=self.calls)

    @property
    def left(self) -> list[str]:
        """What costs, or would be in the way."""
        running = [name for name, states in self.jobs.items() if states[0] == "InProgress"]
        return [*self.models, *self.configs, *self.endpoints, *running]

    def _counted(self, operation: Any) -> Any:
        def call(**request: Any) -> Any:
            self.count += 1
            reached = self.count == self.interrupt_at
            if reached and not self.interrupt_after:
                raise KeyboardInterrupt
            answer = operation(**request)
            if reached:
                raise KeyboardInterrupt
            return answer

        return call

    def _tag(self, kind: str, name: str, request: Mapping[str, Any]) -> str:
        arn = f"{ARN}:{kind}/{name}"
        self.tags[arn] = list(request["Tags"])
        self.requests[kind] = request
        return arn

    # -- models, configurations --------------------------------------------------------------------

    def _CreateModel(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        self.models[request["ModelName"]] = request
        return {"ModelArn": self._tag("model", request["ModelName"], request)}

    def _DeleteModel(self, ModelName: str) -> dict[str, Any]:  # noqa: N802, N803
        if self.models.pop(ModelName, None) is None:
            raise refusal(
                "ValidationException", "DeleteModel", f'Could not find model "{ModelName}".'
            )
        return {}

    def _CreateEndpointConfig(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        name = request["EndpointConfigName"]
        self.configs[name] = request
        return {"EndpointConfigArn": self._tag("endpoint-config", name, request)}

    def _DescribeEndpointConfig(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N802, N803
        if EndpointConfigName not in self.configs:
            text = f'Could not find endpoint configuration "{EndpointConfigName}".'
            raise refusal("ValidationException", "DescribeEndpointConfig", text)
        variants = self.configs[EndpointConfigName]["ProductionVariants"]
        return {
            "EndpointConfigName": EndpointConfigName,
            "EndpointConfigArn": f"{ARN}:endpoint-config/{EndpointConfigName}",
            "ProductionVariants": variants,
            "CreationTime": CREATED,
        }

    def _DeleteEndpointConfig(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N802, N803
        if self.configs.pop(EndpointConfigName, None) is None:
            text = f'Could not find endpoint configuration "{EndpointConfigName}".'
            raise refusal("ValidationException", "DeleteEndpointConfig", text)
        return {}

    # -- endpoints ---------------------------------------------------------------------------------

    def _CreateEndpoint(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        name = request["EndpointName"]
        assert request["EndpointConfigName"] in self.configs
        self.endpoints[name] = list(self.endpoint_states)
        return {"EndpointArn": self._tag("endpoint", name, request)}

    def _DescribeEndpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N802, N803
        states = self.endpoints[EndpointName]
        state = states.pop(0) if len(states) > 1 else states[0]
        return {
            "EndpointName": EndpointName,
            "EndpointArn": f"{ARN}:endpoint/{EndpointName}",
            "EndpointStatus": state,
            "CreationTime": CREATED,
            "LastModifiedTime": CREATED,
            **({"FailureReason": "no capacity"} if state == "Failed" else {}),
        }

    def _DeleteEndpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N802, N803
        if EndpointName not in self.endpoints:
            text = f'Could not find endpoint "{EndpointName}".'
            raise refusal("ValidationException", "DeleteEndpoint", text)
        states = self.endpoints[EndpointName]
        if states[0] == "Creating":
            states.pop(0)
            raise refusal(
                "ValidationException", "DeleteEndpoint", "Cannot update in-progress endpoint"
            )
        del self.endpoints[EndpointName]
        return {}

    # -- transform jobs ----------------------------------------------------------------------------

    def _CreateTransformJob(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        name = request["TransformJobName"]
        assert request["ModelName"] in self.models
        self.jobs[name] = list(self.job_states)
        return {"TransformJobArn": self._tag("transform-job", name, request)}

    def _DescribeTransformJob(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        if TransformJobName not in self.jobs:
            raise refusal("ValidationException", "DescribeTransformJob", "Could not find job")
        states = self.jobs[TransformJobName]
        state = states.pop(0) if len(states) > 1 else states[0]
        request = self.requests["transform-job"]
        return {
            "TransformJobName": TransformJobName,
            "TransformJobArn": f"{ARN}:transform-job/{TransformJobName}",
            "TransformJobStatus": state,
            "ModelName": request["ModelName"],
            "TransformInput": request["TransformInput"],
            "TransformResources": request["TransformResources"],
            "CreationTime": CREATED,
            **({"FailureReason": "no memory"} if state == "Failed" else {}),
        }

    def _StopTransformJob(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        self.jobs[TransformJobName] = ["Stopping", "Stopped"]
        return {}

    # -- lists -------------------------------------------------------------------------------------

    def _ListModels(self, **asked: Any) -> dict[str, Any]:  # noqa: N802
        return {
            "Models": [_named("Model", each, asked) for each in self._matching(self.models, asked)]
        }

    def _ListEndpointConfigs(self, **asked: Any) -> dict[str, Any]:  # noqa: N802
        names = self._matching(self.configs, asked)
        return {"EndpointConfigs": [_named("EndpointConfig", each, asked) for each in names]}

    def _ListEndpoints(self, **asked: Any) -> dict[str, Any]:  # noqa: N802
        more = {"LastModifiedTime": CREATED, "EndpointStatus": "InService"}
        names = self._matching(self.endpoints, asked)
        return {"Endpoints": [_named("Endpoint", each, asked) | more for each in names]}

    def _ListTransformJobs(self, **asked: Any) -> dict[str, Any]:  # noqa: N802
        names = [
            each
            for each in self._matching(self.jobs, asked)
            if self.jobs[each][0] == asked["StatusEquals"]
        ]
        more = {"TransformJobStatus": "InProgress"}
        return {
            "TransformJobSummaries": [_named("TransformJob", each, asked) | more for each in names]
        }

    def _ListTags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Tags": self.tags.get(ResourceArn, [])}

    @staticmethod
    def _matching(things: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
        return [name for name in things if asked["NameContains"] in name]


_PATHS = {
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "TransformJob": "transform-job",
}


def _named(kind: str, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{kind}Name": name,
        f"{kind}Arn": f"{ARN}:{_PATHS[kind]}/{name}",
        "CreationTime": CREATED,
    }
