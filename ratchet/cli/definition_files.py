"""Pipeline definitions that a person names by file."""

from __future__ import annotations

from pathlib import Path

from ratchet.deployment.errors import DeploymentError


def read_definition(file: Path) -> str:
    """The text of a definition's file. Raises DeploymentError when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DeploymentError(
            f"{file} cannot be read ({problem}); expected the JSON of a pipeline definition, such "
            "as `aws sagemaker describe-pipeline --pipeline-name NAME --query PipelineDefinition "
            "--output text` prints"
        ) from None
