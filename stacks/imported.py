"""The pipelines that `ratchet import` took in: every folder of `pipelines/`."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from config.settings import Settings
from pipeline_defs import imported
from ratchet_cdk.code_bucket import CodeBucket
from ratchet_cdk.imported_pipeline import ImportedMlPipeline
from stacks.foundation import Foundation


class Imported(cdk.Stack):
    """Each with a role of its own; they share the loop's buckets, and nothing with each other."""

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
        )
        self.add_stack_dependency(foundation)
        code = CodeBucket(self, settings=settings)
        self.pipelines = [
            ImportedMlPipeline(
                self,
                _construct_id(name),
                stored=imported.read(source, name),
                settings=settings,
                code=code,
                artifacts=foundation.artifacts,
                data=foundation.data,
            )
            for name in imported.names(source)
        ]


def _construct_id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
