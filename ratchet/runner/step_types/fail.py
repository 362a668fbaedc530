"""The Fail step: ends the run with a message."""

from __future__ import annotations

from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed
from ratchet.runner.expressions import as_text
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types.contract import Attempt, Done, Runner


def _check(step: RunnableStep, report: ProblemList) -> None:
    report.require(step.arguments, f"{step.place}.Arguments", "ErrorMessage")


def _run(attempt: Attempt) -> Done:
    message = as_text(attempt.arguments["ErrorMessage"])
    raise StepFailed(message, properties={"ErrorMessage": message})


FAIL = Runner(name="Fail", check=_check, run=_run)
