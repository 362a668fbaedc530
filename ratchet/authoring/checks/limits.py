"""Is the pipeline within SageMaker's limits?

Lengths and counts are botocore's; 50 steps a pipeline is SageMaker's default quota
(https://docs.aws.amazon.com/general/latest/gr/sagemaker.html), 200 parameters a start is the API's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ratchet.authoring.errors import Problem
from ratchet.definition import service_model
from ratchet.definition.document import Document
from ratchet.definition.expressions import is_token

MOST_STEPS = 50
MOST_PARAMETERS = 200


def check(document: Document, name: str) -> Iterator[Problem]:
    yield from _name(name)
    steps, parameters = len(document.steps), len(document.parameters)
    if steps == 0:
        yield Problem(expected="it has no steps", fix="add one")
    if steps > MOST_STEPS:
        expected = f"{steps} steps, and a pipeline has at most {MOST_STEPS}"
        yield Problem(expected=expected, fix="split it into two pipelines")
    if parameters > MOST_PARAMETERS:
        expected = f"{parameters} parameters, and a run can be given at most {MOST_PARAMETERS}"
        yield Problem(expected=expected, fix="make settings of those that no run changes")
    longest = service_model.shape("PipelineDefinition")["max"]
    size = len(json.dumps(document.body, separators=(",", ":"), default=str))
    if size > longest:
        expected = f"the definition has {size:,} characters, and SageMaker takes {longest:,}"
        yield Problem(expected=expected, fix="split it, or move long texts into files")


def _name(name: str) -> Iterator[Problem]:
    if is_token(name):
        return
    shape = service_model.shape("PipelineName")
    pattern = service_model.pattern(shape["pattern"])
    if len(name) > shape["max"]:
        expected = f"a name has at most {shape['max']} characters, and this has {len(name)}"
        yield Problem(argument="name", value=name, expected=expected, fix="shorten it")
    elif pattern and not pattern.fullmatch(name):
        expected = "a pipeline's name consists of letters, digits and hyphens"
        yield Problem(argument="name", value=name, expected=expected)
