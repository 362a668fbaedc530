"""The pipelines of the loop. Each function makes one for a context: an environment's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline_defs.authoring import Context, Pipeline
from pipeline_defs.evaluation import evaluation
from pipeline_defs.monitoring import monitoring
from pipeline_defs.training import training

PIPELINES: Mapping[str, Callable[[Context], Pipeline]] = {
    "training": training,
    "evaluation": evaluation,
}
"""Kind → the function that makes the pipeline: those of the Training stack, which `ratchet run`
brings up to date. `monitoring` belongs to what serves, and runs with a role of its own."""

__all__ = ["PIPELINES", "Context", "Pipeline", "evaluation", "monitoring", "training"]
