"""A reference must lead to something that will be there when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.authoring import Pipeline, join
from ratchet.authoring.checks import check
from ratchet.authoring.variables import ExecutionVariable, Metric, Property
from ratchet.settings.schema import ComputeSettings

Problems = Callable[[Pipeline], list[str]]
SMALL = ComputeSettings()


def evaluating(p: Pipeline) -> Any:
    return p.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={},
        outputs=["report"],
        reports={"evaluation": "report/evaluation.json"},
    )


@pytest.mark.parametrize(
    ("refer", "expected"),
    [
        (
            lambda p: Property("evalute", ".ProcessingJobArn"),
            "there is no step 'evalute'; did you mean 'evaluate'?",
        ),
        (
            lambda p: evaluating(p).properties.ProcessingJobAnr,
            "'evaluate' has no property ProcessingJobAnr; did you mean 'ProcessingJobArn'?",
        ),
        (
            lambda p: evaluating(p).outputs["reports"],
            "'reports' is not an output of 'evaluate'; did you mean 'report'?",
        ),
        (
            lambda p: evaluating(p).properties.ProcessingInputs["raw"].S3Input.S3Uri,
            "'raw' is not an input of 'evaluate'; choose one of: code",
        ),
        (
            lambda p: evaluating(p).properties.ExitMessage.Text,
            "'evaluate' has no property Text",
        ),
        (
            lambda p: p.invoke("find", "arn:aws:lambda:…", returns=["uri"])["url"],
            "'url' is not returned by 'find'; did you mean 'uri'?",
        ),
        (
            lambda p: Metric("evaluate", "evaluations", "auc"),
            "'evaluations' is not a report of 'evaluate'; did you mean 'evaluation'?",
        ),
        (
            lambda p: Property("other", ".Outcomes"),
            "'other' has only an Outcome",
        ),
        (
            lambda p: ExecutionVariable("ExecutionId"),
            "a run has no such variable; did you mean 'PipelineExecutionId'?",
        ),
        (
            lambda p: p.string("Data") and {"Get": "Parameters.Dat"},
            "no such parameter is declared; did you mean 'Data'?",
        ),
        (
            lambda p: {"Get": "Step.evaluate.ProcessingJobArn"},
            "a reference is Parameters.…, Execution.… or Steps.<step>.…",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    pipeline: Pipeline, problems: Problems, refer: Callable[[Pipeline], Any], expected: str
) -> None:
    value = refer(pipeline)
    names = {step.name for step in pipeline._steps}
    if "evaluate" not in names:
        evaluating(pipeline)
    pipeline.gate(
        "other",
        pipeline.number("Score", default=1) > 0,
        then=pipeline.register("register", "s3://b/model.tar.gz"),
    )
    pipeline.step("last", "Callback", {"value": value})

    found = problems(pipeline)

    named = [problem for problem in found if problem.startswith("step 'last', value = ")]
    assert named, found
    assert expected in named[0]


def test_references_by_index_and_into_maps_are_checked_too(pipeline: Pipeline) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    metrics = train.properties.FinalMetricDataList
    pipeline.step(
        "use",
        "Callback",
        {
            "metric": metrics["auc"].Value,
            "first": metrics[0].Value,
            "depth": train.properties.HyperParameters["depth"],
        },
        SqsQueueUrl="https://queue",
    )

    arguments = pipeline.definition()["Steps"][1]["Arguments"]

    assert arguments == {
        "metric": {"Get": "Steps.train.FinalMetricDataList['auc'].Value"},
        "first": {"Get": "Steps.train.FinalMetricDataList[0].Value"},
        "depth": {"Get": "Steps.train.HyperParameters['depth']"},
    }


def test_a_report_of_an_output_that_is_not_there_is_refused(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={},
        outputs=["report"],
        reports={"a": "reports/a.json", "b": "report"},
    )

    assert problems(pipeline) == [
        "step 'evaluate', reports['a'] = 'reports/a.json': 'reports' is not an output of the step; "
        "did you mean 'report'?",
        "step 'evaluate', reports['b'] = 'report/': it names no file; "
        "write it as 'report/<file>.json'",
    ]


def test_a_reference_inside_a_join_is_followed(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.halt(join(join(Property("gone", ".Arn")), on="-"))

    (problem,) = problems(pipeline)

    assert "step 'halt', ErrorMessage = 'Steps.gone.Arn': there is no step 'gone'" in problem


def test_a_step_of_the_other_branch_is_out_of_reach(pipeline: Pipeline, problems: Problems) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    register = pipeline.register("register", train.model)
    halt = pipeline.halt("not", register.package_arn)
    pipeline.gate("good", pipeline.number("Score", default=1) > 0, then=register, otherwise=halt)

    (problem,) = problems(pipeline)

    assert problem == (
        "step 'halt', ErrorMessage = 'Steps.register.ModelPackageArn': 'register' is in the other "
        "branch of 'good', so it will not have run; move the step that both need before the gate"
    )


def test_an_order_across_branches_is_refused_too(pipeline: Pipeline, problems: Problems) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    register = pipeline.register("register", train.model)
    halt = pipeline.halt("no", depends_on=[register])
    pipeline.gate("good", pipeline.number("Score", default=1) > 0, then=register, otherwise=halt)

    (problem,) = problems(pipeline)

    assert "step 'halt', depends_on = 'register': 'register' is in the other branch" in problem


def test_steps_of_one_branch_may_refer_to_each_other(pipeline: Pipeline) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    register = pipeline.register("register", train.model)
    tell = pipeline.invoke(
        "tell", "arn:aws:lambda:…", returns=[], arguments={"package": register.package_arn}
    )
    pipeline.gate("good", pipeline.number("Score", default=1) > 0, then=[register, tell])

    assert pipeline.definition()


def test_nothing_can_follow_a_halt(pipeline: Pipeline, problems: Problems) -> None:
    halt = pipeline.halt("stop")
    pipeline.training("train", "steps/train.py", channels={}, depends_on=[halt])

    (problem,) = problems(pipeline)

    assert "'halt' ends the run: nothing can follow it" in problem


def test_a_step_in_both_branches_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    halt = pipeline.halt("stop")
    pipeline.gate("good", pipeline.number("Score", default=1) > 0, then=halt, otherwise=halt)

    assert problems(pipeline) == [
        "step 'halt': it stands in both branches of 'good'; "
        "let it follow before the gate, or make two steps with names of their own"
    ]


def test_a_step_in_the_branches_of_two_gates_is_refused(
    pipeline: Pipeline, problems: Problems
) -> None:
    score, halt = pipeline.number("Score", default=1), pipeline.halt("stop")
    pipeline.gate("low", score < 0, then=halt)
    pipeline.gate("high", score > 9, otherwise=halt)

    (problem,) = problems(pipeline)

    assert "it stands in 2 places: 'otherwise' of 'high', 'then' of 'low'" in problem


def test_a_gate_in_a_branch_of_another_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    score = pipeline.number("Score", default=1)
    inner = pipeline.gate("inner", score > 0, then=pipeline.halt("stop"))
    pipeline.gate("outer", score > 1, then=inner)

    (problem,) = problems(pipeline)

    assert "step 'inner': a gate cannot stand in a branch of another ('outer')" in problem


def test_two_steps_of_one_name_are_refused(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.training("train", "steps/train.py", channels={})
    pipeline.processing("train", "steps/prepare.py", inputs={}, outputs=[])

    assert problems(pipeline) == [
        "step 'train': 2 steps have this name; names are unique in a pipeline"
    ]


def test_a_cycle_is_refused_and_shown(pipeline: Pipeline, problems: Problems) -> None:
    for name, before in (("a", "c"), ("b", "a"), ("c", "b")):
        pipeline.training(name, "steps/train.py", channels={}, compute=SMALL, depends_on=[before])

    (problem,) = problems(pipeline)

    assert "it waits for itself: " in problem
    assert any(
        f"{circle} (→: needs)" in problem
        for circle in ("a → c → b → a", "b → a → c → b", "c → b → a → c")
    )


def test_a_gate_that_waits_for_a_step_of_its_own_branch_is_a_cycle(
    pipeline: Pipeline, problems: Problems
) -> None:
    evaluate = evaluating(pipeline)
    pipeline.gate("good", evaluate.metric("auc") > 0.5, then=evaluate)

    (problem,) = problems(pipeline)

    assert "it waits for itself" in problem
    assert "evaluate" in problem
    assert "good" in problem


@given(st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 8), max_size=4), max_size=9))
def test_an_order_is_refused_exactly_when_it_has_a_cycle(needs: Mapping[int, set[int]]) -> None:
    steps = [
        {"Name": f"s{n}", "Type": "Callback", "Arguments": {}}
        | ({"DependsOn": [f"s{m}" for m in sorted(others & set(needs))]} if others else {})
        for n, others in needs.items()
    ]

    # Warshall's transitive closure, as an independent answer.
    reach = {n: others & set(needs) for n, others in needs.items()}
    for middle in needs:
        for n in needs:
            if middle in reach[n]:
                reach[n] |= reach[middle]
    cyclic = any(n in reach[n] for n in needs)
    found = check({"Parameters": [], "Steps": steps}, name="p")

    assert cyclic == any("waits for itself" in str(problem) for problem in found)


def test_what_needs_both_branches_of_a_gate_is_refused(
    pipeline: Pipeline, problems: Problems
) -> None:
    train = pipeline.training("train", "steps/train.py", channels={})
    register = pipeline.register("register", train.model)
    tell = pipeline.invoke("tell", "arn:aws:lambda:…", returns=["text"])
    pipeline.gate("good", pipeline.number("Score", default=1) > 0, then=register, otherwise=tell)
    pipeline.invoke(
        "both",
        "arn:aws:lambda:…",
        returns=[],
        arguments={"package": register.package_arn, "text": tell["text"]},
    )

    (problem,) = problems(pipeline)

    assert problem == (
        "step 'both', depends_on: it never runs: it needs 'register', which runs where 'good' "
        "passes, and 'tell', which runs where it does not; give each branch a step of its own for "
        "it, or let it follow before the gate"
    )


@pytest.mark.parametrize(
    ("inputs", "outputs", "arguments", "problem"),
    [
        (["data"], ["data"], [], "outputs = 'data': the script gets --data twice: inputs have it"),
        (["a-b"], ["a_b"], [], "outputs = 'a_b': the script gets --a_b twice: inputs have it too"),
        (["data"], ["o"], ["--data", "x"], "arguments = '--data': the script gets --data twice"),
        (
            ["i"],
            ["data"],
            ["--data=x"],
            "arguments = '--data=x': the script gets --data twice",
        ),
    ],
)
def test_two_options_that_argparse_puts_into_one_variable_are_refused(
    pipeline: Pipeline,
    problems: Problems,
    inputs: list[str],
    outputs: list[str],
    arguments: list[str],
    problem: str,
) -> None:
    folders = dict.fromkeys(inputs, "s3://data/in/")
    pipeline.processing(
        "prepare",
        "steps/prepare.py",
        inputs=folders,
        outputs=outputs,
        arguments=arguments,
        cache="",
    )

    (refused,) = problems(pipeline)

    assert refused.startswith(f"step 'prepare', {problem}")
    assert refused.endswith("; give one of the two another name")


def test_an_option_of_the_scripts_own_may_come_several_times(pipeline: Pipeline) -> None:
    pipeline.processing(
        "prepare",
        "steps/prepare.py",
        inputs={},
        outputs=["o"],
        arguments=["--class", "a", "--class", "b", "data", "--judge=x"],
    )

    assert pipeline.definition()
