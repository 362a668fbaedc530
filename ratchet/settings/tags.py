"""The names of all tags, on resources and on the jobs of a run; they split the costs.

SageMaker does not hand a pipeline's tags on to the jobs it starts, so every step carries them.
Limits: 50 tags, keys of 128 and values of 256 characters (SageMaker API, `Tag`).
"""

from __future__ import annotations

PROJECT = "project"
MODEL = "model"
ENVIRONMENT = "environment"
OWNER = "owner"
COST_CENTER = "cost-center"
PIPELINE = "pipeline"
STEP = "step"
EXPERIMENT = "experiment"
RUN = "run"
EDITS_OF = "edits-of"
"""On a pipeline in which edits run: the name of the deployed one."""

ON_RESOURCES = (PROJECT, MODEL, ENVIRONMENT, OWNER, COST_CENTER)
"""Known when an environment is deployed: every resource carries these."""

ON_STEPS = (*ON_RESOURCES, PIPELINE, STEP, EXPERIMENT, RUN)
"""What every job of a run carries; the last two are known only when it runs."""
