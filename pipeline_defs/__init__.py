"""The pipelines of the project. Each function makes one for a context: an environment's settings.

`PIPELINES` is what is deployed. A pipeline of your own is one line in it, beside its import.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline_defs.authoring import Context, Pipeline
from pipeline_defs.evaluation import evaluation
from pipeline_defs.monitoring import monitoring
from pipeline_defs.registry import PipelineEntry, registered
from pipeline_defs.training import training

PIPELINES: Mapping[str, PipelineEntry] = {
    "training": PipelineEntry(training, stack="training"),
    "evaluation": PipelineEntry(evaluation, stack="evaluation"),
    "monitoring": PipelineEntry(monitoring, stack="serving"),
}
"""Name → how it is made. The loop's own live in the stacks of what wakes them; all others, and the
imported ones of `pipelines/`, in the Pipelines stack."""


def pipelines(root: Path) -> dict[str, PipelineEntry]:
    """Every pipeline of the project at `root`: those of PIPELINES, then the imported ones.

    Raises:
        DefinitionError: a name or a schedule is not possible, or a name is there twice.
    """
    return registered(PIPELINES, root)


__all__ = ["PIPELINES", "Context", "Pipeline", "PipelineEntry", "pipelines"]
