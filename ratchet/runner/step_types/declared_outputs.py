"""The OutputParameters that a Lambda or Callback step declares."""

from __future__ import annotations

from ratchet.runner import parameters
from ratchet.runner.definition import Step
from ratchet.runner.expressions import Reference
from ratchet.runner.report import Report


def declared(step: Step) -> dict[str, str]:
    """Name → type; String where none is given."""
    return {
        output["OutputName"]: output.get("OutputType", "String")
        for output in step.body.get("OutputParameters") or []
    }


def check(step: Step, report: Report) -> None:
    """Report declarations without a name or with an unknown type."""
    place = f"{step.place}.OutputParameters"
    for at, output in report.objects(step.body.get("OutputParameters") or [], place):
        report.require(output, at, "OutputName")
        if output.get("OutputType", "String") not in parameters.TYPES:
            expected = ", ".join(parameters.TYPES)
            report.add(f"{at}.OutputType", f"expected one of {expected}")


def check_reference(step: Step, reference: Reference) -> str | None:
    """What is wrong with a reference to such a step, or None."""
    outputs = declared(step)
    if len(reference.path) != 2 or reference.path[0] != "OutputParameters":
        return f"a {step.type} step has OutputParameters['…'] only"
    if reference.path[1] not in outputs:
        return f"step {step.name!r} declares {', '.join(outputs) or 'no output parameters'}"
    return None
