"""What is known only when the pipeline runs: reports, execution variables, joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ratchet.authoring import DefinitionError, Pipeline, execution, join

StepOf = Callable[[Pipeline, str], dict[str, Any]]


def test_a_report_is_a_property_file_of_its_output(pipeline: Pipeline, step_of: StepOf) -> None:
    evaluate = pipeline.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={},
        outputs=["report"],
        reports={"evaluation": "report/deep/evaluation.json"},
    )
    pipeline.halt(evaluate.metric("candidate.auc"), evaluate.report_uri())

    assert step_of(pipeline, "evaluate")["PropertyFiles"] == [
        {
            "PropertyFileName": "evaluation",
            "OutputName": "report",
            "FilePath": "deep/evaluation.json",
        }
    ]
    output = "Steps.evaluate.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"
    assert step_of(pipeline, "halt")["Arguments"]["ErrorMessage"]["Std:Join"]["Values"] == [
        {
            "Std:JsonGet": {
                "PropertyFile": {"Get": "Steps.evaluate.PropertyFiles.evaluation"},
                "Path": "candidate.auc",
            }
        },
        {"Std:Join": {"On": "/", "Values": [{"Get": output}, "deep/evaluation.json"]}},
    ]


def test_a_metric_without_a_report_says_how_to_declare_one(pipeline: Pipeline) -> None:
    evaluate = pipeline.processing("evaluate", "steps/evaluate.py", inputs={}, outputs=["report"])

    with pytest.raises(DefinitionError, match=r"the step's reports are: none; declare it with"):
        evaluate.metric("auc")


def test_of_several_reports_one_must_be_named(pipeline: Pipeline) -> None:
    evaluate = pipeline.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={},
        outputs=["report"],
        reports={"a": "report/a.json", "b": "report/b.json"},
    )

    with pytest.raises(DefinitionError, match="'a', 'b'"):
        evaluate.metric("auc")
    got = evaluate.metric("auc", report="b").to_json()
    assert got["Std:JsonGet"]["PropertyFile"] == {"Get": "Steps.evaluate.PropertyFiles.b"}


def test_execution_variables_and_joins_are_written_in_sagemakers_notation() -> None:
    assert join("s3:/", "bucket", execution.id, on="/").to_json() == {
        "Std:Join": {
            "On": "/",
            "Values": ["s3:/", "bucket", {"Get": "Execution.PipelineExecutionId"}],
        }
    }


def test_a_variable_in_an_f_string_is_refused_where_it_happens(pipeline: Pipeline) -> None:
    score = pipeline.number("Score")

    with pytest.raises(TypeError, match=r"join\(…\), not with an f-string"):
        f"{score} is too low"


def test_a_variable_is_no_sequence(pipeline: Pipeline) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})

    with pytest.raises(TypeError, match="not iterable"):
        list(train.model)  # type: ignore[call-overload]
