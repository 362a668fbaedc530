"""The pipelines that the loop has no stack for: a team's own, and those of `pipelines/`."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import jsii
from constructs import Construct, IValidation

from ratchet import imported
from ratchet.loop.facts import PipelinesFacts
from ratchet.pipelines.registry import PIPELINES_STACK, PipelineEntry, construct_id, pipelines
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.pipelines.imported_pipeline import ImportedMlPipeline
from ratchet_cdk.pipelines.team_pipeline import TeamPipeline
from stacks.foundation import Foundation
from stacks.training import Training

_TEMPLATE_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


class Pipelines(cdk.Stack):
    """Deploys each pipeline with its own role. They share the loop's buckets and nothing else.

    The stack is there when it has no pipeline too: the deployment after the last one went removes
    what belonged to it, and `cdk diff` shows that. Definitions stand in the template, since they
    name resources of the deployment; when it has no room for another, synth says so.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        source: Path,
        foundation: Foundation,
        training: Training | None = None,
    ) -> None:
        """`training`: whose champion pipelines may ask for; None: they may not."""
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-{PIPELINES_STACK}",
            description="Pipelines of the team, and those written with the SageMaker SDK",
            termination_protection=settings.protected,
            suppress_template_indentation=True,  # a quarter of its size
        )
        self.add_stack_dependency(foundation)
        self.loop = foundation.loop(self, settings=settings, source=source)
        self._champion = training.champion if training else None
        self._entries = [
            each
            for each in pipelines(source, settings.model_name).values()
            if each.stack == PIPELINES_STACK
        ]
        self._dead_letters = self._dead_letters_of_schedules()
        self.pipelines = [
            self._imported(entry) if entry.imported else self._authored(entry)
            for entry in self._entries
        ]
        self._publish_facts()
        self.node.add_validation(_Size(self))

    def _dead_letters_of_schedules(self) -> DeadLetters | None:
        if not any(entry.schedule for entry in self._entries):
            return None
        # A hyphen, as below: no construct of a pipeline has one.
        return DeadLetters(self, "Dead-Letters", settings=self.loop.settings, name=PIPELINES_STACK)

    def _authored(self, entry: PipelineEntry) -> TeamPipeline:
        return TeamPipeline(
            self,
            construct_id(entry.name),
            entry=entry,
            loop=self.loop,
            champion=self._champion,
            dead_letters=self._dead_letters,
        )

    def _imported(self, entry: PipelineEntry) -> ImportedMlPipeline:
        return ImportedMlPipeline(
            self,
            construct_id(entry.name),
            stored=imported.read(self.loop.source, entry.model, entry.name),
            loop=self.loop,
        )

    def _publish_facts(self) -> None:
        """What is in this stack, so that the command line can say what a deployment removes."""
        facts = PipelinesFacts(
            pipelines=[entry.name for entry in self._entries],
            scheduled=[entry.name for entry in self._entries if entry.schedule],
        )
        publish_facts(self, facts, settings=self.loop.settings)


@jsii.implements(IValidation)
class _Size:
    """Refuses a template that is too large at synthesis; CloudFormation would refuse it after
    the CDK has published it."""

    def __init__(self, stack: Pipelines) -> None:
        self._stack = stack

    def validate(self) -> list[str]:
        size = sum(pipeline.size for pipeline in self._stack.pipelines)
        if size <= _TEMPLATE_BYTES:
            return []
        return [
            f"{len(self._stack.pipelines)} pipelines make a template of about {size / 1e6:.2f} MB; "
            f"CloudFormation takes 1 MB. Move some of them to a project of their own"
        ]
