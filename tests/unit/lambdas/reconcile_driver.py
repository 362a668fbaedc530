"""Wakes the reconciler over a fake cloud as SQS would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import aws_clients
from reconcile_champion import handler as entry
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ENDPOINT, GROUP, STACK, arn_of

TOPIC = "arn:aws:sns:us-east-1:000000000000:people"
ENVIRONMENT = {
    "PROJECT": "flights",
    "ENVIRONMENT": "dev",
    "MODEL_PACKAGE_GROUP": GROUP,
    "SERVING_STACK": STACK,
    "ENDPOINT_NAME": ENDPOINT,
    "WHEN_NONE_LEFT": "keep",
    "MONITOR_ENGINE": "auto",
    "TOPIC_ARN": TOPIC,
    "STATE_BUCKET": ARTIFACTS,
}
STATE = "deployment/state.json"


class Loop:
    """One reconciler over one cloud."""

    def __init__(self, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud, self._monkeypatch = cloud, monkeypatch
        for service in ("cloudformation", "sagemaker", "s3", "sns", "cloudwatch"):
            client = cloud.client(service)
            monkeypatch.setattr(aws_clients, service, lambda client=client: client)
        self.set(**ENVIRONMENT)

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        entry._reconciler.cache_clear()

    def wake(self, *bodies: Mapping[str, Any]) -> None:
        """One batch of messages; it must not fail."""
        assert self.handle(*bodies) == {"batchItemFailures": []}

    def handle(self, *bodies: Mapping[str, Any]) -> Mapping[str, Any]:
        """One batch of messages, and what SQS is answered."""
        reconciler = entry._reconciler()
        object.__setattr__(reconciler, "now", lambda: self.cloud.now)
        records = [{"messageId": str(n), "body": json.dumps(b)} for n, b in enumerate(bodies)]
        return entry.handler({"Records": records}, None)

    def deploy(self, version: int) -> None:
        """Approve a version and let everything go well."""
        if arn_of(version) not in self.cloud.packages:
            self.cloud.register(version)
        self.cloud.approve(version)
        self.wake()
        self.cloud.finish_update()
        self.wake()

    @property
    def champion(self) -> str:
        assert self.cloud.stack is not None
        return self.cloud.stack.parameters["ChampionVersion"]

    @property
    def wanted(self) -> Mapping[str, str]:
        assert self.cloud.stack is not None
        assert self.cloud.stack.wanted is not None, "no update is in progress"
        return self.cloud.stack.wanted

    @property
    def serving(self) -> str:
        endpoint = self.cloud.endpoint
        return self.cloud.configs[endpoint.config] if endpoint else "none"

    @property
    def told(self) -> list[str]:
        """Subjects of the notices, without whose they are."""
        return [n["Subject"].removeprefix("flights dev: ") for n in self.cloud.notices]

    def text(self, number: int = -1) -> str:
        message: dict[str, str] = json.loads(self.cloud.notices[number]["Message"])
        return message["default"]

    @property
    def updates(self) -> int:
        return self.cloud.count("UpdateStack")

    @property
    def blocked(self) -> float:
        """The newest datum that the alarm sees."""
        (namespace, datum) = self.cloud.metrics[-1]
        assert (namespace, datum["MetricName"]) == ("Ratchet", "DeploymentBlocked")
        return float(datum["Value"])
