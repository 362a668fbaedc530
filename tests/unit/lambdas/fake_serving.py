"""What serves, in memory: CloudFormation's stack, SageMaker's endpoint and registry, CloudWatch and
SNS. `FakeCloud` answers clients with it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2013, 4, 1, 12, 0, tzinfo=UTC)
GROUP, STACK, ENDPOINT = "flights-dev", "flights-dev-serving", "flights-dev"
STACK_ID = f"arn:aws:cloudformation:us-east-1:000000000000:stack/{STACK}/1"
NO_CHAMPION = {
    "ChampionModelPackageArn": "none",
    "ChampionVersion": "none",
    "BaselineUri": "none",
    "QualityBaselineUri": "none",
    "MonitorEngine": "model-monitor",
    "BootstrapVersion": "/cdk-bootstrap/hnb659fds/version",
}
MONITORING_SCHEDULE = "AWS::SageMaker::MonitoringSchedule"
MARK = "ratchet-deployment"


class ServiceError(Exception):
    """An error that a service answers with."""

    def __init__(self, code: str, message: str = "", *, status: int = 400) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


def arn_of(version: int, *, group: str = GROUP) -> str:
    return f"arn:aws:sagemaker:us-east-1:000000000000:model-package/{group}/{version}"


def baselines_at(folder: str) -> dict[str, Any]:
    return {
        name: {
            kind.capitalize(): {
                "ContentType": "application/json",
                "S3Uri": f"{folder}/{name}/{kind}.json",
            }
            for kind in ("statistics", "constraints")
        }
        for name in ("ModelDataQuality", "ModelQuality")
    }


@dataclass
class FakeStack:
    parameters: dict[str, str] = field(default_factory=lambda: dict(NO_CHAMPION))
    status: str = "CREATE_COMPLETE"
    updated: datetime = EPOCH
    events: list[dict[str, Any]] = field(default_factory=list)
    """Newest first."""
    wanted: dict[str, str] | None = None
    """The parameters of the update in progress."""
    token: str | None = None
    tokens: set[str] = field(default_factory=set)
    """Of all updates that were begun."""
    reason: str = ""


@dataclass
class FakeEndpoint:
    config: str
    status: str = "InService"


@dataclass
class FakeServing:
    now: datetime = EPOCH
    stack: FakeStack | None = field(default_factory=FakeStack)
    endpoint: FakeEndpoint | None = None
    configs: dict[str, str] = field(default_factory=dict)
    """Model package ARN by endpoint config."""
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    update_takes: timedelta = timedelta(minutes=10)
    update_tokens_remembered: bool = False
    """Whether CloudFormation refuses the token of an update that has ended: AWS does not say."""

    # -- what people and services do -----------------------------------------------------------

    def register(self, version: int, approval: str = "PendingManualApproval", **more: Any) -> str:
        arn = arn_of(version)
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": GROUP,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": approval,
            "CreationTime": self.now,
            "DriftCheckBaselines": baselines_at(f"s3://artifacts/runs/{version}"),
            **more,
            # A copy: it changes, and another test registers with the same.
            "CustomerMetadataProperties": dict(
                more.get("CustomerMetadataProperties", {"execution": f"run{version}"})
            ),
        }
        return arn

    def approve(self, version: int) -> None:
        self._decide(version, "Approved")

    def reject(self, version: int) -> None:
        self._decide(version, "Rejected")

    def _decide(self, version: int, approval: str) -> None:
        self.packages[arn_of(version)].update(
            ModelApprovalStatus=approval, LastModifiedTime=self.now
        )

    def mark_of(self, version: int) -> str | None:
        mark: str | None = self.packages[arn_of(version)]["CustomerMetadataProperties"].get(MARK)
        return mark

    def finish_update(self) -> None:
        """The update in progress ends well."""
        stack = self._updating()
        champion = stack.parameters["ChampionModelPackageArn"]
        self.endpoint = FakeEndpoint(self._config(champion)) if champion != "none" else None
        self._ended(stack, "UPDATE_COMPLETE")

    def roll_back_silently(self) -> None:
        """The update ends well for CloudFormation, and SageMaker is back on the old config, which
        CloudFormation then deletes."""
        stack = self._updating()
        assert self.endpoint is not None
        self._config(stack.parameters["ChampionModelPackageArn"])
        self.configs.pop(self.endpoint.config, None)  # gone already, where it did so before
        self._ended(stack, "UPDATE_COMPLETE")

    def fail_update(
        self, resource: str = "AWS::SageMaker::Endpoint", why: str = "It did not pass the ping."
    ) -> None:
        """The update in progress fails at a resource and is rolled back."""
        stack = self.stack
        assert stack is not None
        assert stack.wanted is not None, "no update is in progress"
        self._event(stack, "It", resource, "CREATE_FAILED", why)
        self._event(stack, "Other", "AWS::SSM::Parameter", "UPDATE_FAILED", _CANCELLED)
        stack.wanted = None
        self._ended(stack, "UPDATE_ROLLBACK_COMPLETE")

    def raise_alarm(self, name: str, *, metric: str = "DriftViolations") -> None:
        self.alarms[name] = {
            "AlarmName": name,
            "Namespace": "Ratchet",
            "MetricName": metric,
            "StateValue": "ALARM",
            "StateUpdatedTimestamp": self.now,
            "StateTransitionedTimestamp": self.now,
        }

    def end_alarm(self, name: str) -> None:
        times = {"StateUpdatedTimestamp": self.now, "StateTransitionedTimestamp": self.now}
        self.alarms[name].update(StateValue="OK", **times)

    def _updating(self) -> FakeStack:
        stack = self.stack
        assert stack is not None
        assert stack.wanted is not None, "no update is in progress"
        stack.parameters, stack.wanted = stack.wanted, None
        return stack

    def _config(self, package: str) -> str:
        name = f"config-{next(self.numbers)}"
        self.configs[name] = package
        return name

    def _ended(self, stack: FakeStack, status: str) -> None:
        self.now += self.update_takes
        self._event(stack, STACK, "AWS::CloudFormation::Stack", status, "")
        stack.status = status

    def _event(self, stack: FakeStack, name: str, kind: str, status: str, why: str) -> None:
        event = {
            "StackId": STACK_ID,
            "EventId": str(next(self.numbers)),
            "StackName": STACK,
            "LogicalResourceId": name,
            "ResourceType": kind,
            "Timestamp": self.now,
            "ResourceStatus": status,
        }
        itself = STACK_ID if name == STACK else None
        optional = {
            "PhysicalResourceId": itself,
            "ResourceStatusReason": why,
            "ClientRequestToken": stack.token,
        }
        stack.events.insert(
            0, {**event, **{key: value for key, value in optional.items() if value}}
        )

    # -- CloudFormation ------------------------------------------------------------------------

    def _DescribeStacks(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.stack
        if stack is None:
            raise ServiceError("ValidationError", f"Stack with id {STACK} does not exist")
        shown: dict[str, Any] = {
            "StackId": STACK_ID,
            "StackName": STACK,
            "StackStatus": stack.status,
            "CreationTime": EPOCH,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in stack.parameters.items()
            ],
        }
        if stack.updated != EPOCH:
            shown["LastUpdatedTime"] = stack.updated
        if stack.reason:
            shown["StackStatusReason"] = stack.reason
        return {"Stacks": [shown]}

    def _DescribeStackEvents(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert self.stack is not None
        events = self.stack.events
        # By the event that a page begins with: newer ones may come between two pages.
        ids = [event["EventId"] for event in events]
        start = ids.index(given["NextToken"]) if "NextToken" in given else 0
        page = events[start : start + 2]  # small pages, so that there are several
        next_page = {"NextToken": ids[start + 2]} if start + 2 < len(events) else {}
        return {"StackEvents": page, **next_page}

    def _UpdateStack(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.stack
        assert stack is not None
        assert given["UsePreviousTemplate"] is True
        assert not {"TemplateBody", "TemplateURL", "RoleARN"} & set(given)
        assert given["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
        if stack.token == given["ClientRequestToken"] and stack.wanted is not None:
            return {"StackId": STACK_ID}
        if self.update_tokens_remembered and given["ClientRequestToken"] in stack.tokens:
            raise ServiceError("TokenAlreadyExistsException")
        if stack.status.endswith("_IN_PROGRESS"):
            raise ServiceError(
                "ValidationError",
                f"Stack:{STACK_ID} is in {stack.status} state and can not be updated.",
            )
        named = {row["ParameterKey"] for row in given["Parameters"]}
        assert named == set(stack.parameters), "CloudFormation wants every parameter named"
        wanted = {
            row["ParameterKey"]: row.get("ParameterValue", stack.parameters[row["ParameterKey"]])
            for row in given["Parameters"]
        }
        if wanted == stack.parameters:
            raise ServiceError("ValidationError", "No updates are to be performed.")
        stack.wanted, stack.token = wanted, given["ClientRequestToken"]
        stack.tokens.add(stack.token)
        stack.status, stack.updated = "UPDATE_IN_PROGRESS", self.now
        self._event(stack, STACK, "AWS::CloudFormation::Stack", stack.status, "User Initiated")
        return {"StackId": STACK_ID}

    # -- SageMaker -----------------------------------------------------------------------------

    def _DescribeModelPackage(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = given["ModelPackageName"]
        if name not in self.packages:
            raise ServiceError("ValidationException", f"ModelPackage {name} does not exist.")
        return self.packages[name]

    def _ListModelPackages(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert (given["SortBy"], given["SortOrder"]) == ("CreationTime", "Descending")
        shown = [
            package
            for package in self.packages.values()
            if package["ModelPackageGroupName"] == given["ModelPackageGroupName"]
            and given.get("ModelApprovalStatus") in (None, package["ModelApprovalStatus"])
        ]
        # A page goes on below the version that the last one ended with, whatever came or went.
        below = int(given.get("NextToken", 10**9))
        versions = {package["ModelPackageVersion"]: package for package in shown}
        left = sorted((version for version in versions if version < below), reverse=True)
        most = min(given.get("MaxResults", 2), 2)
        next_page = {"NextToken": str(left[most - 1])} if len(left) > most else {}
        return {"ModelPackageSummaryList": [versions[v] for v in left[:most]], **next_page}

    def _UpdateModelPackage(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        # The roles of the functions refuse it (sagemaker:ModelApprovalStatus).
        assert "ModelApprovalStatus" not in given, "approving is for people"
        package = self.packages[given["ModelPackageArn"]]
        metadata = package["CustomerMetadataProperties"]
        for key, value in given.get("CustomerMetadataProperties", {}).items():
            assert len(value) <= 256
            metadata[key] = value
        for key in given.get("CustomerMetadataPropertiesToRemove", ()):
            del metadata[key]
        package["LastModifiedTime"] = self.now
        return {"ModelPackageArn": given["ModelPackageArn"]}

    def _DescribeEndpoint(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.endpoint is None or given["EndpointName"] != ENDPOINT:
            raise ServiceError("ValidationException", "Could not find endpoint.")
        return {
            "EndpointName": ENDPOINT,
            "EndpointConfigName": self.endpoint.config,
            "EndpointStatus": self.endpoint.status,
        }

    def _DescribeEndpointConfig(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = given["EndpointConfigName"]
        if name not in self.configs:
            raise ServiceError("ValidationException", "Could not find endpoint configuration.")
        return {"ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": f"of-{name}"}]}

    def _DescribeModel(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        package = self.configs[given["ModelName"].removeprefix("of-")]
        return {"PrimaryContainer": {"ModelPackageName": package}}

    # -- CloudWatch and SNS --------------------------------------------------------------------

    def _DescribeAlarms(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"MetricAlarms": [self.alarms[n] for n in given["AlarmNames"] if n in self.alarms]}

    def _PutMetricData(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert len(given["MetricData"]) <= 1000
        self.metrics.extend((given["Namespace"], datum) for datum in given["MetricData"])
        return {}

    def _Publish(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["MessageStructure"] == "json"
        self.notices.append(dict(given))
        return {"MessageId": str(next(self.numbers))}


_CANCELLED = "Resource update cancelled"
