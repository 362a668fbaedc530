"""Pipelines, and what starts them."""

from __future__ import annotations

from typing import Literal

import jsii
from constructs import IValidation

from ratchet import imported
from ratchet.loop import folders, names
from ratchet.loop.facts import EvaluationFacts, PipelinesFacts, TrainingFacts
from ratchet.pipelines.registry import PIPELINES_STACK, PipelineEntry, construct_id, pipelines
from ratchet_cdk.capabilities.stack import CapableStack
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.evaluation_pipeline import EvaluationPipeline
from ratchet_cdk.pipelines.imported_pipeline import ImportedMlPipeline
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.pipelines.team_pipeline import TeamPipeline
from ratchet_cdk.serving.champion import ChampionResolver

_TEMPLATE_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


class PipelineCapabilities(CapableStack):
    """Training, evaluation, and the pipelines of the team."""

    champion: ChampionResolver
    pipeline: MlPipeline
    evaluation: EvaluationPipeline
    trigger: DataTrigger

    def resolves_champion(self) -> None:
        """The function that says which model serves, for the pipelines of this stack."""
        self.champion = ChampionResolver(self, "Champion", loop=self.resources)

    def trains(self) -> None:
        """The training pipeline, which reads landed data and asks for the champion."""
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            entry=self._listed()[names.TRAINING],
            loop=self.resources,
            invokes={"resolve_champion": self.champion.function},
        )
        role, data = self.pipeline.role, self.resources.data
        prefixes = [self.settings.data.prefix]
        data.grant_list(role, "ListData", prefixes=prefixes)
        data.grant_read(role, "ReadData", prefixes=prefixes)
        self.champion.grant_read_none(role)

    def evaluates(self, models: MlPipeline) -> None:
        """The evaluation pipeline, which judges the champion and trains nothing.

        Args:
            models: the pipeline whose runs hold the models.
        """
        self.evaluation = EvaluationPipeline(
            self,
            "Evaluation",
            loop=self.resources,
            champion=self.champion,
            models=folders.runs(models.name),
        )
        self.pipeline = self.evaluation.pipeline

    def starts_when_data_lands(self, kind: Literal["training", "evaluation"]) -> None:
        """What makes landed data a run of this stack's pipeline.

        Args:
            kind: whose settings say where data lands and when it is complete.
        """
        self.trigger = DataTrigger(
            self,
            "Trigger",
            loop=self.resources,
            pipeline=self.pipeline,
            intake=self.settings.intake(kind),
        )

    def publishes_training(self) -> None:
        """The command line builds the same pipeline from these facts, without the CDK."""
        self.publish(
            TrainingFacts(
                pipeline=self.pipeline.name,
                role_arn=self.pipeline.role.arn,
                data_bucket=self.resources.data.name,
                data_prefix=self.settings.data.prefix,
                artifacts_bucket=self.resources.artifacts.name,
                output_key_arn=self.resources.artifacts.key_arn,
                code_uri=self.resources.code.uri,
                model_package_group=self.resources.registry.name,
                functions={
                    "resolve_champion": self.champion.function.arn,
                    "start_pipeline": self.trigger.function.arn,
                },
                queue_url=self.trigger.wakes.queue.url,
                dead_letter_queue_url=self.trigger.dead_letters.queue.url,
                protected=self.settings.protected,
            )
        )

    def publishes_evaluation(self) -> None:
        """As `publishes_training`."""
        self.publish(
            EvaluationFacts(
                pipeline=self.pipeline.name,
                role_arn=self.pipeline.role.arn,
                data_prefix=self.settings.evaluation.prefix,
                code_uri=self.resources.code.uri,
                functions={
                    "resolve_champion": self.champion.function.arn,
                    "record_evaluation": self.evaluation.record.arn,
                    "start_pipeline": self.trigger.function.arn,
                },
                queue_url=self.trigger.wakes.queue.url,
                dead_letter_queue_url=self.trigger.dead_letters.queue.url,
            )
        )

    def deploys_the_teams_pipelines(self, champion: ChampionResolver | None = None) -> None:
        """Each pipeline that no other stack deploys, with a role of its own; says what is there.

        Args:
            champion: what pipelines may ask for the model that serves; None: they may not.
        """
        entries = [each for each in self._listed().values() if each.stack == PIPELINES_STACK]
        dead_letters = None
        if any(entry.schedule for entry in entries):
            # A hyphen: no construct of a pipeline has one.
            dead_letters = DeadLetters(
                self, "Dead-Letters", settings=self.settings, name=PIPELINES_STACK
            )
        made = [self._team_pipeline(entry, champion, dead_letters) for entry in entries]
        self.publish(
            PipelinesFacts(
                pipelines=[entry.name for entry in entries],
                scheduled=[entry.name for entry in entries if entry.schedule],
            )
        )
        self.node.add_validation(_Size(made))

    def _team_pipeline(
        self,
        entry: PipelineEntry,
        champion: ChampionResolver | None,
        dead_letters: DeadLetters | None,
    ) -> TeamPipeline | ImportedMlPipeline:
        if entry.imported:
            stored = imported.read(self.loop.source, entry.model, entry.name)
            return ImportedMlPipeline(
                self, construct_id(entry.name), stored=stored, loop=self.resources
            )
        return TeamPipeline(
            self,
            construct_id(entry.name),
            entry=entry,
            loop=self.resources,
            champion=champion,
            dead_letters=dead_letters,
        )

    def _listed(self) -> dict[str, PipelineEntry]:
        return pipelines(self.loop.source, self.settings.model_name)


@jsii.implements(IValidation)
class _Size:
    """Refuses a template that is too large at synthesis; CloudFormation would refuse it after
    the CDK has published it."""

    def __init__(self, made: list[TeamPipeline | ImportedMlPipeline]) -> None:
        self._made = made

    def validate(self) -> list[str]:
        size = sum(pipeline.size for pipeline in self._made)
        if size <= _TEMPLATE_BYTES:
            return []
        return [
            f"{len(self._made)} pipelines make a template of about {size / 1e6:.2f} MB; "
            f"CloudFormation takes 1 MB. Move some of them to a project of their own"
        ]
