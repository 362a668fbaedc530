"""The imported pipelines: every folder of `pipelines/`."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import jsii
from constructs import Construct, IValidation

from config.settings import Settings
from pipeline_defs import imported
from ratchet_cdk.pipelines.imported_pipeline import ImportedMlPipeline
from stacks.foundation import Foundation

_TEMPLATE_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


class Imported(cdk.Stack):
    """Deploys each pipeline with its own role. They share the loop's buckets and nothing else.

    Their definitions stand in the template, since they name resources of the deployment; when it
    has no room for another, synth says so.
    """

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
            stack_name=f"{settings.prefix}-imported",
            description="Pipelines that were written with the SageMaker SDK",
            termination_protection=settings.protected,
            suppress_template_indentation=True,  # a quarter of its size
        )
        self.add_stack_dependency(foundation)
        loop = foundation.loop(self, settings=settings, source=source)
        self.pipelines = [
            ImportedMlPipeline(
                self,
                _construct_id(name),
                stored=imported.read(source, name),
                loop=loop,
            )
            for name in imported.names(source)
        ]
        self.node.add_validation(_Size(self))


@jsii.implements(IValidation)
class _Size:
    """Refuses a template that is too large at synthesis; CloudFormation would refuse it after
    the CDK has published it."""

    def __init__(self, stack: Imported) -> None:
        self._stack = stack

    def validate(self) -> list[str]:
        pipelines = self._stack.pipelines
        size = sum(pipeline.size for pipeline in pipelines)
        if size <= _TEMPLATE_BYTES:
            return []
        return [
            f"{len(pipelines)} imported pipelines make a template of about {size / 1e6:.2f} MB; "
            f"CloudFormation takes 1 MB. Move some of pipelines/ to a project of their own"
        ]


def _construct_id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
