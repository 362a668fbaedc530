"""The Model step: creates a model of an artifact or of a registered version."""

from __future__ import annotations

import time

from ratchet.runner.definition import RunnableStep
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import jobs
from ratchet.runner.step_types.contract import Attempt, Done, Runner


def _check(step: RunnableStep, report: ProblemList) -> None:
    place = f"{step.place}.Arguments"
    containers = [key for key in ("PrimaryContainer", "Containers") if key in step.arguments]
    if len(containers) != 1:
        listed = " and ".join(containers) or "neither"
        report.add(place, f"expected either PrimaryContainer or Containers, got {listed}")
    elif containers == ["PrimaryContainer"]:
        report.require(step.arguments, f"{place}.PrimaryContainer")
    else:
        list(report.objects(step.arguments["Containers"], f"{place}.Containers"))


def _run(attempt: Attempt) -> Done:
    arguments = {**attempt.arguments, "ModelName": attempt.job_name}
    arn = attempt.services.create_model(arguments)
    return Done(
        properties={**jobs.without_tags(arguments), "ModelArn": arn, "CreationTime": time.time()}
    )


MODEL = Runner(name="Model", check=_check, run=_run)
