"""The training pipeline, what wakes it, and what its candidates are compared with."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from config.settings import Settings
from pipeline_defs.training import training
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.serving.champion import ChampionResolver
from stacks.foundation import Foundation


class Training(cdk.Stack):
    """Data lands below the prefix, and a model is trained, compared, registered or halted."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        source: Path,
        foundation: Foundation,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-training",
            description="Training pipeline of the model loop, started when data lands",
            termination_protection=settings.protected,
        )
        self.add_stack_dependency(foundation)
        self._settings = settings
        self._foundation = foundation
        self.code = CodeBucket(self, settings=settings)
        self.champion = ChampionResolver(
            self,
            "Champion",
            settings=settings,
            code=self.code,
            source=source,
            artifacts=foundation.artifacts,
            registry=foundation.registry,
        )
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            define=training,
            settings=settings,
            code=self.code,
            source=source,
            artifacts=foundation.artifacts,
            data=foundation.data,
            invokes={"resolve_champion": self.champion.function},
        )
        self._let_the_pipeline_train()
        self.trigger = DataTrigger(
            self,
            "Trigger",
            settings=settings,
            code=self.code,
            source=source,
            data=foundation.data,
            artifacts=foundation.artifacts,
            pipeline=self.pipeline,
            registry=foundation.registry,
            notifications=foundation.notifications,
            intake=settings.intake("training"),
        )
        self._tell_what_is_deployed()

    def _let_the_pipeline_train(self) -> None:
        """What its steps need beside their own runs."""
        role, data = self.pipeline.role, self._foundation.data
        prefixes = [self._settings.data.prefix]
        data.grant_list(role, "ListData", prefixes=prefixes)
        data.grant_read(role, "ReadData", prefixes=prefixes)
        self.champion.grant_read_none(role)

    def _tell_what_is_deployed(self) -> None:
        """The command line builds the same pipeline from these facts, without the CDK."""
        facts = {
            "pipeline": self.pipeline.name,
            "role_arn": self.pipeline.role.arn,
            "data_bucket": self._foundation.data.name,
            "data_prefix": self._settings.data.prefix,
            "artifacts_bucket": self._foundation.artifacts.name,
            "output_key_arn": self._foundation.artifacts.key_arn,
            "code_uri": self.code.uri,
            "model_package_group": self._foundation.registry.name,
            "functions": {
                "resolve_champion": self.champion.function.arn,
                "start_pipeline": self.trigger.function.arn,
            },
            "queue_url": self.trigger.wakes.queue.queue_url,
            "dead_letter_queue_url": self.trigger.dead_letters.queue.queue_url,
            "protected": self._settings.protected,
        }
        ssm.CfnParameter(
            self,
            "Deployed",
            name=self._settings.parameter("training"),
            type="String",
            description="What the training stack deployed, as JSON",
            value=self.to_json_string(facts),
        )
