"""Cost tags on everything below a construct."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct

from config.settings import Settings


def add_cost_tags(scope: IConstruct, settings: Settings) -> None:
    """Every taggable resource below `scope`, and its stacks, carry the settings' tags."""
    tags = cdk.Tags.of(scope)
    for key, value in settings.tags.items():
        tags.add(key, value)
