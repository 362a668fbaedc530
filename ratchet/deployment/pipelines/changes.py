"""The pipelines of the source and the deployed ones, with the code of both."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.deployment.errors import NotDeployedError, denied
from ratchet.deployment.pipelines import publishing, source, templates
from ratchet.deployment.pipelines.publishing import DeployedPipeline
from ratchet.deployment.pipelines.templates import StackDefinition
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import TrainingFacts

if TYPE_CHECKING:
    from ratchet.authoring import Context
    from ratchet.pipelines.registry import CompiledPipeline, PipelineEntry


@dataclass(frozen=True, kw_only=True)
class PipelineChange:
    """A deployed pipeline: the definition that its stack was deployed with, and the source's.

    `files_of` gives the files of a code bundle by its URI, name → digest; None when the bundle
    cannot be had.
    """

    name: str
    deployed: str
    source: str
    files_of: Callable[[str], Mapping[str, str] | None]
    replaced: bool = False
    """The pipeline runs something else than `deployed`."""


@dataclass(frozen=True, kw_only=True)
class NewPipeline:
    """A pipeline of the source that is not deployed yet."""

    name: str
    source: str
    """Its definition's JSON, with placeholders for what only a deployment knows."""


@dataclass(frozen=True, kw_only=True)
class UnreadPipeline:
    """A pipeline of which it cannot be said how it differs."""

    name: str
    reason: str
    mistake: bool
    """The source's, which has to be put right; otherwise a deployment does it."""


AnyChange = PipelineChange | NewPipeline | UnreadPipeline


class Comparing:
    """Compares pipelines with what one target has of them, each by itself: that one of them cannot
    be compared holds back none of the others."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._facts: TrainingFacts | None = None
        self._definitions: dict[str, Mapping[str, StackDefinition]] = {}
        self.missing = ""
        """Why nothing of the environment is known; "": it is."""
        try:
            self._facts = facts.read(target)
        except NotDeployedError as problem:
            self.missing = str(problem)

    def changes(self) -> Iterator[AnyChange]:
        """All pipelines of the source, and those that it no longer has."""
        entries = source.entries(self._target.settings.model_name, self._target.root)
        for listed in entries.values():
            yield self.change(listed)
        yield from self._dropped(entries)

    def change(self, listed: PipelineEntry) -> AnyChange:
        from ratchet.authoring import BundleError, DefinitionError

        name = self._target.settings.pipeline_name(listed.name)
        try:
            return self._change(listed, name)
        except (DefinitionError, BundleError) as problem:
            reason = str(problem).removeprefix(f"pipeline {name!r} ")
            return UnreadPipeline(name=name, reason=reason, mistake=True)

    def _change(self, listed: PipelineEntry, name: str) -> AnyChange:
        target = self._target
        try:
            deployed = publishing.deployed_pipeline(target, name)
        except NotDeployedError:
            compiled = source.compile_without_cloud(listed.name, target.settings, root=target.root)
            return NewPipeline(name=name, source=compiled.to_json())
        if self._facts is None:
            return UnreadPipeline(name=name, reason=self.missing, mistake=False)
        try:
            context = source.context(target, self._facts, listed, role_arn=deployed.role_arn)
        except NotDeployedError as problem:
            return UnreadPipeline(name=name, reason=str(problem), mistake=False)
        return self._compared(listed, deployed, listed.compile(context), context)

    def _compared(
        self,
        listed: PipelineEntry,
        deployed: DeployedPipeline,
        pipeline: CompiledPipeline,
        context: Context,
    ) -> PipelineChange:
        definition = self._stack_definition(listed, deployed.name)
        before, after = deployed.definition, pipeline.to_json()
        replaced = definition is not None and not definition.is_of(before)
        if replaced and definition is not None:
            before = definition.resolved(before) or definition.resolved(after, before) or before
        return PipelineChange(
            name=deployed.name,
            deployed=before,
            source=after,
            files_of=_files_of(self._target, pipeline, context),
            replaced=replaced,
        )

    def _stack_definition(self, listed: PipelineEntry, name: str) -> StackDefinition | None:
        """None where whoever asks may not read templates: then what runs is compared."""
        from botocore.exceptions import ClientError

        if listed.stack not in self._definitions:
            try:
                self._definitions[listed.stack] = templates.read(self._target, [listed.stack])
            except ClientError as error:
                if not denied(error):
                    raise
                self._definitions[listed.stack] = {}
        return self._definitions[listed.stack].get(name)

    def _dropped(self, entries: Mapping[str, PipelineEntry]) -> Iterator[UnreadPipeline]:
        try:
            deployed = facts.read_pipelines(self._target).pipelines
        except NotDeployedError:
            return
        for kind in deployed:
            if kind not in entries:
                yield UnreadPipeline(
                    name=self._target.settings.pipeline_name(kind),
                    reason="the source has it no longer, so the next deployment removes it",
                    mistake=False,
                )


def _files_of(
    target: Target, pipeline: CompiledPipeline, context: Context
) -> Callable[[str], Mapping[str, str] | None]:
    from ratchet.authoring import Pipeline

    local: dict[str, Mapping[str, bytes]] = {}
    if isinstance(pipeline, Pipeline):
        local = {context.bundle_uri(bundle): bundle.files for bundle in pipeline.bundles}

    def files_of(uri: str) -> Mapping[str, str] | None:
        files = local.get(uri)
        if files is None:
            files = _stored_files(target, uri)
        if files is None:
            return None
        return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    return files_of


def _stored_files(target: Target, uri: str) -> Mapping[str, bytes] | None:
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if key.endswith("/"):
        return _files_in_folder(target, bucket, key)
    try:
        packed = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
            return {name: file.read() for name, file in files.items() if file is not None}
    except (ClientError, tarfile.TarError):
        return None


def _files_in_folder(target: Target, bucket: str, folder: str) -> Mapping[str, bytes] | None:
    from botocore.exceptions import ClientError

    s3 = target.client("s3")
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return {
            key.removeprefix(folder): s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in keys
        } or None
    except ClientError:
        return None
