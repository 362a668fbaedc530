"""The loop's rules: which version is to serve, which one does, and what is read back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ratchet.loop import answers, evaluations, facts, folders, names
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.loop.packages import DEPLOYMENT_MARK_KEY, baselines_of
from ratchet.loop.versions import (
    FailureMark,
    Version,
    model_behind,
    number_of,
    package_behind,
    parse_mark,
    version_to_serve,
)

AT = datetime(2013, 8, 2, 13, 0, 5, tzinfo=UTC)
MARKED = {DEPLOYMENT_MARK_KEY: FailureMark(at=AT, why="an alarm went off").text()}
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights-dev/3"


def version(number: int, **more: Any) -> Version:
    return Version(**{"arn": f"a/{number}", "version": number, "approval": "Approved", **more})


def test_the_highest_approved_version_is_to_serve() -> None:
    rejected = version(3, approval="Rejected")
    assert version_to_serve([version(1), rejected, version(2)]) == version(2)
    assert version_to_serve([rejected]) is None


def test_a_version_that_sagemaker_could_not_complete_is_not_to_serve() -> None:
    assert version_to_serve([version(1), version(2, status="Failed")]) == version(1)


def test_a_version_whose_deployment_failed_is_to_serve_once_it_is_approved_again() -> None:
    failed = version(2, metadata=MARKED, modified=AT + timedelta(seconds=90))
    again = version(2, metadata=MARKED, modified=AT + timedelta(minutes=3))
    assert version_to_serve([version(1), failed]) == version(1)
    assert (failed.failed, failed.failure) == (AT, "an alarm went off")
    assert version_to_serve([version(1), again]) == again
    assert (again.failed, again.failure) == (None, "")


def test_a_mark_is_read_back_and_nothing_else_is_a_mark() -> None:
    assert parse_mark(MARKED[DEPLOYMENT_MARK_KEY]) == FailureMark(at=AT, why="an alarm went off")
    assert parse_mark("served since August") is None


@pytest.mark.parametrize(
    ("variants", "model"),
    [([{"ModelName": "m"}], "m"), ([{"ModelName": "m"}, {"ModelName": "n"}], "none"), ([], "none")],
)
def test_one_model_serves_or_none_that_can_be_named(
    variants: list[dict[str, str]], model: str
) -> None:
    assert model_behind({"ProductionVariants": variants}) == model


@pytest.mark.parametrize(
    ("model", "package"),
    [
        ({"PrimaryContainer": {"ModelPackageName": ARN}}, ARN),
        ({"Containers": [{"ModelPackageName": ARN}]}, ARN),
        ({"Containers": [{"ModelPackageName": ARN}, {"ModelPackageName": "b"}]}, "none"),
        ({"PrimaryContainer": {"Image": "i"}}, "none"),
        ({}, "none"),
    ],
)
def test_one_package_is_behind_a_model_or_none_that_can_be_named(
    model: dict[str, Any], package: str
) -> None:
    assert package_behind(model) == package


def test_an_arn_names_a_version_and_a_text_does_not() -> None:
    assert number_of(ARN) == 3
    assert number_of("none") is None


def test_baselines_are_folders_that_hold_both_files() -> None:
    def files(folder: str, constraints: str) -> dict[str, Any]:
        return {
            "Statistics": {"S3Uri": f"{folder}/statistics.json"},
            "Constraints": {"S3Uri": f"{constraints}/constraints.json"},
        }

    checks = {"ModelDataQuality": files("s3://a", "s3://a"), "ModelQuality": files("s3://a", "b")}
    baselines = baselines_of({"DriftCheckBaselines": checks})
    assert (baselines.data, baselines.quality) == ("s3://a", names.NONE)


@pytest.mark.parametrize(
    ("code", "message", "missing"),
    [
        ("ResourceNotFound", "", True),
        ("ValidationException", "Could not find endpoint", True),
        ("ValidationError", "Stack with id x does not exist", True),
        ("ValidationException", "1 validation error detected", False),
        ("AccessDeniedException", "it does not exist for you", False),
    ],
)
def test_what_is_missing_is_told_from_other_mistakes(
    code: str, message: str, missing: bool
) -> None:
    error = Exception()
    error.response = {"Error": {"Code": code, "Message": message}}  # type: ignore[attr-defined]
    assert answers.says_missing(error) is missing


def record() -> EvaluationRecord:
    texts = {field.name: field.name for field in fields(EvaluationRecord)}
    return EvaluationRecord(**{**texts, "violations": ("a",), "outcome": names.COMPLETED})  # type: ignore[arg-type]


def test_an_evaluation_is_read_back_also_when_a_later_version_knows_more() -> None:
    assert evaluations.parse(record().to_json()) == record()
    later = record().to_json().replace(b"{", b'{"more": 1, ', 1)
    assert evaluations.parse(later) == record()
    with pytest.raises(ValueError, match="no record of an evaluation"):
        evaluations.parse(b"[]")


def test_facts_are_read_back_also_when_a_later_version_knows_more() -> None:
    text = '{"endpoint": "e", "stack": "s", "capture_uri": "u", "later": 1}'
    assert facts.parse(text, facts.ServingFacts) == facts.ServingFacts(
        endpoint="e", stack="s", capture_uri="u"
    )
    with pytest.raises(ValueError, match="capture_uri"):
        facts.parse('{"endpoint": "e", "stack": "s"}', facts.ServingFacts)


def test_what_training_keeps_has_the_names_it_had_when_it_was_the_only_pipeline() -> None:
    assert folders.trigger("training") == "trigger/"
    assert folders.trigger("evaluation") == "evaluation-trigger/"
    assert folders.execution("d") == "manifests/d/execution.json"
    assert folders.execution("d", intake="evaluation") == "manifests/d/execution-evaluation.json"
