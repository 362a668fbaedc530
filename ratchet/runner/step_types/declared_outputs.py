"""The OutputParameters that a Lambda or Callback step declares."""

from __future__ import annotations

from ratchet.runner import parameters
from ratchet.runner.definition import RunnableStep
from ratchet.runner.report import ProblemList


def check(step: RunnableStep, report: ProblemList) -> None:
    """Report declarations without a name or with an unknown type."""
    place = f"{step.place}.OutputParameters"
    for at, output in report.objects(step.body.get("OutputParameters") or [], place):
        report.require(output, at, "OutputName")
        if output.get("OutputType", "String") not in parameters.TYPES:
            expected = ", ".join(parameters.TYPES)
            report.add(f"{at}.OutputType", f"expected one of {expected}")
