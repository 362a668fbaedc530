"""Runs definitions as `ratchet run --local` does, in a folder, with functions that are Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.flights import write_month
from pipeline_defs.flights.training import training
from ratchet.authoring import Context, Functions, Pipeline
from ratchet.loop.names import NONE
from ratchet.loop.packages import PENDING
from ratchet.runner import (
    Access,
    Callbacks,
    FolderStorage,
    Identity,
    LambdaFailed,
    Parallelism,
    Result,
    StepCache,
    run,
)
from ratchet.settings.schema import ModelSettings, MonitorSettings, Settings
from resolve_champion.champion import ResolvedChampion

ROOT = Path(__file__).parents[2]
NO_CHAMPION = "s3://artifacts/champion/none/"


class Laptop:
    """Buckets below one folder; `functions` by the last part of their ARN."""

    def __init__(self, folder: Path, context: Context) -> None:
        self.folder, self.context = folder, context
        self.storage = FolderStorage(folder / "s3")
        self.cache = StepCache(folder / "cache.sqlite3")
        self.functions: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.registered: list[dict[str, Any]] = []
        self.callbacks = Callbacks()
        self.runs = 0

    def run(self, pipeline: Pipeline, **parameters: Any) -> Result:
        for bundle in pipeline.bundles:
            for key, content in bundle.objects().items():
                self.storage.write_bytes(f"{self.context.code_uri}/{key}", content)
        self.runs += 1
        arn = f"arn:aws:sagemaker:us-east-1:111122223333:pipeline/{pipeline.name}"
        return run(
            pipeline.to_json(),
            parameters=parameters,
            identity=Identity(
                pipeline_name=pipeline.name,
                pipeline_arn=arn,
                execution_id=f"run{self.runs}",
                execution_arn=f"{arn}/execution/run{self.runs}",
                start_time=datetime.now(UTC),
            ),
            storage=self.storage,
            services=self,
            workdir=self.folder / "work" / f"run{self.runs}",
            cache=self.cache,
            parallelism=Parallelism(2),
        )

    def send_message(self, queue_url: str, body: str) -> None:
        raise AssertionError("no pipeline of ours has a Callback step")

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Everybody may make everything."""

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        return Access()

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        name = function_arn.rpartition(":")[2]
        if name not in self.functions:
            raise LambdaFailed(f"no function {name}")
        return self.functions[name](payload)

    def register_model(self, arguments: dict[str, Any]) -> str:
        self.registered.append(arguments)
        group = arguments["ModelPackageGroupName"]
        return f"arn:aws:sagemaker:us-east-1:111122223333:model-package/{group}/{self.runs}"

    def create_model(self, arguments: dict[str, Any]) -> str:
        raise AssertionError("no step here creates a model")

    def describe_model(self, name: str) -> Mapping[str, Any]:
        raise LookupError(name)

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        raise LookupError(name_or_arn)

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        return None

    def put(self, uri: str, content: str) -> str:
        self.storage.write_bytes(uri, content.encode())
        return uri

    def document(self, uri: str) -> Any:
        return json.loads(self.storage.read_bytes(uri))

    def manifest(self, uri: str, *, prefix: str) -> str:
        """A manifest of everything below `prefix`."""
        keys = [found.uri.removeprefix(prefix) for found in self.storage.list(prefix)]
        return self.put(uri, json.dumps([{"prefix": prefix}, *sorted(keys)]))

    def land(self, month: int, *, below: str = "s3://data/raw/", first: int = 0) -> None:
        """Real flights of a month of 2013: one in ten, from row `first` on."""
        for file in write_month(month, self.folder / "drops"):
            header, *rows = file.read_text().splitlines(keepends=True)
            kept = rows[first::10] if file.stem == "flights" else rows
            self.put(f"{below}{file.parent.name}/{file.name}", "".join([header, *kept]))


def after_winter(folder: Path, *, monitor: MonitorSettings | None = None) -> Laptop:
    """January and February of 2013 have landed; nothing serves."""
    settings = Settings(
        environment="dev",
        model_name="flights",
        model=ModelSettings(problem="binary", label="late"),
        project="flights",
        region="us-east-1",
        owner="ml-platform",
        cost_center="ml-0001",
        hyperparameters={"num_round": 30, "max_depth": 4},
        monitor=monitor or MonitorSettings(),
    )
    functions = {
        name: f"arn:aws:lambda:us-east-1:111122223333:function:{name.replace('_', '-')}"
        for name in (
            "resolve_champion",
            "select_captured",
            "publish_monitoring",
            "record_evaluation",
        )
    }
    context = Context(
        settings=settings,
        role_arn="arn:aws:iam::111122223333:role/flights-dev-pipeline",
        artifacts_uri="s3://artifacts",
        code_uri="s3://code",
        functions=Functions(**functions),
        source=ROOT,
    )
    laptop = Laptop(folder, context)
    for month in (1, 2):
        laptop.land(month)
    laptop.put(f"{NO_CHAMPION}README", "nothing serves yet")
    return laptop


def champion_answer(
    artifact: str, *, package_arn: str = NONE, newest_digest: str = NONE
) -> dict[str, str]:
    """What the function of the `champion` step answers; version 9 is the newest."""
    return ResolvedChampion(
        model_uri=artifact,
        package_arn=package_arn,
        version=NONE if package_arn == NONE else "1",
        newest_version=NONE if newest_digest == NONE else "9",
        newest_digest=newest_digest,
        newest_approval=NONE if newest_digest == NONE else PENDING,
    ).outputs()


def run_training(
    laptop: Laptop,
    *,
    champion: str = NO_CHAMPION,
    newest_digest: str = NONE,
    monitor: MonitorSettings | None = None,
) -> Result:
    """The training pipeline on everything that has landed."""
    answer = champion_answer(champion, newest_digest=newest_digest)
    laptop.functions["resolve-champion"] = lambda event: answer
    manifest = laptop.manifest("s3://artifacts/manifests/landed.json", prefix="s3://data/raw/")
    settings = laptop.context.settings
    context = replace(
        laptop.context, settings=replace(settings, monitor=monitor or settings.monitor)
    )
    return laptop.run(training(context), InputManifest=manifest)


def steps(result: Result) -> Mapping[str, Any]:
    """Name → record."""
    return {record.name: record for record in result.steps}


def output(result: Result, step: str, name: str) -> str:
    """The URI of a step's output."""
    outputs = steps(result)[step].properties["ProcessingOutputConfig"]["Outputs"]
    (uri,) = [out["S3Output"]["S3Uri"] for out in outputs if out["OutputName"] == name]
    return str(uri)
