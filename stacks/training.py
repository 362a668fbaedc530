"""The training pipeline, its trigger, and the champion that candidates are compared with."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.loop import names
from ratchet.loop.facts import TrainingFacts
from ratchet.pipelines.registry import pipelines
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.serving.champion import ChampionResolver
from stacks.foundation import Foundation


class Training(cdk.Stack):
    """Trains a model on data that lands below the prefix; compares it, then registers or halts
    it."""

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
        self.loop = loop = foundation.loop(self, settings=settings, source=source)
        self.champion = ChampionResolver(self, "Champion", loop=loop)
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            entry=pipelines(source, settings.model_name)[names.TRAINING],
            loop=loop,
            invokes={"resolve_champion": self.champion.function},
        )
        self._let_the_pipeline_train()
        self.trigger = DataTrigger(
            self,
            "Trigger",
            loop=loop,
            pipeline=self.pipeline,
            intake=settings.intake("training"),
        )
        self._tell_what_is_deployed()

    def _let_the_pipeline_train(self) -> None:
        """Grants what the steps need beside their own runs."""
        role, data = self.pipeline.role, self.loop.data
        prefixes = [self.loop.settings.data.prefix]
        data.grant_list(role, "ListData", prefixes=prefixes)
        data.grant_read(role, "ReadData", prefixes=prefixes)
        self.champion.grant_read_none(role)

    def _tell_what_is_deployed(self) -> None:
        """The command line builds the same pipeline from these facts, without the CDK."""
        facts = TrainingFacts(
            pipeline=self.pipeline.name,
            role_arn=self.pipeline.role.arn,
            data_bucket=self.loop.data.name,
            data_prefix=self.loop.settings.data.prefix,
            artifacts_bucket=self.loop.artifacts.name,
            output_key_arn=self.loop.artifacts.key_arn,
            code_uri=self.loop.code.uri,
            model_package_group=self.loop.registry.name,
            functions={
                "resolve_champion": self.champion.function.arn,
                "start_pipeline": self.trigger.function.arn,
            },
            queue_url=self.trigger.wakes.queue.url,
            dead_letter_queue_url=self.trigger.dead_letters.queue.url,
            protected=self.loop.settings.protected,
        )
        publish_facts(self, facts, settings=self.loop.settings)
