"""A pipeline of the source, compiled with placeholders for the facts of a deployment.

It needs no cloud: for a picture, or to compare two states of the source with each other.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from config.settings import Settings
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.node import PROJECT

_ACCOUNT = "000000000000"


def kinds(root: Path = PROJECT) -> list[str]:
    """Every pipeline of the source: the loop's own, and those that were imported."""
    from pipeline_defs import PIPELINES
    from pipeline_defs.imported import names

    return [*PIPELINES, "monitoring", *names(root)]


def definition(kind: str, settings: Settings, *, root: Path = PROJECT) -> str:
    """The definition's JSON. Raises UnknownNameError, DefinitionError."""
    from pipeline_defs import PIPELINES, monitoring
    from pipeline_defs.authoring import Context, Functions
    from pipeline_defs.imported import ImportedPipeline, Placement, read

    pipelines.known(kind, kinds(root))
    account = settings.account or _ACCOUNT
    name = settings.pipeline_name(kind)
    role = f"arn:aws:iam::{account}:role/{name}"
    function = f"arn:aws:lambda:{settings.region}:{account}:function:{settings.prefix}"
    artifacts = f"s3://{settings.prefix}-artifacts"
    code = f"s3://{settings.prefix}-code"
    makers = {**PIPELINES, "monitoring": monitoring}
    if kind in makers:
        functions = {one.name: f"{function}-{one.name}" for one in fields(Functions)}
        context = Context(
            settings=settings,
            role_arn=role,
            artifacts_uri=artifacts,
            code_uri=code,
            functions=Functions(**functions),
            source=root,
        )
        return makers[kind](context).to_json()
    placement = Placement(
        settings=settings,
        role_arn=role,
        artifacts_uri=artifacts,
        data_uri=f"s3://{settings.prefix}-data",
        code_uri=code,
        account=account,
        output_key_arn="",
    )
    return ImportedPipeline(read(root, kind), placement).to_json()
