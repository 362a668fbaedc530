"""The evaluation pipeline, what wakes it, and the champion that it judges."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from config.settings import Settings
from ratchet.loop import folders
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.evaluation_pipeline import EvaluationPipeline
from ratchet_cdk.serving.champion import ChampionResolver
from stacks.foundation import Foundation
from stacks.training import Training


class Evaluation(cdk.Stack):
    """Labelled data lands below its prefix, and the champion is judged on it.

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
        self.evaluation = EvaluationPipeline(
            self,
            "Evaluation",
            settings=settings,
            code=self.code,
            source=source,
            data=foundation.data,
            artifacts=foundation.artifacts,
            registry=foundation.registry,
            champion=self.champion,
            models=folders.runs(training.pipeline.name),
        )
        self.trigger = DataTrigger(
            self,
            "Trigger",
            settings=settings,
            code=self.code,
            source=source,
            data=foundation.data,
            artifacts=foundation.artifacts,
            pipeline=self.evaluation.pipeline,
            registry=foundation.registry,
            notifications=foundation.notifications,
            intake=settings.intake("evaluation"),
        )
        self._tell_what_is_deployed()

    def _tell_what_is_deployed(self) -> None:
        """The command line builds the same pipeline from these facts, without the CDK."""
        facts = {
            "pipeline": self.evaluation.pipeline.name,
            "role_arn": self.evaluation.pipeline.role.arn,
            "data_prefix": self._settings.evaluation.prefix,
            "code_uri": self.code.uri,
            "functions": {
                "resolve_champion": self.champion.function.arn,
                "record_evaluation": self.evaluation.record.arn,
                "start_pipeline": self.trigger.function.arn,
            },
            "queue_url": self.trigger.wakes.queue.queue_url,
            "dead_letter_queue_url": self.trigger.dead_letters.queue.queue_url,
        }
        ssm.CfnParameter(
            self,
            "Deployed",
            name=self._settings.parameter("evaluation"),
            type="String",
            description="What the evaluation stack deployed, as JSON",
            value=self.to_json_string(facts),
        )
