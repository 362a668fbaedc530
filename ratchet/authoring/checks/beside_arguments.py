"""Is what stands beside a step's arguments sound: retry policies, a function, a message?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.authoring.errors import Problem, a, did_you_mean
from ratchet.authoring.retries import EXCEPTION_TYPES
from ratchet.definition.document import DefinedStep, Document
from ratchet.definition.expressions import JOIN, function_of
from ratchet.definition.row import Beside
from ratchet.definition.step_types import types_with

# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
_MOST_SECONDS, _MOST_ATTEMPTS, _MOST_MINUTES = 43_200, 20, 14_400
_OUTPUT_TYPES = ("String", "Integer", "Float", "Boolean")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_MESSAGE = 3072  # SageMaker API, FailStepMetadata.ErrorMessage


def check(document: Document) -> Iterator[Problem]:
    for step in document.steps:
        yield from _retries(step)
        if step.type == "Processing":
            yield from _folders(step)
        if step.row.beside:
            yield from _answered(step, step.row.beside)
        if step.row.ends_run:
            yield from _message(step)


def _retries(step: DefinedStep) -> Iterator[Problem]:
    policies = step.body.get("RetryPolicies", ())
    if policies and not step.row.is_retryable:
        fix = f"remove them (retried are: {', '.join(types_with('is_retryable'))})"
        yield _problem(step, "retries", None, f"{a(step.type)} step has none", fix)
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        for field, value, expected, fix in _policy(policy, seen):
            yield _problem(step, f"retries[{index}].{field}", value, expected, fix)


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


def _folders(step: DefinedStep) -> Iterator[Problem]:
    """Inputs and outputs become folders of the container, so their names must allow it."""
    outputs = step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for role, key, items in (
        ("inputs", "InputName", step.arguments.get("ProcessingInputs", ())),
        ("outputs", "OutputName", outputs),
    ):
        names = [str(item.get(key)) for item in items if isinstance(item, Mapping)]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                code = " (the step's code is the input 'code')" if name == "code" else ""
                yield _problem(step, role, name, f"two have this name{code}", "rename one")
            if not _FOLDER_NAME.fullmatch(name):
                expected = "a name consists of letters, digits, hyphens and underscores"
                yield _problem(step, role, name, expected, "rename it")


def _answered(step: DefinedStep, required: Beside) -> Iterator[Problem]:
    value = step.body.get(required.key)
    if not value:
        yield _problem(step, required.argument, value, "it is required", required.fix)
    for key, value in step.arguments.items():
        if not function_of(value) and isinstance(value, Mapping | list | tuple):
            expected = f"a {step.type} step's arguments are flat: text, numbers and references"
            yield _problem(step, f"arguments[{key!r}]", value, expected, "flatten it")
    for name, kind in step.output_parameters.items():
        if kind not in _OUTPUT_TYPES:
            fix = did_you_mean(kind, _OUTPUT_TYPES)
            yield _problem(step, f"returns[{name!r}]", kind, "there is no such type", fix)


def _message(step: DefinedStep) -> Iterator[Problem]:
    message: Any = step.arguments.get("ErrorMessage")
    parts = message[JOIN].get("Values", ()) if function_of(message) == JOIN else [message]
    if message is None or not parts:
        fix = "say what went wrong, with the numbers"
        yield _problem(step, "message", None, "a halt says why", fix)
    length = sum(len(part) for part in parts if isinstance(part, str))
    if length > _LONGEST_MESSAGE:
        expected = f"{length} characters, and SageMaker takes at most {_LONGEST_MESSAGE}"
        yield _problem(step, "message", None, expected, "shorten it")


def _problem(step: DefinedStep, argument: str, value: Any, expected: str, fix: str) -> Problem:
    return Problem(step=step.name, argument=argument, value=value, expected=expected, fix=fix)
