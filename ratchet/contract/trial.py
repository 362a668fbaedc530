"""Runs a model's training pipeline on the sample in `tests/<model>/data/`, with no cloud.

What runs is the definition that deploys: its steps as they are, in a folder that stands in for the
buckets. Nothing of it is cached, and all of it is deleted at the end.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.contract.errors import ContractError
from ratchet.loop import chains, folders, names
from ratchet.runner import (
    Access,
    Callbacks,
    Earlier,
    FolderStorage,
    Identity,
    LambdaFailed,
    Parallelism,
    Refused,
    Result,
    StepRecord,
    run,
)

if TYPE_CHECKING:
    from ratchet.authoring import Context, Pipeline
    from ratchet.project import Project
    from ratchet.settings.schema import Settings

_ACCOUNT = "000000000000"
_DATA, _ARTIFACTS, _CODE = "s3://data", "s3://artifacts", "s3://code"
_NO_CHAMPION = f"{_ARTIFACTS}/{folders.NO_CHAMPION}"
_RESOLVE = "resolve-champion"


class Trial:
    """One model's pipeline and the runs of it. Runs are made when they are first asked for."""

    def __init__(self, project: Project, model: str) -> None:
        self.project, self.model = project, model
        self._folder = tempfile.TemporaryDirectory(prefix="ratchet-check-")
        self.folder = Path(self._folder.name)
        self.storage = FolderStorage(self.folder / "s3")
        self._runs = 0

    @property
    def data(self) -> Path:
        """The sample, laid out as it lands below the data prefix."""
        return self.project.root / "tests" / self.model / "data"

    @cached_property
    def files(self) -> list[Path]:
        """The files of the sample."""
        return sorted(
            file
            for file in self.data.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        )

    @cached_property
    def settings(self) -> Settings:
        """Those of the first environment: the contract is the same in all of them."""
        return self.project.settings(self.project.environments[0], self.model)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The training pipeline, compiled for this folder."""
        from ratchet.authoring import Pipeline
        from ratchet.pipelines.registry import pipelines

        entry = pipelines(self.project.root, self.model)[names.TRAINING]
        made = entry.compile(self._context())
        assert isinstance(made, Pipeline)
        return made

    @cached_property
    def first(self) -> Result:
        """A run with no champion."""
        return self.run(champion=None)

    @cached_property
    def second(self) -> Result:
        """The same again."""
        return self.run(champion=None)

    @cached_property
    def containers(self) -> list[dict[str, Any]]:
        """Those of the first run's model."""
        return self.containers_of(self.first)

    def containers_of(self, result: Result) -> list[dict[str, Any]]:
        """The containers that a run registers its model with, as `CreateModelPackage` has them,
        also where it did not get that far.

        Raises:
            ContractError: a model of them was not trained.
        """
        models = {
            step.name: str(step.properties["ModelArtifacts"]["S3ModelArtifacts"])
            for step in result.steps
            if step.type == "Training" and step.status == "Succeeded"
        }
        for step in self.pipeline.steps:
            if step.type == "RegisterModel":
                containers = step.to_json()["Arguments"]["InferenceSpecification"]["Containers"]
                names_of_steps = [
                    re.findall(r"Steps\.([\w-]+)\.ModelArtifacts", str(container["ModelDataUrl"]))
                    for container in containers
                ]
                if all(name and name[0] in models for name in names_of_steps):
                    return [
                        {**container, "ModelDataUrl": models[name]}
                        for container, (name, *_) in zip(containers, names_of_steps, strict=True)
                    ]
        if len(models) == 1:
            return [{"Image": self.settings.image, "ModelDataUrl": next(iter(models.values()))}]
        raise ContractError(f"no model was trained: {result.failure_reason}")

    def artifacts_of(self, result: Result) -> list[str]:
        """The URIs of the archives of a run's model, in the order of its containers."""
        return [container["ModelDataUrl"] for container in self.containers_of(result)]

    def champion_of(self, result: Result) -> str:
        """A run's model as the step `champion` names it: its archive, or a folder of them."""
        uris = self.artifacts_of(result)
        if len(uris) == 1:
            return uris[0]
        digest = hashlib.sha256("\n".join(uris).encode()).hexdigest()
        folder = f"{_ARTIFACTS}/{folders.chains(self.pipeline.name)}{digest}/"
        for position, uri in enumerate(uris, start=1):
            name = chains.archive_name(position, of=len(uris))
            self.storage.write_bytes(f"{folder}{name}", self.storage.read_bytes(uri))
        return folder

    def run(
        self,
        *,
        champion: str | None,
        earlier: Mapping[str, StepRecord] | None = None,
    ) -> Result:
        """A run on the sample.

        Args:
            champion: the model that serves, as `champion_of` has it; None: there is none.
            earlier: results of steps that do not run again.
        """
        self._runs += 1
        for bundle in self.pipeline.bundles:
            for key, content in bundle.objects().items():
                self.storage.write_bytes(f"{_CODE}/{key}", content)
        name = self.pipeline.name
        arn = f"arn:aws:sagemaker:{self.settings.region}:{_ACCOUNT}:pipeline/{name}"
        return run(
            self.pipeline.to_json(),
            parameters={names.DATA_PARAMETER: self._manifest()},
            identity=Identity(
                pipeline_name=name,
                pipeline_arn=arn,
                execution_id=f"check{self._runs}",
                execution_arn=f"{arn}/execution/check{self._runs}",
                start_time=datetime.now(UTC),
            ),
            storage=self.storage,
            services=_Services(champion or _NO_CHAMPION, champion is not None),
            workdir=self.folder / "work" / str(self._runs),
            parallelism=Parallelism(2),
            earlier=Earlier(results=earlier or {}),
        )

    def outputs(self, record: StepRecord) -> dict[str, str]:
        """Name → URI of what a processing step wrote."""
        written = record.properties.get("ProcessingOutputConfig", {}).get("Outputs", ())
        return {output["OutputName"]: output["S3Output"]["S3Uri"] for output in written}

    def below(self, uri: str) -> Iterator[tuple[str, bytes]]:
        """The objects below a URI: the path from there, and the content."""
        for stored in self.storage.list(uri):
            yield stored.uri.removeprefix(uri), self.storage.read_bytes(stored.uri)

    def with_output(self, record: StepRecord, name: str, uri: str) -> StepRecord:
        """The record of a step as if it had written one of its outputs elsewhere."""
        outputs = [
            {**output, "S3Output": {**output["S3Output"], "S3Uri": uri}}
            if output["OutputName"] == name
            else output
            for output in record.properties["ProcessingOutputConfig"]["Outputs"]
        ]
        properties = {**record.properties, "ProcessingOutputConfig": {"Outputs": outputs}}
        return replace(record, properties=properties)

    def close(self) -> None:
        """Deletes what was made."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._folder.cleanup()

    def _manifest(self) -> str:
        prefix = f"{_DATA}/{self.settings.data.prefix}"
        uri = f"{_ARTIFACTS}/{folders.MANIFESTS}check.json"
        if not self.storage.exists(uri):
            keys = []
            for file in self.files:
                key = file.relative_to(self.data).as_posix()
                self.storage.write_bytes(f"{prefix}{key}", file.read_bytes())
                keys.append(key)
            self.storage.write_bytes(uri, json.dumps([{"prefix": prefix}, *keys]).encode())
            self.storage.write_bytes(f"{_NO_CHAMPION}README", b"nothing serves yet")
        return uri

    def _context(self) -> Context:
        from ratchet.authoring import Context, Functions

        function = f"arn:aws:lambda:{self.settings.region}:{_ACCOUNT}:function"
        return Context(
            settings=self.settings,
            role_arn=f"arn:aws:iam::{_ACCOUNT}:role/check",
            artifacts_uri=_ARTIFACTS,
            data_uri=_DATA,
            code_uri=_CODE,
            account=_ACCOUNT,
            functions=Functions(resolve_champion=f"{function}:{_RESOLVE}"),
            source=self.project.root,
        )


class _Services:
    """What the steps call: the champion is what the trial says, and registering registers
    nothing."""

    def __init__(self, champion: str, scored: bool) -> None:
        self._answer = {
            "model_uri": champion,
            "package_arn": "arn:aws:sagemaker:::model-package/check/1" if scored else names.NONE,
            "version": "1" if scored else names.NONE,
            "threshold": names.NONE,
            "newest_version": names.NONE,
            "newest_digest": names.NONE,
            "newest_approval": names.NONE,
        }

    @property
    def callbacks(self) -> Callbacks:
        return Callbacks()

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        if not function_arn.endswith(_RESOLVE):
            raise LambdaFailed(f"{function_arn} does not run in a check")
        return self._answer

    def register_model(self, arguments: dict[str, Any]) -> str:
        return "arn:aws:sagemaker:::model-package/check/2"

    def create_model(self, arguments: dict[str, Any]) -> str:
        return "arn:aws:sagemaker:::model/check"

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Everybody may make everything."""

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        return Access()

    def send_message(self, queue_url: str, body: str) -> None:
        raise Refused("Unsupported", "SendMessage", "no message is sent in a check")

    def describe_model(self, name: str) -> Mapping[str, Any]:
        raise LookupError(name)

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        raise LookupError(name_or_arn)

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        return None
