"""Is what stands beside a step's arguments sound: retry policies, a function, a message?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline_defs.authoring.checks.document import Placed, is_variable, placed_steps
from pipeline_defs.authoring.errors import Problem, a, did_you_mean
from pipeline_defs.authoring.retries import EXCEPTION_TYPES

# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
_RETRIED = ("Processing", "Training", "Tuning", "AutoML", "Model", "RegisterModel", "Transform")
_MOST_SECONDS, _MOST_ATTEMPTS, _MOST_MINUTES = 43_200, 20, 14_400
_ANSWERED = {
    "Lambda": ("FunctionArn", "function_arn", "pass the function's ARN"),
    "Callback": ("SqsQueueUrl", "queue_url", "pass the queue's URL"),
}
_OUTPUT_TYPES = ("String", "Integer", "Float", "Boolean")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_MESSAGE = 3072  # SageMaker API, FailStepMetadata.ErrorMessage


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    for placed in placed_steps(definition):
        yield from _retries(placed)
        if placed.type == "Processing":
            yield from _folders(placed)
        if placed.type in _ANSWERED:
            yield from _answered(placed)
        if placed.type == "Fail":
            yield from _message(placed)


def _retries(placed: Placed) -> Iterator[Problem]:
    policies = placed.step.get("RetryPolicies", ())
    if policies and placed.type not in _RETRIED:
        fix = f"remove them (retried are: {', '.join(_RETRIED)})"
        yield _problem(placed, "retries", None, f"{a(placed.type)} step has none", fix)
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        for field, value, expected, fix in _policy(policy, seen):
            yield _problem(placed, f"retries[{index}].{field}", value, expected, fix)


def _policy(policy: Mapping[str, Any], seen: set[str]) -> Iterator[tuple[str, Any, str, str]]:
    kinds = policy.get("ExceptionType", ())
    if not kinds:
        fix = f"choose from: {', '.join(EXCEPTION_TYPES)}"
        yield "on", list(kinds), "the policy is for no failure", fix
    for kind in kinds:
        if kind not in EXCEPTION_TYPES:
            yield "on", kind, "there is no such exception type", did_you_mean(kind, EXCEPTION_TYPES)
        elif kind in seen:
            yield "on", kind, "two policies are for it", "name it in one"
        seen.add(kind)
    interval, backoff = policy.get("IntervalSeconds", 1), policy.get("BackoffRate", 2.0)
    attempts, minutes = policy.get("MaxAttempts"), policy.get("ExpireAfterMin")
    if not 1 <= interval <= _MOST_SECONDS:
        yield "interval_seconds", interval, f"it must be between 1 and {_MOST_SECONDS}", ""
    if backoff < 1:
        yield "backoff_rate", backoff, "it must be at least 1", ""
    if (attempts is None) == (minutes is None):
        expected = "a policy ends after a number of attempts or after a time, one of the two"
        yield "max_attempts", attempts, expected, "set max_attempts or expire_after_minutes"
    if attempts is not None and not 1 <= attempts <= _MOST_ATTEMPTS:
        yield "max_attempts", attempts, f"it must be between 1 and {_MOST_ATTEMPTS}", ""
    if minutes is not None and not 1 <= minutes <= _MOST_MINUTES:
        yield "expire_after_minutes", minutes, f"it must be between 1 and {_MOST_MINUTES}", ""


def _folders(placed: Placed) -> Iterator[Problem]:
    """Inputs and outputs become folders of the container, so their names must allow it."""
    arguments = placed.step.get("Arguments", {})
    outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for role, key, items in (
        ("inputs", "InputName", arguments.get("ProcessingInputs", ())),
        ("outputs", "OutputName", outputs),
    ):
        names = [str(item.get(key)) for item in items if isinstance(item, Mapping)]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                taken = " (the step's code is the input 'code')" if name == "code" else ""
                yield _problem(placed, role, name, f"two have this name{taken}", "rename one")
            if not _FOLDER_NAME.fullmatch(name):
                expected = "a name consists of letters, digits, hyphens and underscores"
                yield _problem(placed, role, name, expected, "rename it")


def _answered(placed: Placed) -> Iterator[Problem]:
    key, argument, fix = _ANSWERED[placed.type]
    if not placed.step.get(key):
        yield _problem(placed, argument, placed.step.get(key), "it is required", fix)
    for key, value in placed.step.get("Arguments", {}).items():
        if not is_variable(value) and isinstance(value, Mapping | list | tuple):
            expected = f"a {placed.type} step's arguments are flat: text, numbers and references"
            yield _problem(placed, f"arguments[{key!r}]", value, expected, "flatten it")
    for output in placed.step.get("OutputParameters", ()):
        name, kind = output["OutputName"], output["OutputType"]
        if kind not in _OUTPUT_TYPES:
            fix = did_you_mean(str(kind), _OUTPUT_TYPES)
            yield _problem(placed, f"returns[{name!r}]", kind, "there is no such type", fix)


def _message(placed: Placed) -> Iterator[Problem]:
    message = placed.step.get("Arguments", {}).get("ErrorMessage")
    parts = message["Std:Join"].get("Values", ()) if is_variable(message) else [message]
    if message is None or not parts:
        fix = "say what went wrong, with the numbers"
        yield _problem(placed, "message", None, "a halt says why", fix)
    length = sum(len(part) for part in parts if isinstance(part, str))
    if length > _LONGEST_MESSAGE:
        expected = f"{length} characters, and SageMaker takes at most {_LONGEST_MESSAGE}"
        yield _problem(placed, "message", None, expected, "shorten it")


def _problem(placed: Placed, argument: str, value: Any, expected: str, fix: str) -> Problem:
    return Problem(step=placed.name, argument=argument, value=value, expected=expected, fix=fix)
