"""What SageMaker says of a step that ran, read by the table of step types."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.definition.metadata import step_metadata
from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB, TUNING_JOB, Resource

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:resolve"
PACKAGE = f"{ARN}:model-package/flights/3"


def of(member: str, **about: Any) -> Any:
    return step_metadata({"Metadata": {member: about}})


@pytest.mark.parametrize(
    ("member", "about", "type_name", "job"),
    [
        ("TrainingJob", {"Arn": f"{ARN}:training-job/t"}, "Training", (TRAINING_JOB, "t")),
        ("TuningJob", {"Arn": f"{ARN}:x/s"}, "Tuning", (TUNING_JOB, "s")),
        ("QualityCheck", {"CheckJobArn": f"{ARN}:x/q"}, "QualityCheck", (PROCESSING_JOB, "q")),
        ("QualityCheck", {}, "QualityCheck", None),
        ("Model", {"Arn": f"{ARN}:model/m"}, "Model", None),
        ("Lambda", {"Arn": FUNCTION}, "Lambda", None),
        ("Quantum", {"Arn": f"{ARN}:quantum/q"}, "Quantum", None),
    ],
)
def test_the_member_tells_the_type_and_the_job(
    member: str, about: dict[str, str], type_name: str, job: tuple[Resource, str] | None
) -> None:
    metadata = of(member, **about)
    assert (metadata.type_name, metadata.job) == (type_name, job)


def test_each_type_says_what_is_its_own() -> None:
    assert of("RegisterModel", Arn=PACKAGE).model_package_arn == PACKAGE
    assert of("Model", Arn=PACKAGE).model_package_arn == ""
    assert [of("Condition", Outcome=text).outcome for text in ("True", "False")] == [True, False]
    assert of("Condition").outcome is None
    assert of("Fail", ErrorMessage="worse").verdict == "worse"
    assert of("Lambda", ErrorMessage="worse").verdict == ""
    assert of("Lambda", Arn=FUNCTION).function_arn == FUNCTION
    assert of("RegisterModel", Arn=PACKAGE).function_arn == ""
    outputs = [{"Name": "version", "Value": "3"}]
    assert of("Callback", OutputParameters=outputs).outputs == {"version": "3"}


@pytest.mark.parametrize("step", [{}, {"Metadata": None}, {"Metadata": {}}])
def test_of_a_step_that_has_not_begun_nothing_is_said(step: dict[str, Any]) -> None:
    metadata = step_metadata(step)
    assert (metadata.type_name, metadata.arn, metadata.row, metadata.job) == ("", "", None, None)
