"""How a version did on labelled data since it was registered, one evaluation after the other.

Each is an object below `evaluations/<version>/` in the artifact bucket, which the evaluation
pipeline's last step writes (lambdas/record_evaluation/evaluation.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from ratchet.deployment.target.environment import Target
from ratchet.deployment.target.facts import Deployed

FOLDER = "evaluations/"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation of one version."""

    evaluated: str
    """When, ISO 8601 UTC."""
    execution: str
    manifest: str
    data: str
    """The folders of the manifest's objects, in short."""
    metric: str
    rows: int
    score: float | None
    """None: the version could not answer for these rows."""
    interval: Mapping[str, float] | None
    floor: float
    max_regression: float
    registered: float | None
    """The score at registration."""
    outcome: str
    """Completed | CompletedWithViolations | TooFewRows"""
    violations: tuple[str, ...]
    verdict: str
    served: bool = True

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.evaluated)


def read(target: Target, deployed: Deployed, *, version: int) -> list[Evaluation]:
    """The evaluations of a version, oldest first. What is no record of one is left out."""
    s3 = target.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployed.artifacts_bucket, Prefix=f"{FOLDER}{version}/"
    )
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]

    def get(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=deployed.artifacts_bucket, Key=key)["Body"].read()
        return body

    with ThreadPoolExecutor(max_workers=8) as pool:
        records = [parse(text) for text in pool.map(get, keys)]
    return sorted((one for one in records if one), key=lambda one: (one.evaluated, one.execution))


def parse(record: bytes) -> Evaluation | None:
    """An evaluation from its record; keys that this version does not know are left alone."""
    known = {field.name for field in fields(Evaluation)}
    try:
        values: dict[str, Any] = json.loads(record)
        given = {name: value for name, value in values.items() if name in known}
        return Evaluation(**{**given, "violations": tuple(given["violations"])})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
