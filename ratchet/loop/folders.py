"""Where everything lies in the artifact bucket. A folder ends with a slash."""

from __future__ import annotations

from ratchet.loop.names import NONE, TRAINING, VARIANT

MANIFESTS = "manifests/"
"""What a run reads, named by the digest of its content."""
EVALUATIONS = "evaluations/"
"""The records of evaluations, below the version's number."""
LATEST_EVALUATION = f"{EVALUATIONS}latest.json"

CAPTURE = "capture/"
"""`<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl`, written by the endpoint."""
GROUND_TRUTH = "ground-truth/"
"""`yyyy/mm/dd/hh/*.jsonl`, written by whoever knows the labels."""
MONITORING = "monitoring/"
"""`<endpoint>/<kind>.json`: what was published last."""
REPORTS = f"{MONITORING}reports/"
"""`<endpoint>/<schedule>/yyyy/mm/dd/hh/`, written by Model Monitor."""

COSTS = "costs/"
"""Nothing in it expires: it is what is left of a run when SageMaker has forgotten its jobs."""
COST_ROWS = f"{COSTS}rows/"
PRICES = f"{COSTS}prices/"
COST_NOTICES = f"{COSTS}notices.json"

DEPLOYMENT = "deployment/"
DEPLOYMENT_STATE = f"{DEPLOYMENT}state.json"
"""What the reconciler has told people, and which wake acts."""

TRIALS = "candidates/trials/"
"""What trials of foundation models came to, one file for each."""

NO_CHAMPION = f"champion/{NONE}/"
"""Stands for the champion's model where there is none. A step's input may not be empty, so an
object is kept in it."""
# -- files that more than one part reads ---------------------------------------------------------

STATISTICS = "statistics.json"
CONSTRAINTS = "constraints.json"
CONSTRAINT_VIOLATIONS = "constraint_violations.json"
"""Model Monitor's own names."""
ANALYSIS = "analysis.json"
METRIC_LINES = "cloudwatch_metrics.jsonl"


def runs(pipeline: str) -> str:
    """The folder of a pipeline's runs: models, baselines and reports are in there."""
    return f"{pipeline}/runs/"


def chains(pipeline: str) -> str:
    """Copies of models of several containers: a step's input is one folder, so those of a champion
    are brought into one, which is named by what is in it."""
    return f"{runs(pipeline)}chains/"


def checkpoints(pipeline: str) -> str:
    return f"{pipeline}/checkpoints/"


def manifest(digest: str) -> str:
    """What a run of this content reads, in SageMaker's ManifestFile format."""
    return f"{MANIFESTS}{digest}/manifest.json"


def snapshot(digest: str) -> str:
    """The content that the digest is of."""
    return f"{MANIFESTS}{digest}/snapshot.json"


def execution(digest: str, *, intake: str = TRAINING) -> str:
    """The record of the run that a pipeline made of this content."""
    return f"{MANIFESTS}{digest}/{execution_file(intake)}"


def execution_file(intake: str) -> str:
    """Each kind of pipeline runs the same content for itself, so each has a record of its own."""
    return "execution.json" if intake == TRAINING else f"execution-{intake}.json"


def trigger(intake: str) -> str:
    """What the trigger of this kind of pipeline keeps for itself."""
    return f"{trigger_name(intake)}/"


def trigger_name(intake: str) -> str:
    return "trigger" if intake == TRAINING else f"{intake}-trigger"


def trigger_state(intake: str) -> str:
    return f"{trigger(intake)}state.json"


def evaluations_of(version: int | str) -> str:
    return f"{EVALUATIONS}{version}/"


def evaluation(version: int | str, execution_id: str) -> str:
    return f"{evaluations_of(version)}{execution_id}.json"


def captured(endpoint: str) -> str:
    """Captured traffic, below it by the hour."""
    return f"{CAPTURE}{endpoint}/{VARIANT}/"


def trial(name: str) -> str:
    return f"{TRIALS}{name}.json"


def published(endpoint: str, kind: str) -> str:
    """The record of the newest analysis of this kind that was published."""
    return f"{MONITORING}{endpoint}/{kind}.json"


def baseline_folder(statistics_uri: str) -> str:
    """The folder of a baseline's statistics; empty when the URI names no such file."""
    folder = statistics_uri.removesuffix(f"/{STATISTICS}")
    return folder if folder != statistics_uri else ""


REPORT_OUTPUT, EVALUATION_REPORT = "report", "evaluation.json"
"""The output of a step that evaluates models, and the file in it."""
