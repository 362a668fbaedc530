"""The pipelines of the source without a deployment: placeholders stand for what only one knows."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from ratchet.authoring import Context, Functions
from ratchet.local_account import LOCAL_ACCOUNT
from ratchet.pipelines.registry import CompiledPipeline, pipelines
from ratchet.settings.arns import RegionArns
from ratchet.settings.schema import Settings


def placeholder_context(settings: Settings, *, root: Path) -> Context:
    """For a picture, a check, or a pipeline that is not deployed yet. It needs no cloud.

    Args:
        root: the project's folder.
    """
    account = settings.account or LOCAL_ACCOUNT
    arns = RegionArns(region=settings.region, account=account)
    function = arns.of_service("lambda", f"function:{settings.prefix}")
    return Context(
        settings=settings,
        role_arn=f"arn:{arns.partition}:iam::{account}:role/{settings.prefix}",
        artifacts_uri=f"s3://{settings.prefix}-artifacts",
        data_uri=f"s3://{settings.prefix}-data",
        code_uri=f"s3://{settings.prefix}-code",
        account=account,
        functions=Functions(**{each.name: f"{function}-{each.name}" for each in fields(Functions)}),
        source=root,
    )


def compiled(settings: Settings, *, root: Path) -> list[CompiledPipeline]:
    """Every pipeline of the model. Raises DefinitionError."""
    context = placeholder_context(settings, root=root)
    listed = pipelines(root, settings.model_name).values()
    return [entry.compile(context) for entry in listed]
