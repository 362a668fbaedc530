"""The RegisterModel step: a new version in a model package group."""

from __future__ import annotations

import time

from ratchet.runner.definition import RunnableStep
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types.contract import Attempt, Done, Runner


def _check(step: RunnableStep, report: ProblemList) -> None:
    place = f"{step.place}.Arguments"
    if report.require(step.arguments, place, "InferenceSpecification"):
        specification = step.arguments["InferenceSpecification"]
        report.require(specification, f"{place}.InferenceSpecification", "Containers")


def _run(attempt: Attempt) -> Done:
    arguments = dict(attempt.arguments)
    # The service names the execution as what made the version (developer guide, "Automating
    # Amazon SageMaker with EventBridge", model package event).
    arguments["MetadataProperties"] = {
        "GeneratedBy": attempt.identity.execution_arn,
        **arguments.get("MetadataProperties", {}),
    }
    arn = attempt.services.register_model(arguments)
    properties = {
        "ModelApprovalStatus": "PendingManualApproval",
        **{key: value for key, value in arguments.items() if key != "Tags"},
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "CreationTime": time.time(),
    }
    version = arn.rpartition("/")[2]
    if version.isdecimal():
        properties["ModelPackageVersion"] = int(version)
    return Done(properties=properties)


REGISTER_MODEL = Runner(name="RegisterModel", check=_check, run=_run)
