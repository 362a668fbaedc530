"""The model package groups that pipelines beside the loop's own register in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.definition.document import read
from ratchet.definition.resources import MODEL_PACKAGE
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.buckets import removal_policy


def add_model_groups(scope: Construct, definition: Mapping[str, Any], settings: Settings) -> None:
    """Adds the groups that a definition names to the stack, each once: two pipelines may register
    in the same one. That of the loop is there already."""
    stack = cdk.Stack.of(scope)
    for name in sorted({*_groups(definition)} - {settings.model_package_group}):
        construct_id = f"Models-{name}"
        if stack.node.try_find_child(construct_id):
            continue
        group = sagemaker.CfnModelPackageGroup(
            stack,
            construct_id,
            model_package_group_name=name,
            model_package_group_description="Models of pipelines beside the loop's own",
        )
        group.apply_removal_policy(removal_policy(settings.retention))


def _groups(definition: Mapping[str, Any]) -> Iterator[str]:
    for step in read(definition).steps:
        group = step.arguments.get("ModelPackageGroupName")
        if step.row.makes is MODEL_PACKAGE and isinstance(group, str):
            yield group
