"""A deployed environment in a local cloud, and what tests and benchmarks do with it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import psutil
import pytest

from demo.flights import write_month
from ratchet.costs import rows
from ratchet.costs.rows import Row
from ratchet.deployment import standing
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.pipelines import source as sources
from ratchet.deployment.registry import approval
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import landing, snapshots
from ratchet.deployment.runs.executions import Run, RunState, RunStep
from ratchet.deployment.runs.reports import Findings, findings
from ratchet.deployment.target import cdk, facts
from ratchet.deployment.target.environment import Target, local_target
from ratchet.local_cloud import control
from ratchet.loop.facts import TrainingFacts
from ratchet.project import Project, current, load
from ratchet.settings.schema import Settings
from tests.projects import ROOT

PATIENCE = 120.0
PRICES: Mapping[str, Mapping[str, str]] = {
    "ml.m5.large": {"Processing": "36", "Training": "72"},
    "ml.t2.medium": {"Hosting": "3.6"},
}
"""What the emulated Price List lists: a cent a second for processing, so that cents tell."""
SAMPLE = 10
"""Every tenth flight: enough for a model, and a run takes seconds."""


@dataclass
class Loop:
    """A deployed environment, and what the tests do with it."""

    folder: Path
    settings: Settings
    project: Project = field(default_factory=current)

    @cached_property
    def target(self) -> Target:
        return local_target(project=self.project, settings=self.settings, folder=self.folder)

    @cached_property
    def deployed(self) -> TrainingFacts:
        return facts.read(self.target)

    def client(self, service: str) -> Any:
        return self.target.client(service)

    def restarted(self) -> Loop:
        """The same cloud after its process was started again, perhaps on another port."""
        return Loop(self.folder, self.settings, self.project)

    # -- data

    def put(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(
            Bucket=self.deployed.data_bucket, Key=f"{self.deployed.data_prefix}{key}", Body=body
        )

    def land(self, folder: Path, *, again: bool = False) -> list[landing.Landed]:
        parcels = landing.parcels([folder], prefix=self.deployed.data_prefix)
        return landing.land(
            self.client("s3"), bucket=self.deployed.data_bucket, parcels=parcels, again=again
        )

    def manifest(self, run: Run) -> list[Any]:
        uri = runs.read(self.target, run).parameters["InputManifest"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return list(json.loads(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))

    # -- runs

    def runs(self) -> list[Run]:
        return runs.listed(self.target, pipeline=self.deployed.pipeline)

    def finished(self, run: Run, *, every: float = 0.3) -> RunState:
        """Waits for the run's end, looking `every` so many seconds."""

        def ended() -> RunState | None:
            state = runs.read(self.target, run)
            return state if state.run.finished else None

        return until(ended, f"{run.name} has not finished", every=every)

    def next_run(self, known: int) -> Run:
        """Waits for a run that starts by itself, beyond the `known` ones."""
        return until(
            lambda: found[0] if len(found := self.runs()) > known else None,
            f"no run started beyond the {known} known ones",
        )

    def publish(self, source: Path = ROOT, **hyperparameters: int | float) -> None:
        """Deploys the training pipeline of a source, without the time that the CDK takes."""
        target = replace(
            self.target,
            settings=replace(
                self.settings,
                hyperparameters={**self.settings.hyperparameters, **hyperparameters},
            ),
        )
        training = sources.entry("training", self.settings.model_name, source)
        deployed = pipelines.deployed_pipeline(target, self.deployed.pipeline)
        context = sources.context(
            target, self.deployed, training, role_arn=deployed.role_arn, root=source
        )
        pipeline = training.compile(context)
        pipelines.upload(target, pipeline, context)
        if not deployed.runs(definition := pipeline.to_json()):
            self.client("sagemaker").update_pipeline(
                PipelineName=deployed.name, PipelineDefinition=definition
            )

    def start(
        self,
        source: Path = ROOT,
        *,
        parameters: Mapping[str, str] = MappingProxyType({}),
        **hyperparameters: int | float,
    ) -> Run:
        """Deploys the training pipeline of a source as `publish` does, and starts it."""
        self.publish(source, **hyperparameters)
        manifest = snapshots.newest(self.target, self.deployed).manifest
        return pipelines.start(
            self.target,
            name=self.deployed.pipeline,
            parameters={"InputManifest": manifest, **parameters},
            display_name="by-hand",
            description="a test",
        )

    def steps(self, run: Run) -> list[RunStep]:
        return list(runs.steps(self.client("sagemaker"), run.arn))

    def findings(self, state: RunState) -> Findings:
        return findings(self.target, state)

    # -- champion

    def deploy_champion(self, package_arn: str) -> None:
        self.client("ssm").put_parameter(
            Name=self.settings.parameter("champion"),
            Value=package_arn,
            Type="String",
            Overwrite=True,
        )

    def registered(self) -> list[int]:
        """Versions in the registry, oldest first."""
        pages = (
            self.client("sagemaker")
            .get_paginator("list_model_packages")
            .paginate(ModelPackageGroupName=self.deployed.model_package_group)
        )
        return sorted(
            package["ModelPackageVersion"]
            for page in pages
            for package in page["ModelPackageSummaryList"]
        )

    # -- serving

    def decide(self, number: int, verdict: approval.Verdict) -> None:
        """What `ratchet approve` and `ratchet reject` do."""
        found = registry.versions(self.target, self.deployed.model_package_group)
        version = next(one for one in found if one.version == number)
        approval.decide(self.target, version, verdict, because="a test")

    def settled(self, number: int) -> standing.Standing:
        """Waits until a version serves and nothing is under way."""

        def serves() -> standing.Standing | None:
            seen = standing.look(self.target)
            live = seen.live.version if seen.live else None
            return seen if seen.settled and seen.deployed == live == number else None

        return until(serves, f"version {number} does not serve", every=1.0)

    def tell_cloud(self, path: str, settings: Mapping[str, Any]) -> None:
        """Sets a switch of the local cloud (docs/guides/local-cloud.md)."""
        self.target.ask(path, dict(settings))

    def unfit_answers(self) -> list[str]:
        """SageMaker's answers so far that botocore's model does not allow."""
        unfit: list[str] = self.target.ask("status")["unfit_answers"]
        return unfit

    # -- costs

    def list_prices(self) -> None:
        """Until the cloud's end, the emulated Price List has PRICES."""
        self.tell_cloud("prices", {"hourly": {self.settings.region: PRICES}})

    def recorded(self, run: Run) -> list[Row]:
        """Waits for the rows of what a run cost, by its step in the order of time."""
        key = rows.key(run.pipeline, run.started.astimezone(UTC).date())

        def written() -> list[Row] | None:
            try:
                body = self.client("s3").get_object(Bucket=self.deployed.artifacts_bucket, Key=key)
            except self.client("s3").exceptions.NoSuchKey:
                return None
            found = [row for row in rows.read(body["Body"].read()) if row.run == run.id]
            return found if found and all(row.over for row in found) else None

        return until(written, f"what {run.name} cost is not recorded")

    # -- the trigger

    def looks(self) -> list[dict[str, Any]]:
        """Every decision that start_pipeline has logged, oldest first."""
        logs = self.client("logs")
        name = self.deployed.functions["start_pipeline"].rsplit(":", 1)[-1]
        group = self.client("lambda").get_function_configuration(FunctionName=name)[
            "LoggingConfig"
        ]["LogGroup"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = (event["message"].strip() for page in pages for event in page["events"])
        return [json.loads(line) for line in lines if line.startswith('{"level"')]

    def next_look(self, seen: int) -> dict[str, Any]:
        """Waits until the trigger has looked beyond the `seen` looks and does not wait itself."""

        def decided() -> dict[str, Any] | None:
            looks = self.looks()
            return looks[-1] if len(looks) > seen and looks[-1]["decision"] != "wait" else None

        return until(decided, f"the trigger has not decided after {seen} looks")

    def server(self) -> psutil.Process:
        endpoint = control.status(self.folder)
        assert endpoint is not None
        return psutil.Process(endpoint.pid)


T = TypeVar("T")


def until(question: Callable[[], T | None], failure: str, *, every: float = 0.3) -> T:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (answer := question()) is not None:
            return answer
        time.sleep(every)
    pytest.fail(f"{failure} within {PATIENCE:.0f} s")


def write_drop(month: int, folder: Path) -> Path:
    """One month's drop with every tenth flight."""
    drop = write_month(month, folder)[0].parent
    flights = drop / "flights.csv"
    header, *rows = flights.read_bytes().splitlines(keepends=True)
    flights.write_bytes(b"".join([header, *rows[::SAMPLE]]))
    return drop


def deploy(folder: Path, *, assembly: Path | None = None) -> Loop:
    """A new local cloud with the dev environment deployed to it by the real CDK CLI.

    Without a cloud assembly, the CLI synthesizes one.
    """
    loop = Loop(folder, load("dev"))
    said: list[str] = []
    app = ["--output", str(folder.parent / "cdk.out")]  # the CLI locks the folder it synths to
    if assembly:
        app = ["--app", str(copy_assembly(assembly, folder.with_name(f"{folder.name}-assembly")))]
    for command in (cdk.bootstrap_command(loop.target), cdk.deploy_command(loop.target, app)):
        cdk.run(loop.target, command, line=said.append)
    loop.list_prices()
    return loop


def copy_assembly(assembly: Path, folder: Path) -> Path:
    """The CDK CLI writes locks and asset archives into the assembly that it deploys."""
    shutil.copytree(assembly, folder)
    return folder
