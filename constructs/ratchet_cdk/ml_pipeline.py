"""A SageMaker pipeline from the same definition that runs on a laptop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from config.settings import Settings
from pipeline_defs.authoring import Context, Functions, Pipeline
from ratchet_cdk.arns import Arns
from ratchet_cdk.buckets import LoopBucket
from ratchet_cdk.champion import NO_CHAMPION, ChampionResolver
from ratchet_cdk.code_bucket import CodeBucket
from ratchet_cdk.job_permissions import grant_run_jobs
from ratchet_cdk.model_registry import ModelRegistry
from ratchet_cdk.narrow_role import NarrowRole

MANIFESTS = "manifests/"  # what a run reads, named by the digest of its content


class MlPipeline(Construct):
    """A pipeline, the code of its steps, and a role that may do what its steps need and no more.

    The pipeline is updated only after its code is published, and its permissions stand before it
    does, so no execution starts that lacks either.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        define: Callable[[Context], Pipeline],
        settings: Settings,
        code: CodeBucket,
        source: Path,
        data: LoopBucket,
        artifacts: LoopBucket,
        registry: ModelRegistry,
        champion: ChampionResolver,
    ) -> None:
        super().__init__(scope, construct_id)
        arns = Arns.of(settings)
        self.role = NarrowRole(self, "Role", service="sagemaker.amazonaws.com")
        context = Context(
            settings=settings,
            role_arn=self.role.arn,
            artifacts_uri=artifacts.uri,
            code_uri=code.uri,
            functions=Functions(resolve_champion=champion.function.arn),
            source=source,
        )
        pipeline = define(context)
        self.name = pipeline.name
        self.arn = arns.sagemaker(f"pipeline/{self.name}")
        for bundle in pipeline.bundles:
            code.publish(digest=bundle.digest, suffix=".gz", write=bundle.write_tar_gz)
        grant_run_jobs(self.role, arns=arns, image_uri=settings.image)
        code.grant_read(self.role, "ReadCode", suffix=".gz")
        self._grant_storage(data, artifacts, prefix=settings.data.prefix)
        registry.grant_register(self.role)
        champion.function.grant_invoke(self.role)
        self._pipeline(pipeline)

    def grant_start(self, role: NarrowRole) -> None:
        """Starts executions of this pipeline, and sees how they are doing."""
        role.allow(
            "StartPipeline",
            actions=["sagemaker:StartPipelineExecution", "sagemaker:ListPipelineExecutions"],
            resources=[self.arn],
        )

    def _pipeline(self, pipeline: Pipeline) -> None:
        # In the template, not in S3: the definition names resources of the same deployment, which
        # a file cannot, and a template carries as much (1 MB) as a definition may hold.
        body = cdk.Stack.of(self).to_json_string(pipeline.definition())
        resource = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline.name,
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=self.role.arn,
        )
        self.role.stands_before(resource)

    def _grant_storage(self, data: LoopBucket, artifacts: LoopBucket, *, prefix: str) -> None:
        runs = f"{self.name}/runs/"
        readable = [runs, MANIFESTS, NO_CHAMPION]
        data.grant_list(self.role, "ListData", prefixes=[prefix])
        data.grant_read(self.role, "ReadData", prefixes=[prefix])
        artifacts.grant_list(self.role, "ListArtifacts", prefixes=readable)
        artifacts.grant_read(self.role, "ReadArtifacts", prefixes=readable)
        artifacts.grant_write(self.role, "WriteRuns", prefixes=[runs])
