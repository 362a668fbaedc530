"""A SageMaker pipeline from the same definition that runs on a laptop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.authoring import Bundle, Context, Functions, Pipeline, bundle_script
from ratchet.authoring.bundle import ARCHIVE_SUFFIX
from ratchet.loop import folders
from ratchet.permissions import needs, registered_images
from ratchet.pipelines.registry import PipelineEntry
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.pipelines.cost_tags import tag_pipeline
from ratchet_cdk.pipelines.definition_body import definition_body, template_size

_bundle = cache(bundle_script)  # every environment gets the same


class OpenDefinitionError(ValueError):
    """A definition that leaves open what its pipeline's role needs."""


class MlPipeline(Construct):
    """A pipeline, the code of its steps, and a role that may do what its definition needs and no
    more, read the manifests, and read and write its own runs. What its steps read beside that is
    granted to the role by those who have it.

    The pipeline is updated only after its code is published, and its permissions stand before it
    does, so no execution starts that lacks either.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        entry: PipelineEntry,
        loop: LoopResources,
        invokes: Mapping[str, PythonFunction],
    ) -> None:
        """
        Args:
            entry: of an authored pipeline; imported ones have a construct of their own.
            invokes: functions that its steps call, by the names of `Functions`.

        Raises:
            OpenDefinitionError: with the statements to add.
        """
        super().__init__(scope, construct_id)
        self._loop = loop
        self.role = NarrowRole(self, "Role", service="sagemaker.amazonaws.com")
        pipeline = entry.compile(self._context(invokes))
        assert isinstance(pipeline, Pipeline)
        self.compiled = pipeline
        self.name = pipeline.name
        self.arn = loop.arns.sagemaker(f"pipeline/{self.name}")
        self._publish(pipeline.bundles)
        self.definition = definition = pipeline.definition()
        self.registered_images = registered_images(definition)
        self._grant(definition, entry.permissions)
        self._grant_files(definition)
        self._pipeline(definition)

    def _context(self, invokes: Mapping[str, PythonFunction]) -> Context:
        loop = self._loop
        return Context(
            settings=loop.settings,
            role_arn=self.role.arn,
            artifacts_uri=loop.artifacts.uri,
            data_uri=loop.data.uri,
            account=loop.arns.account,
            output_key_arn=loop.artifacts.key_arn,
            code_uri=loop.code.uri,
            functions=Functions(**{name: function.arn for name, function in invokes.items()}),
            source=loop.source,
            bundler=_bundle,
        )

    def _publish(self, bundles: Sequence[Bundle]) -> None:
        code = self._loop.code
        for bundle in bundles:
            if bundle.is_folder:
                for file in bundle.code_files:
                    code.publish_below(digest=file.digest, path=file.path, write=file.write)
            else:
                code.publish(digest=bundle.digest, suffix=ARCHIVE_SUFFIX, write=bundle.write_tar_gz)

    def _grant_files(self, definition: Mapping[str, Any]) -> None:
        """Its steps' code, the manifests, and its own runs."""
        self._loop.code.grant_read(self.role, "ReadCode", suffix=ARCHIVE_SUFFIX)
        if any(bundle.is_folder for bundle in self.compiled.bundles):
            self._loop.code.grant_read_folders(self.role, "ReadNotebooks")
        written = [folders.runs(self.name)]
        if (checkpoints := folders.checkpoints(self.name)) in json.dumps(definition):
            written.append(checkpoints)
        readable = [*written, folders.MANIFESTS]
        artifacts = self._loop.artifacts
        artifacts.grant_list(self.role, "ListOwn", prefixes=readable)
        artifacts.grant_read(self.role, "ReadOwn", prefixes=readable)
        artifacts.grant_write(self.role, "WriteRuns", prefixes=written)

    def _grant(
        self, definition: Mapping[str, Any], statements: Sequence[Mapping[str, Any]]
    ) -> None:
        permissions, missing = needs(
            definition, arns=self._loop.arns, granted_buckets=[self._loop.code.name]
        )
        named = {statement.get("Sid") for statement in statements}
        open_ = [need for need in missing if need.permission.sid not in named]
        if open_:
            raise OpenDefinitionError(
                f"the definition of pipeline {self.name} leaves open what its role needs. Add "
                "these statements to permissions=[…] of its PipelineEntry, with … filled in:\n  "
                + "\n  ".join(map(str, open_))
            )
        self.role.allow_all(permissions)
        self.role.allow_statements(statements, reason=f"Its pipeline, {self.name}, names it.")

    @property
    def size(self) -> int:
        """Characters of the template that its definition and its role take, about."""
        return template_size(self, self._body) + round(0.9 * self.role.size)

    def grant_start(self, role: NarrowRole) -> None:
        """Starts executions of this pipeline, and lists them."""
        role.allow(
            "StartPipeline",
            actions=["sagemaker:StartPipelineExecution", "sagemaker:ListPipelineExecutions"],
            resources=[self.arn],
        )

    def grant_look_at_steps(self, role: NarrowRole) -> None:
        """Lists the steps of its executions."""
        role.allow(
            "LookAtSteps",
            actions=["sagemaker:ListPipelineExecutionSteps"],
            resources=[f"{self.arn}/execution/*"],
            wildcard="SageMaker names the executions of this pipeline.",
        )

    def _pipeline(self, definition: Mapping[str, Any]) -> None:
        # In the template, not in S3: the definition names resources of the same deployment, which
        # a file cannot, and a template carries as much (1 MB) as a definition may hold.
        self._body = definition_body(definition)
        resource = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_definition={"PipelineDefinitionBody": self._body},
            role_arn=self.role.arn,
        )
        tag_pipeline(resource, self.name)
        self.role.stands_before(resource)
