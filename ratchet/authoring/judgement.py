"""The evaluation of models: what the script is told of the problem, and what its bundle holds.

The script is `ratchet/judging/evaluate.py`, bundled with what it imports, and with a team's own
metrics where there are any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ratchet.authoring import jobs
from ratchet.authoring.handles import InvokeStep
from ratchet.authoring.variables import Operand
from ratchet.loop import folders
from ratchet.loop.problems import BINARY, MEDIAN, THRESHOLD
from ratchet.settings.model_checks import OWN_METRICS, own_directions
from ratchet.settings.schema import ModelSettings

SCRIPT = "ratchet/judging/evaluate.py"
"""Below the folder that the package `ratchet` is imported from."""

REPORT, PREDICTIONS = folders.REPORT_OUTPUT, "predictions"
"""Its outputs."""
REPORTS = {"evaluation": f"{REPORT}/{folders.EVALUATION_REPORT}"}

MOST_CONTAINERS = 7
"""Of a candidate: each is an input, of which a processing job has ten (CreateProcessingJob), and
code, champion and rows are inputs too."""
_CANDIDATE = "candidate"

CHAMPION_ANSWERS = (
    "model_uri",
    "package_arn",
    "version",
    "threshold",
    "newest_version",
    "newest_digest",
    "newest_approval",
)
"""The keys of what lambdas/resolve_champion answers, all Strings."""


def candidate_inputs(artifacts: Sequence[Operand]) -> dict[str, Operand]:
    """Name → URI of the inputs that hold a candidate's containers."""
    return {
        _CANDIDATE if position == 1 else f"{_CANDIDATE}-{position}": artifact
        for position, artifact in enumerate(artifacts, start=1)
    }


def folder_arguments(inputs: Iterable[str], outputs: Iterable[str]) -> list[str]:
    """Those of `jobs`, with --candidate for each container of one."""
    return [
        f"--{_CANDIDATE}" if argument.startswith(f"--{_CANDIDATE}-") else argument
        for argument in jobs.folder_arguments(inputs, outputs)
    ]


def version_arguments(champion: InvokeStep) -> list[Operand]:
    """What the script is told of the versions that there are, one of which the candidate may be.

    Args:
        champion: the step that returns CHAMPION_ANSWERS.
    """
    return [
        "--champion-version",
        champion["version"],
        "--newest-version",
        champion["newest_version"],
        "--newest-digest",
        champion["newest_digest"],
        "--newest-approval",
        champion["newest_approval"],
    ]


def own_metrics(steps: Path) -> Path | None:
    """The file with a team's own metrics, if the folder of the model's scripts has one."""
    file = steps / OWN_METRICS
    return file if own_directions(file) else None


def script_arguments(
    model: ModelSettings,
    *,
    own: Path | None,
    needed: Sequence[str] = (),
    slices: Sequence[str] = (),
    slice_tolerance: float = 0.0,
) -> list[str]:
    """What the script is told beside its folders: `python -m ratchet.judging.evaluate …`.

    Args:
        own: the file with a team's own metrics, from the folder that the script runs in.
        needed: metrics that a candidate must have.
        slices: columns on whose values' rows it is compared with the champion, too.
        slice_tolerance: how much worse than the champion is no harm there.
    """
    arguments = ["--problem", model.problem, "--label", model.label, "--metric", model.metric_name]
    if model.problem == BINARY and model.positive:
        arguments.append(f"--positive={model.positive}")
    arguments += [f"--class={name}" for name in model.classes]
    if model.threshold != THRESHOLD:
        arguments.append(f"--threshold={model.threshold}")
    if model.quantile != MEDIAN:
        arguments.append(f"--quantile={model.quantile}")
    if model.weights:
        arguments.append(f"--weights={model.weights}")
    for name, place in (("prediction", model.prediction), ("probability", model.probability)):
        if place is not None:
            arguments.append(f"--{name}={place}")
    arguments += [f"--need={name}" for name in needed]
    arguments += [f"--slice={column}" for column in slices]
    if slices:
        arguments.append(f"--slice-tolerance={slice_tolerance}")
    if own is not None:
        arguments += ["--own-metrics", str(own)]
    return arguments
