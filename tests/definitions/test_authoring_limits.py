"""Names, counts, parameters, retries: what SageMaker would refuse is refused at home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ratchet.authoring import Context, Pipeline, RetryPolicy
from ratchet.settings.schema import ComputeSettings

Problems = Callable[[Pipeline], list[str]]
SMALL = ComputeSettings()


def test_a_parameter_that_nothing_refers_to_is_refused(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.string("InputDataUrl", default="s3://bucket/raw/")
    pipeline.halt("stop")

    assert problems(pipeline) == [
        "parameter 'InputDataUrl': no step uses it, so its value has no effect; "
        "use it in a step or remove it"
    ]


@pytest.mark.parametrize("used_in", ["a tag", "a condition", "a branch", "a join"])
def test_a_parameter_is_used_wherever_it_is_referred_to(pipeline: Pipeline, used_in: str) -> None:
    name = pipeline.string("Name", default="x")
    train = pipeline.training(
        "train",
        "steps/train.py",
        channels={},
        job={"Tags": [{"Key": "name", "Value": name}]} if used_in == "a tag" else {},
    )
    metadata = {"name": name} if used_in == "a branch" else {}
    register = pipeline.register("register", train.model, metadata=metadata)
    condition = name == "x" if used_in == "a condition" else train.model == "x"
    pipeline.gate("good", condition, then=register)
    pipeline.halt(*(["stop", name] if used_in == "a join" else ["stop"]))

    assert pipeline.definition()


def test_a_parameter_declared_twice_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.halt(pipeline.string("Experiment"))

    (problem,) = problems(pipeline)

    assert "parameter 'Experiment': it is declared twice" in problem
    assert "every pipeline has it by itself" in problem


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (lambda p: p.string("My Name"), "a name has 1 to 256 letters, digits, hyphens"),
        (lambda p: p.string("N" * 257), "a name has 1 to 256 letters, digits, hyphens"),
        (lambda p: p.string("N", default=5), "default = 5: the parameter is a String"),
        (lambda p: p.integer("N", default=0.5), "default = 0.5: the parameter is an Integer"),
        (lambda p: p.integer("N", default=True), "default = True: the parameter is an Integer"),
        (lambda p: p.boolean("N", default=1), "default = 1: the parameter is a Boolean"),
        (lambda p: p.number("N", default=float("inf")), "default = inf: JSON has no such number"),
        (lambda p: p.string("N", default="x" * 1025), "1025 characters, and a run can be given"),
        (lambda p: p.string("N", choices=[]), "choices: there are none; leave them out"),
        (
            lambda p: p.string("N", default="c", choices=["a", "b"]),
            "default = 'c': it is none of the choices; choose one of: a, b",
        ),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(
    pipeline: Pipeline, problems: Problems, declare: Callable[[Pipeline], Any], expected: str
) -> None:
    pipeline.halt("stop", declare(pipeline))

    (problem,) = problems(pipeline)

    assert expected in problem


def test_a_number_may_default_to_an_integer(pipeline: Pipeline) -> None:
    pipeline.halt(pipeline.number("Rate", default=1))

    assert pipeline.definition()


def test_at_most_200_parameters_can_be_given_to_a_run(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.halt(*[pipeline.string(f"P{n}", default="x") for n in range(200)])

    (problem,) = problems(pipeline)

    assert "201 parameters, and a run can be given at most 200" in problem


def test_a_pipeline_has_at_most_50_steps_those_of_branches_included(
    pipeline: Pipeline, problems: Problems
) -> None:
    steps = [pipeline.halt("stop", name=f"halt-{n}") for n in range(50)]
    pipeline.gate("open", pipeline.number("Score", default=1) > 0, then=steps)

    (problem,) = problems(pipeline)

    assert problem == "51 steps, and a pipeline has at most 50; split it into two pipelines"


def test_a_pipeline_without_steps_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    assert problems(pipeline) == ["it has no steps; add one"]


def test_a_definition_that_is_too_large_is_refused(pipeline: Pipeline, problems: Problems) -> None:
    for n in range(20):
        values = {f"k{key}": "x" * 2000 for key in range(98)}
        pipeline.training(
            f"t{n}", "steps/train.py", channels={}, hyperparameters=values, compute=SMALL
        )

    (problem,) = problems(pipeline)

    assert "characters, and SageMaker takes 1,048,576" in problem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x" * 65, "a step's name has at most 64 characters, and this has 65; shorten it"),
        ("two words", "a step's name consists of letters, digits, hyphens and underscores"),
        ("", "a step's name consists of letters, digits, hyphens and underscores"),
    ],
)
def test_a_steps_name_must_be_one(
    pipeline: Pipeline, problems: Problems, name: str, expected: str
) -> None:
    pipeline.halt("stop", name=name)

    (problem,) = problems(pipeline)

    assert expected in problem


@pytest.mark.parametrize("kind", ["my_pipeline", "x" * 256])
def test_a_pipelines_name_must_be_one(ctx: Context, problems: Problems, kind: str) -> None:
    p = Pipeline(kind, ctx)
    p.halt("stop")

    (problem,) = problems(p)

    assert problem.startswith("name = ")


@pytest.mark.parametrize(
    ("given", "meant"), [("processing", "Processing"), ("Trainning", "Training")]
)
def test_a_type_that_nearly_is_one_is_a_slip(
    pipeline: Pipeline, problems: Problems, given: str, meant: str
) -> None:
    pipeline.step("odd", given, {})

    (problem,) = problems(pipeline)

    assert f"type = {given!r}: there is no such step type; did you mean {meant!r}?" in problem


def test_a_type_that_is_not_known_yet_passes(pipeline: Pipeline) -> None:
    pipeline.step("new", "QuantumAnneal", {"Anything": [1, 2]})

    assert pipeline.definition()


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"code": "x"}, [], "inputs = 'code': two have this name (the step's code is the input"),
        ({}, ["a", "a"], "outputs = 'a': two have this name; rename one"),
        ({}, ["a/b"], "outputs = 'a/b': a name consists of letters, digits, hyphens"),
        ({"../x": "x"}, [], "inputs = '../x': a name consists of letters, digits, hyphens"),
    ],
)
def test_names_of_inputs_and_outputs_must_do_as_folders(
    pipeline: Pipeline,
    problems: Problems,
    inputs: dict[str, str],
    outputs: list[str],
    expected: str,
) -> None:
    raw = pipeline.string("Raw", default="s3://bucket/raw/")
    pipeline.processing(
        "prepare",
        "steps/prepare.py",
        inputs={"raw": raw, **dict.fromkeys(inputs, raw)},
        outputs=outputs,
    )

    (problem,) = problems(pipeline)

    assert expected in problem


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (RetryPolicy(on=[], max_attempts=1), "retries[0].on = []: the policy is for no failure"),
        (
            RetryPolicy(on=["Step.THROTTLE"], max_attempts=1),
            "there is no such exception type; did you mean 'Step.THROTTLING'?",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"], max_attempts=21),
            "retries[0].max_attempts = 21: it must be between 1 and 20",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"], expire_after_minutes=14_401),
            "retries[0].expire_after_minutes = 14401: it must be between 1 and 14400",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"], max_attempts=1, interval_seconds=43_201),
            "retries[0].interval_seconds = 43201: it must be between 1 and 43200",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"], max_attempts=1, backoff_rate=0.5),
            "retries[0].backoff_rate = 0.5: it must be at least 1",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"]),
            "one of the two; set max_attempts or expire_after_minutes",
        ),
        (
            RetryPolicy(on=["Step.THROTTLING"], max_attempts=1, expire_after_minutes=1),
            "one of the two; set max_attempts or expire_after_minutes",
        ),
    ],
)
def test_a_retry_policy_out_of_bounds_is_refused(
    pipeline: Pipeline, problems: Problems, policy: RetryPolicy, expected: str
) -> None:
    pipeline.training("train", "steps/train.py", channels={}, retries=[policy])

    (problem,) = problems(pipeline)

    assert problem.startswith("step 'train', retries[0].")
    assert expected in problem


def test_two_policies_for_one_failure_are_refused(pipeline: Pipeline, problems: Problems) -> None:
    policy = RetryPolicy(on=["Step.THROTTLING"], max_attempts=1)
    pipeline.training("train", "steps/train.py", channels={}, retries=[policy, policy])

    (problem,) = problems(pipeline)

    assert "retries[1].on = 'Step.THROTTLING': two policies are for it" in problem


def test_steps_that_are_never_retried_take_no_policy(
    pipeline: Pipeline, problems: Problems
) -> None:
    policy = RetryPolicy(on=["Step.THROTTLING"], max_attempts=1)
    pipeline.step("wait", "Callback", {}, retries=[policy], SqsQueueUrl="https://queue")

    (problem,) = problems(pipeline)

    assert "step 'wait', retries: a Callback step has none; remove them" in problem


def test_a_functions_event_is_flat(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.invoke("find", "arn:aws:lambda:…", returns=[], arguments={"deep": {"a": 1}})  # type: ignore[dict-item]

    (problem,) = problems(pipeline)

    assert (
        "step 'find', arguments['deep'] = {'a': 1}: a Lambda step's arguments are flat" in problem
    )


def test_a_function_needs_an_arn_and_types_that_exist(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.invoke("find", "", returns={"uri": "Text"})

    found = problems(pipeline)

    assert "step 'find', function_arn = '': it is required; pass the function's ARN" in found
    assert any("returns['uri'] = 'Text': there is no such type" in problem for problem in found)


def test_a_halt_says_why(pipeline: Pipeline, problems: Problems) -> None:
    pipeline.halt()

    (problem,) = problems(pipeline)

    assert "step 'halt', message: a halt says why" in problem


def test_a_halts_message_holds_at_most_3072_characters(
    pipeline: Pipeline, problems: Problems
) -> None:
    pipeline.halt("x" * 3073)

    (problem,) = problems(pipeline)

    assert "3073 characters, and SageMaker takes at most 3072; shorten it" in problem


def test_the_longest_names_pass(ctx: Context) -> None:
    settings = replace(ctx.settings, project="p", model_name="p", environment="e")
    p = Pipeline("k" * 252, replace(ctx, settings=settings))
    p.halt(p.string("N" * 256, default="x" * 1024), name="s" * 64)

    assert p.definition()
