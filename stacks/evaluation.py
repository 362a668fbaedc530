"""The evaluation pipeline, its trigger, and the champion that it evaluates."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.loop import folders
from ratchet.loop.facts import EvaluationFacts
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.evaluation_pipeline import EvaluationPipeline
from ratchet_cdk.serving.champion import ChampionResolver
from stacks.foundation import Foundation
from stacks.training import Training


class Evaluation(cdk.Stack):
    """Evaluates the champion on labelled data that lands below its prefix.

    It takes nothing from the Training stack but a name: each of the two runs, and is deployed,
    whatever the other does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        source: Path,
        foundation: Foundation,
        training: Training,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-evaluation",
            description="Evaluation pipeline of the model loop, started when labelled data lands",
            termination_protection=settings.protected,
        )
        self.add_stack_dependency(foundation)
        self.loop = loop = foundation.loop(self, settings=settings, source=source)
        self.champion = ChampionResolver(self, "Champion", loop=loop)
        self.evaluation = EvaluationPipeline(
            self,
            "Evaluation",
            loop=loop,
            champion=self.champion,
            models=folders.runs(training.pipeline.name),
        )
        self.trigger = DataTrigger(
            self,
            "Trigger",
            loop=loop,
            pipeline=self.evaluation.pipeline,
            intake=settings.intake("evaluation"),
        )
        self._tell_what_is_deployed()

    def _tell_what_is_deployed(self) -> None:
        """The command line builds the same pipeline from these facts, without the CDK."""
        facts = EvaluationFacts(
            pipeline=self.evaluation.pipeline.name,
            role_arn=self.evaluation.pipeline.role.arn,
            data_prefix=self.loop.settings.evaluation.prefix,
            code_uri=self.loop.code.uri,
            functions={
                "resolve_champion": self.champion.function.arn,
                "record_evaluation": self.evaluation.record.arn,
                "start_pipeline": self.trigger.function.arn,
            },
            queue_url=self.trigger.wakes.queue.url,
            dead_letter_queue_url=self.trigger.dead_letters.queue.url,
        )
        publish_facts(self, facts, settings=self.loop.settings)
