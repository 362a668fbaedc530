"""The evaluations of a version on labelled data since its registration.

Each is an object below `evaluations/<version>/` in the artifact bucket, which the evaluation
pipeline's last step writes (lambdas/record_evaluation/evaluation.py).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ratchet.deployment.target.environment import Target
from ratchet.loop import evaluations, folders
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.loop.facts import TrainingFacts


def read(target: Target, deployed: TrainingFacts, *, version: int) -> list[EvaluationRecord]:
    """The evaluations of a version, oldest first. Objects that are not such a record are left
    out."""
    s3 = target.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployed.artifacts_bucket, Prefix=folders.evaluations_of(version)
    )
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def get(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=deployed.artifacts_bucket, Key=key)["Body"].read()
        return body

    with ThreadPoolExecutor(max_workers=8) as pool:
        records = [record for text in pool.map(get, keys) if (record := parse(text))]
    return sorted(records, key=lambda record: (record.evaluated, record.execution))


def parse(text: bytes) -> EvaluationRecord | None:
    """The record of an evaluation; None if the object is something else."""
    try:
        return evaluations.parse(text)
    except ValueError:
        return None
