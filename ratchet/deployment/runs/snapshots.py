"""The trigger's snapshots of landed data, each with the run that it started.

`manifests/<digest>/execution.json` in the artifact bucket is the training trigger's own record of a
run, and `execution-evaluation.json` that of the evaluation's
(lambdas/start_pipeline/records.py); `manifest.json` beside it is what a run reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import Target
from ratchet.loop import folders, names
from ratchet.loop.facts import TrainingFacts

_MARK = 12
"""Characters of the digest that end a run's display name (lambdas/start_pipeline/run_names.py)."""


@dataclass(frozen=True, kw_only=True)
class LandedSnapshot:
    """One content of the training window."""

    digest: str
    manifest: str
    """`s3://…/manifest.json`."""
    run_name: str
    """The display name of the run that the trigger started for it."""
    taken: datetime

    @property
    def mark(self) -> str:
        return self.digest[:_MARK]

    @property
    def label(self) -> str:
        """The part of the run's name that says which data: `2013-03`."""
        return self.run_name.removesuffix(self.mark).rstrip("-")


def newest(target: Target, deployed: TrainingFacts, *, intake: str = "training") -> LandedSnapshot:
    """The snapshot that the trigger of this pipeline ran last.

    Raises:
        DeploymentError: it has run none yet.
    """
    s3 = target.client("s3")
    record_name = f"/{folders.execution_file(intake)}"
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployed.artifacts_bucket, Prefix=folders.MANIFESTS
    )
    records: list[dict[str, Any]] = [
        item
        for page in pages
        for item in page.get("Contents", ())
        if item["Key"].endswith(record_name)
    ]
    if not records:
        land = "land FILE…" if intake == "training" else f"land --for {intake} FILE…"
        raise DeploymentError(
            "no landed data has been run yet, so there is no snapshot to run on. Land data "
            f"(`{target.command(land)}`): its run starts by itself. Or name a manifest: "
            f"-p {names.DATA_PARAMETER}=s3://…/manifest.json"
        )
    latest = max(records, key=lambda item: item["LastModified"])
    answer = s3.get_object(Bucket=deployed.artifacts_bucket, Key=latest["Key"])
    record = json.loads(answer["Body"].read())
    digest = latest["Key"].removesuffix(record_name).removeprefix(folders.MANIFESTS)
    return LandedSnapshot(
        digest=digest,
        manifest=f"s3://{deployed.artifacts_bucket}/{folders.manifest(digest)}",
        run_name=record.get("display_name") or "",
        taken=latest["LastModified"],
    )
