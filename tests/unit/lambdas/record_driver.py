"""Wakes the function that records costs over a fake cloud, and reads what it kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import aws_clients
from ratchet.costs import rows
from ratchet.costs.rows import Row
from record_run import handler as entry
from tests.unit.lambdas.fake_billed import FakeBilled
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PRICES = {
    "ml.m5.large": {"Training": "0.115", "Processing": "0.115", "Hosting": "0.115"},
    "ml.m5.xlarge": {"Training": "0.23", "Processing": "0.23"},
}
XLARGE = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}
ENVIRONMENT = {
    "PROJECT": "flights",
    "ENVIRONMENT": "dev",
    "OWNER": "ml-platform",
    "COST_CENTER": "ml-0001",
    "EXPERIMENT": "default",
    "ARTIFACTS_BUCKET": ARTIFACTS,
    "DATA_BUCKET": DATA,
    "PIPELINES": "flights-dev-training,flights-dev-none,flights-dev-monitoring",
    "ENDPOINT_NAME": "flights-dev",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:people",
    "RUN_LIMIT_USD": "0",
    "IDLE_HOURS": "24",
    "LOOK_BACK_DAYS": "7",
    "AWS_REGION": "us-east-1",
}


def connected(cloud: FakeBilled, monkeypatch: pytest.MonkeyPatch) -> FakeBilled:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for service in ("sagemaker", "s3", "cloudwatch", "sns", "pricing"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    monkeypatch.setattr(entry, "_now", lambda: cloud.now)
    entry._labels.cache_clear()
    return cloud


def look(**event: Any) -> None:
    entry.handler(event, None)


def recorded(cloud: FakeBilled, pipeline: str = "flights-dev-training") -> list[Row]:
    return [
        row
        for key, stored in sorted(cloud.buckets[ARTIFACTS].items())
        if key.startswith(f"costs/rows/pipeline={pipeline}/")
        for row in rows.read(stored.body)
    ]


def notices(cloud: FakeBilled) -> list[str]:
    return [
        f"{notice['Subject']}\n{json.loads(notice['Message'])['email']}" for notice in cloud.notices
    ]
