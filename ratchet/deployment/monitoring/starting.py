"""Starting a drift analysis now, instead of waiting for its schedule."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.monitoring import analyses
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.runs.executions import Run
from ratchet.deployment.standing import StackState
from ratchet.deployment.target.environment import Target
from ratchet.local_cloud.admin_client import AdminError
from ratchet.loop import names
from ratchet.loop.facts import ServingFacts

SECONDS = 120.0
"""How long an execution of a schedule on the local cloud may take."""

_UNDER_WAY = ("Pending", "InProgress")


def engine_of(target: Target, stack: StackState | None) -> str:
    """The engine in use. Raises DeploymentError if nothing serves that an engine could watch."""
    parameters = stack.parameters if stack else {}
    if parameters.get(names.CHAMPION, names.NONE) == names.NONE:
        raise DeploymentError(
            "nothing serves, so there is no traffic to analyze. Approve a version first: "
            f"{target.command('models')}"
        )
    if parameters.get(names.BASELINE, names.NONE) == names.NONE:
        raise DeploymentError(
            "the version that serves was registered without a baseline, so its traffic cannot be "
            f"compared. Train a version with a baseline: {target.command('run training')}"
        )
    return parameters.get(names.ENGINE, names.PIPELINE)


def start_pipeline(target: Target, serving: ServingFacts) -> Run:
    """Starts the monitoring pipeline on the traffic captured since its last analysis."""
    now = datetime.now().astimezone()
    return pipelines.start(
        target,
        name=serving.monitoring_pipeline,
        # A scheduled run takes whole hours; a run by hand also the hour that has begun.
        parameters={names.WINDOW_END_PARAMETER: "now"},
        display_name=f"by-hand-{now:%Y%m%d-%H%M%S}",
        description="Started with ratchet monitor run.",
    )


def run_schedule(
    target: Target, serving: ServingFacts, *, sleep: Callable[[float], None] = time.sleep
) -> Analysis:
    """Runs the monitoring schedule on the local cloud now, and waits for its analysis.

    Raises:
        DeploymentError: on AWS, where a schedule runs only at its times; or it did not end.
    """
    if not target.local:
        raise DeploymentError(
            f"on AWS the schedule {serving.monitor_schedule} runs only at its scheduled times. The "
            "monitoring pipeline analyzes the same traffic now: "
            f"{target.command('monitor run --engine pipeline')}"
        )
    earlier = {source.started for source in analyses.sources(target, serving)}
    try:
        path = f"monitoring/{serving.monitor_schedule}/run"
        job = str(target.ask(path, {}, seconds=SECONDS)["job"])
    except AdminError as refusal:
        raise DeploymentError(f"the local cloud refused to run it: {refusal}") from None
    for _ in range(int(SECONDS / 0.5)):
        for source in analyses.sources(target, serving):
            # Without captured data there is an execution, failed, and no job.
            jobless = not source.job and source.started not in earlier
            if (source.job == job or jobless) and source.status not in _UNDER_WAY:
                return analyses.read(target, source)
        sleep(0.5)
    raise DeploymentError(
        f"{serving.monitor_schedule} has not ended within {SECONDS:.0f} s. Its log: "
        "ratchet cloud logs"
    )
