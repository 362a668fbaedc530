"""A SageMaker pipeline that was written with the SageMaker SDK and imported by `ratchet import`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.imported import ImportedPipeline, Placement, StoredPipeline
from ratchet.imported.placeholders import texts_after
from ratchet.loop import folders, names
from ratchet.permissions import needs
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.pipelines.cost_tags import tag_pipeline
from ratchet_cdk.pipelines.definition_body import definition_body, template_size
from ratchet_cdk.pipelines.model_groups import add_model_groups

_AROUND = 900  # characters of a pipeline's resources beside its definition and its policy


class ImportedMlPipeline(Construct):
    """The pipeline, its code, the groups that it registers in, and a role that may do what its
    definition needs, what `permissions.json` beside it says, and no more. What neither says is a
    warning with the statement to add.

    The pipeline is updated only after its code is published, and its permissions stand before it
    does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stored: StoredPipeline,
        loop: LoopResources,
    ) -> None:
        super().__init__(scope, construct_id)
        self._loop = loop
        self.role = NarrowRole(self, "Role", service="sagemaker.amazonaws.com")
        pipeline = ImportedPipeline(stored, self._placement())
        self.name = pipeline.name
        self._publish(pipeline)
        self._permissions(pipeline, stored)
        add_model_groups(self, pipeline.definition(), loop.settings)
        self._pipeline(pipeline)

    def _placement(self) -> Placement:
        loop = self._loop
        return Placement(
            settings=loop.settings,
            role_arn=self.role.arn,
            artifacts_uri=loop.artifacts.uri,
            data_uri=loop.data.uri,
            code_uri=loop.code.uri,
            account=loop.arns.account,
            output_key_arn=loop.artifacts.key_arn,
        )

    @property
    def size(self) -> int:
        """About how many characters of the template it takes: 3 % too many, as measured."""
        return template_size(self, self._body) + round(0.9 * self.role.size) + _AROUND

    def _publish(self, pipeline: ImportedPipeline) -> None:
        for file in pipeline.code:
            self._loop.code.publish_below(digest=file.digest, path=file.path, write=file.write)
        if pipeline.bundles:
            self._loop.code.grant_read_folders(self.role, "ReadCode")

    def _permissions(self, pipeline: ImportedPipeline, stored: StoredPipeline) -> None:
        runs = [folders.runs(self.name)]
        readable = sorted({*runs, *texts_after(stored.definition, "artifacts")} - {""})
        self._loop.artifacts.grant_list(
            self.role, "ListOwn", prefixes=[*readable, folders.MANIFESTS]
        )
        self._loop.artifacts.grant_read(
            self.role, "ReadOwn", prefixes=[*readable, folders.MANIFESTS]
        )
        self._loop.artifacts.grant_write(self.role, "WriteRuns", prefixes=runs)
        data = {*texts_after(stored.definition, "data")}
        if any(p["Name"] == names.DATA_PARAMETER for p in stored.definition["Parameters"]):
            data.add(self._loop.settings.data.prefix)
        if data:
            self._loop.data.grant_list(self.role, "ListData", prefixes=sorted(data))
            self._loop.data.grant_read(self.role, "ReadData", prefixes=sorted(data))
        permissions, missing = needs(
            pipeline.definition(), arns=self._loop.arns, granted_buckets=[self._loop.code.name]
        )
        self.role.allow_all(permissions)
        written = stored.permissions
        self.role.allow_statements(written, reason=f"{stored.place} names it.")
        named = {statement["Sid"] for statement in written}
        for need in missing:
            if need.permission.sid not in named:
                message = f"{stored.place}/permissions.json lacks a statement: {need}"
                cdk.Annotations.of(self).add_warning_v2(f"ratchet:{need.permission.sid}", message)

    def _pipeline(self, pipeline: ImportedPipeline) -> None:
        self._body = definition_body(pipeline.definition())
        resource = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline.name,
            pipeline_definition={"PipelineDefinitionBody": self._body},
            role_arn=self.role.arn,
        )
        tag_pipeline(resource, pipeline.name)
        self.role.stands_before(resource)
