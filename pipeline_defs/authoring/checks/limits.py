"""Is the pipeline within SageMaker's limits?

Lengths and counts are botocore's; 50 steps a pipeline is SageMaker's default quota
(https://docs.aws.amazon.com/general/latest/gr/sagemaker.html), 200 parameters a start is the API's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import placed_steps
from pipeline_defs.authoring.errors import Problem

MOST_STEPS = 50
MOST_PARAMETERS = 200


def check(definition: Mapping[str, Any], name: str) -> Iterator[Problem]:
    yield from _name(name)
    steps = sum(1 for _ in placed_steps(definition))
    if steps == 0:
        yield Problem(expected="it has no steps", fix="add one")
    if steps > MOST_STEPS:
        expected = f"{steps} steps, and a pipeline has at most {MOST_STEPS}"
        yield Problem(expected=expected, fix="split it into two pipelines")
    parameters = len(definition.get("Parameters", ()))
    if parameters > MOST_PARAMETERS:
        expected = f"{parameters} parameters, and a run can be given at most {MOST_PARAMETERS}"
        yield Problem(expected=expected, fix="make settings of those that no run changes")
    longest = schema.shape("PipelineDefinition")["max"]
    size = len(json.dumps(definition, separators=(",", ":"), default=str))
    if size > longest:
        expected = f"the definition has {size:,} characters, and SageMaker takes {longest:,}"
        yield Problem(expected=expected, fix="split it, or move long texts into files")


def _name(name: str) -> Iterator[Problem]:
    if schema.is_token(name):
        return
    shape = schema.shape("PipelineName")
    pattern = schema.pattern(shape["pattern"])
    if len(name) > shape["max"]:
        expected = f"a name has at most {shape['max']} characters, and this has {len(name)}"
        yield Problem(argument="name", value=name, expected=expected, fix="shorten it")
    elif pattern and not pattern.fullmatch(name):
        expected = "a pipeline's name consists of letters, digits and hyphens"
        yield Problem(argument="name", value=name, expected=expected)
