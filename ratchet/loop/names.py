"""Names that more than one part of the loop must spell alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

NONE: Final = "none"
"""Where a text is needed and there is nothing: no champion, no baseline, no file. A parameter of
CloudFormation, an SSM parameter and an output of a step may not be empty."""

# -- metrics -------------------------------------------------------------------------------------

NAMESPACE = "Ratchet"
"""The namespace of the loop's own metrics in CloudWatch."""

DRIFT_VIOLATIONS = "DriftViolations"
MODEL_QUALITY_VIOLATIONS = "ModelQualityViolations"
EVALUATION_SCORE = "EvaluationScore"
RUN_COST = "RunCost"
NOTICES_WAITING = "NoticesWaiting"
DEPLOYMENT_BLOCKED = "DeploymentBlocked"

PIPELINE_DIMENSION = "Pipeline"
"""Of RUN_COST, beside those of every metric of the loop."""

DATA_NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
MODEL_NAMESPACE = "aws/sagemaker/Endpoints/model-metrics"
"""Where Model Monitor puts metrics by feature, and the loop's own engine does too:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html"""


def dimensions(*, project: str, environment: str) -> dict[str, str]:
    """Of every metric of the loop. An alarm sees only data with the very same dimensions."""
    return {"Project": project, "Environment": environment}


# -- monitoring ----------------------------------------------------------------------------------

DATA_QUALITY: Final = "data-quality"
MODEL_QUALITY: Final = "model-quality"
"""Kinds of analysis, of monitoring schedules, and of the alarm on the champion's answers."""

DRIFT = "drift"
"""The alarm on the champion's traffic, and a run that it starts."""

MODEL_MONITOR: Final = "model-monitor"
PIPELINE: Final = "pipeline"
"""Engines of monitoring: who compares traffic with the baseline."""
AUTO: Final = "auto"
"""The setting that tries MODEL_MONITOR, and goes on with PIPELINE where AWS refuses it."""

Engine = Literal["auto", "model-monitor", "pipeline"]

COMPLETED = "Completed"
COMPLETED_WITH_VIOLATIONS = "CompletedWithViolations"
TOO_FEW_ROWS = "TooFewRows"
"""How an analysis or an evaluation ends. The first two are Model Monitor's own."""
NOTHING_DEPLOYED = "NothingDeployed"
"""How an evaluation ends that had nothing to evaluate."""

VARIANT = "AllTraffic"
"""The endpoint's only variant; SageMaker writes captured traffic to a folder of this name."""

# -- the serving stack ---------------------------------------------------------------------------

CHAMPION = "ChampionModelPackageArn"
CHAMPION_VERSION = "ChampionVersion"
BASELINE = "BaselineUri"
QUALITY_BASELINE = "QualityBaselineUri"
THRESHOLD = "ProbabilityThreshold"
ENGINE = "MonitorEngine"
"""Parameters of the serving stack's template, which a promotion changes."""

KEEP: Final = "keep"
TAKE_DOWN: Final = "take-down"
"""What becomes of the endpoint when no approved version is left."""

WhenNoneLeft = Literal["keep", "take-down"]

# -- pipelines and their runs --------------------------------------------------------------------

TRAINING: Final = "training"
EVALUATION: Final = "evaluation"
MONITORING: Final = "monitoring"
LOOPS_OWN = (TRAINING, EVALUATION, MONITORING)
"""Kinds of pipeline that every loop has."""

_EDITS = "-edits"
"""Ends the name of the pipeline in which edits of another run, beside it (decision 26)."""


def edits_of(pipeline: str) -> str:
    """The name of the pipeline in which edits of a deployed one run."""
    return f"{pipeline}{_EDITS}"


def with_edits(pipelines: Iterable[str]) -> list[str]:
    """The names of deployed pipelines, each followed by that of its edits."""
    return [name for pipeline in pipelines for name in (pipeline, edits_of(pipeline))]


def holds_edits(pipeline: str) -> bool:
    """Whether edits run in a pipeline, given its name or the ARN of one of its executions."""
    return pipeline.partition("/execution/")[0].endswith(_EDITS)


def edited_pipeline(edits: str) -> str:
    """The name of the deployed pipeline whose edits run in this one."""
    return edits.removesuffix(_EDITS)


DATA_PARAMETER = "InputManifest"
"""The pipeline parameter that names what a run reads: the S3 URI of a manifest."""
TOLERANCE_PARAMETER = "MaxRegression"
EXPERIMENT_PARAMETER = "Experiment"
WINDOW_START_PARAMETER = "WindowStart"
WINDOW_END_PARAMETER = "WindowEnd"

SCORED, UNSCORABLE = "scored", "unscorable"
"""The champion's status in an evaluation report; NONE without a champion. The evaluate step runs
without this module: a test holds the two together."""
NEW_MODEL, THE_CHAMPION, REGISTERED = "new", "champion", "registered"
"""The candidate's status in an evaluation report: a new model, or the champion itself, or the
newest version of the registry."""
NEW_MODEL_GATE = "new-model"
"""The gate that lets only a new model be registered."""

# -- messages that wake a function ---------------------------------------------------------------

SCHEDULED_TIME = "scheduled_time"
"""For when a run is scheduled, ISO 8601 UTC: all of a message that the trigger acts on."""
REASON = "reason"
"""Why the trigger is woken, in words."""
LOOK_BACK_DAYS = "look_back_days"
"""How far `record_run` looks back when it is called by hand."""
