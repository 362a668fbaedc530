"""An imported pipeline in one environment: its definition filled in, and the code it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ratchet.authoring.bundle import Bundle, CodeFile
from ratchet.authoring.checks import check
from ratchet.authoring.errors import DefinitionError, Problem
from ratchet.definition.document import DefinedStep, read
from ratchet.definition.expressions import Keys
from ratchet.definition.rewriting import rewritten
from ratchet.definition.service_model import is_taggable
from ratchet.imported import registries
from ratchet.imported.placeholders import details, filled
from ratchet.imported.stored import StoredPipeline
from ratchet.loop import names
from ratchet.loop.problems import BINARY
from ratchet.permissions import Missing, needs
from ratchet.settings import tags
from ratchet.settings.arns import RegionArns
from ratchet.settings.schema import ModelSettings, Settings

_ARNS = RegionArns(region="us-east-1", account="0" * 12)
_ARCHIVE = "sourcedir.tar.gz"
_ENCRYPTED = ("ProcessingOutputConfig", "OutputDataConfig", "TransformOutput")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a pipeline goes; the strings may be CDK tokens."""

    settings: Settings
    role_arn: str
    artifacts_uri: str
    data_uri: str
    code_uri: str
    account: str
    output_key_arn: str = ""


class ImportedPipeline:
    """The same for the CDK and for `ratchet run`, as the project's own pipelines are."""

    def __init__(self, stored: StoredPipeline, placement: Placement) -> None:
        self.kind, self._stored, self._placement = stored.name, stored, placement
        self.name = placement.settings.pipeline_name(stored.name)

    @cached_property
    def bundles(self) -> Mapping[str, Bundle]:
        """Folder below `code/` → its files; those that the definition names."""
        folders = details(self._stored.definition["Steps"], "code", "archive")
        return {folder: self._stored.bundle(folder) for folder in sorted(folders)}

    @property
    def code(self) -> Iterator[CodeFile]:
        """What must be in the code bucket before the pipeline runs."""
        archives = details(self._stored.definition["Steps"], "archive")
        for folder, bundle in self.bundles.items():
            if folder in archives:
                yield CodeFile(
                    name=folder, digest=bundle.digest, path=_ARCHIVE, write=bundle.write_tar_gz
                )
                continue
            for file in bundle.code_files:
                yield replace(file, name=f"{folder}/{file.path}")

    def definition(self) -> dict[str, Any]:
        """SageMaker's pipeline definition.

        Raises:
            DefinitionError: with every problem that was found.
        """
        problems = [*self._problems()]
        if problems:
            raise DefinitionError(self.name, problems)
        return self._definition

    def to_json(self) -> str:
        return json.dumps(self.definition(), separators=(",", ":"))

    # -- inside

    @cached_property
    def _definition(self) -> dict[str, Any]:
        document = read(filled(self._stored.definition, self._fill))
        changes = {
            (*step.keys, *keys): value
            for step in document.steps
            for keys, value in self._finished(step).items()
        }
        definition: dict[str, Any] = rewritten(document.body, changes)
        return definition

    def _problems(self) -> Iterator[Problem]:
        for problem in check(self._definition, name=self.name):
            # Both were said at the import; SageMaker takes them.
            unused = problem.step is None and problem.expected.startswith("no step uses it")
            if not unused and not _is_about_cache(problem):
                yield problem

    def _finished(self, step: DefinedStep) -> dict[Keys, Any]:
        """What only the environment knows: tags, the key of what is written, whether to cache."""
        if not isinstance(step.body.get("Arguments"), dict):
            return {}
        changes: dict[Keys, Any] = {}
        for name in _ENCRYPTED:
            if self._placement.output_key_arn and isinstance(step.arguments.get(name), dict):
                changes[("Arguments", name, "KmsKeyId")] = self._placement.output_key_arn
        if step.body.get("CacheConfig") and not self._placement.settings.cache_expire_after:
            changes[("CacheConfig", "Enabled")] = False
        if is_taggable(step.type):
            changes[("Arguments", "Tags")] = self._tags(step)
        return changes

    def _tags(self, step: DefinedStep) -> list[dict[str, Any]]:
        declared = {p["Name"] for p in self._stored.definition.get("Parameters", ())}
        experiment: Any = {"Get": f"Parameters.{names.EXPERIMENT_PARAMETER}"}
        cost_tags: dict[str, Any] = {
            **self._placement.settings.tags,
            tags.PIPELINE: self.name,
            tags.STEP: step.name,
            tags.EXPERIMENT: experiment
            if names.EXPERIMENT_PARAMETER in declared
            else self._placement.settings.experiment,
            tags.RUN: {"Get": "Execution.PipelineExecutionId"},
        }
        present = list(step.arguments.get("Tags") or ())
        keys = {tag.get("Key") for tag in present}
        return [{"Key": k, "Value": v} for k, v in cost_tags.items() if k not in keys] + present

    def _fill(self, name: str, detail: str) -> str:
        placement, settings = self._placement, self._placement.settings
        match name:
            case "code":
                return f"{placement.code_uri}/{self.bundles[detail].digest}"
            case "archive":
                return f"{placement.code_uri}/{self.bundles[detail].digest}/{_ARCHIVE}"
            case "image":
                return self._image(detail)
        values = {
            "role": placement.role_arn,
            "artifacts": placement.artifacts_uri,
            "data": placement.data_uri,
            "pipeline": self.name,
            "prefix": settings.prefix,
            "experiment": settings.experiment,
            "account": placement.account,
            "region": settings.region,
        }
        if name not in values:
            expected = f"${{ratchet:{name}}} stands for nothing; there are {', '.join(values)}"
            raise DefinitionError(self.name, [Problem(expected=expected)])
        return values[name]

    def _image(self, image: str) -> str:
        region = self._placement.settings.region
        uri = registries.in_region(image, region)
        if uri is None:
            problem = Problem(
                argument="image",
                value=image,
                expected=f"AWS publishes no such image in {region}",
                fix="name one of your own in definition.json, or choose another region",
            )
            raise DefinitionError(self.name, [problem])
        return uri


def check_stored(stored: StoredPipeline) -> list[Problem]:
    """What is wrong with an imported definition wherever it goes."""
    try:
        _anywhere(stored).definition()
    except DefinitionError as error:
        return list(error.problems)
    return []


def missing_permissions(stored: StoredPipeline) -> list[Missing]:
    """What its definition does not say of its role's permissions, wherever it goes."""
    return needs(_anywhere(stored).definition(), arns=_ARNS)[1]


def _anywhere(stored: StoredPipeline) -> ImportedPipeline:
    settings = Settings(
        environment="dev",
        model_name="x",
        project="x",
        region=_ARNS.region,
        owner="x",
        cost_center="x",
        model=ModelSettings(problem=BINARY, label="x"),
    )
    placement = Placement(
        settings=settings,
        role_arn=_ARNS.role("pipeline"),
        artifacts_uri="s3://artifacts",
        data_uri="s3://data",
        code_uri="s3://code",
        account=_ARNS.account,
    )
    return ImportedPipeline(stored, placement)


def _is_about_cache(problem: Problem) -> bool:
    return "cached step would" in problem.expected
