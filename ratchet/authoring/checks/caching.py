"""Can a cached step's result be trusted, and can it be found again?

SageMaker takes a step's result from an earlier run when certain of its arguments have equal values:
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html. Values, not contents:
a literal URI stays equal when the bytes behind it change, and a run's id never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ratchet.authoring.errors import Problem, a
from ratchet.authoring.variables import Immutable
from ratchet.definition.cache_keys import compared
from ratchet.definition.document import DefinedStep, Document
from ratchet.definition.expressions import GET, JOIN, Leaf, calls, function_of, leaves
from ratchet.definition.step_types import types_with

_VARIES = re.compile(
    r"Execution\.(StartDateTime|CurrentDateTime|PipelineExecutionId|PipelineExecutionArn"
    r"|TrainingJobName|ProcessingJobName)"
)
_DIGEST = re.compile(r"(?<![0-9a-fA-F])([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-fA-F])")
_PERIOD = re.compile(r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")


def check(document: Document) -> Iterator[Problem]:
    for step in document.steps:
        config = step.body.get("CacheConfig", {})
        if not config.get("Enabled"):
            continue
        period = config.get("ExpireAfter")
        if not step.row.is_cached:
            expected = f"{a(step.type)} step is never cached"
            fix = f"remove it (cached are: {', '.join(types_with('is_cached'))})"
            yield _problem(step, "cache", period, expected, fix)
            continue
        if not _PERIOD.fullmatch(str(period or "")):
            expected, fix = "it is no ISO 8601 period", 'write it as "P30D" or "PT12H"'
            yield _problem(step, "cache", period, expected, fix)
        for leaf in compared(step):
            yield from _varying(step, leaf)
            yield from _unnamed_contents(step, leaf)


def _varying(step: DefinedStep, part: Leaf) -> Iterator[Problem]:
    expected = "it differs in every run, so the cached step would never be a hit"
    fix = 'take it out of the step\'s inputs, or set cache=""'
    for call in calls(part.value, part.chain):
        if call.function == GET and _VARIES.fullmatch(str(call.operand)):
            yield _problem(step, call.argument, call.operand, expected, fix)


def _unnamed_contents(step: DefinedStep, part: Leaf) -> Iterator[Problem]:
    expected = (
        "a literal URI without a digest stays the same when its content changes: "
        "the cached step would keep its old result"
    )
    fix = (
        "make it a parameter, name it by the digest of its content, "
        'wrap it in immutable(…) if it is never written again, or set cache=""'
    )
    for leaf in leaves(part.value, part.chain):
        uri = _literal(leaf.value)
        if uri.startswith("s3://") and not _DIGEST.search(uri) and not isinstance(uri, Immutable):
            yield _problem(step, leaf.argument, uri, expected, fix)


def _literal(value: Any) -> str:
    """A text, or a join of texts alone; "" for anything that can change from run to run."""
    if isinstance(value, str):
        return value
    if function_of(value) != JOIN:
        return ""
    texts = value[JOIN].get("Values", ())
    spelled_out = all(isinstance(text, str) for text in texts)
    return str(value[JOIN].get("On", "")).join(texts) if spelled_out else ""


def _problem(step: DefinedStep, argument: str, value: Any, expected: str, fix: str) -> Problem:
    return Problem(step=step.name, argument=argument, value=value, expected=expected, fix=fix)
