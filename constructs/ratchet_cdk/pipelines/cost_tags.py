"""Cost tags on everything below a construct."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct

from ratchet.settings import tags
from ratchet.settings.schema import Settings


def add_cost_tags(scope: IConstruct, settings: Settings) -> None:
    """Every taggable resource below `scope`, and its stacks, carry the settings' tags."""
    added = cdk.Tags.of(scope)
    for key, value in settings.tags.items():
        added.add(key, value)


def tag_pipeline(scope: IConstruct, name: str) -> None:
    """Tags the resources of one pipeline with its name, as the jobs of its runs are tagged."""
    cdk.Tags.of(scope).add(tags.PIPELINE, name)
