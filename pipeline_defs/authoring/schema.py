"""SageMaker's API as botocore describes it: what each step takes, and what it answers.

The model is the data file `sagemaker/2017-07-24/service-2.json.gz` of the botocore package. It is
read once, when the first question is asked, and without importing botocore, which takes longer.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

Shape = Mapping[str, Any]
"""A shape of the model: `type`, and by type `members`, `member`, `key`, `value`, `enum`, `max` …"""


class StepType(NamedTuple):
    """How a step type shows in the API. `named_by_service`: what Pipelines fills in itself;
    `lists`: an operation whose answer is among the properties too."""

    create: str | None = None
    describe: str | None = None
    named_by_service: tuple[str, ...] = ()
    lists: str | None = None


# Types and keys: the SageMaker SDK's `workflow/steps.py` and what it writes.
STEP_TYPES: Mapping[str, StepType] = {
    "Processing": StepType("CreateProcessingJob", "DescribeProcessingJob", ("ProcessingJobName",)),
    "Training": StepType("CreateTrainingJob", "DescribeTrainingJob", ("TrainingJobName",)),
    "Transform": StepType("CreateTransformJob", "DescribeTransformJob", ("TransformJobName",)),
    "Tuning": StepType(
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        ("HyperParameterTuningJobName",),
        "ListTrainingJobsForHyperParameterTuningJob",
    ),
    "AutoML": StepType("CreateAutoMLJob", "DescribeAutoMLJob", ("AutoMLJobName",)),
    "Model": StepType("CreateModel", "DescribeModel", ("ModelName",)),
    "RegisterModel": StepType("CreateModelPackage", "DescribeModelPackage"),
    "EndpointConfig": StepType("CreateEndpointConfig", "DescribeEndpointConfig"),
    "Endpoint": StepType("CreateEndpoint", "DescribeEndpoint"),
    "QualityCheck": StepType("CreateProcessingJob", None, ("ProcessingJobName",)),
    "ClarifyCheck": StepType("CreateProcessingJob", None, ("ProcessingJobName",)),
    "Lambda": StepType(),
    "Callback": StepType(),
    "EMR": StepType(),
    "EMRServerless": StepType(),
    "Condition": StepType(),
    "Fail": StepType(),
    "Job": StepType(),
    "Lineage": StepType(),
}

_TOKEN = re.compile(r"[$#]\{Token\[")
_TOKEN_NUMBER = -1e288


@cache
def _model() -> Mapping[str, Any]:
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("botocore is not installed: pip install boto3")
    folder = Path(spec.submodule_search_locations[0], "data", "sagemaker", "2017-07-24")
    packed = folder / "service-2.json.gz"
    # Packagers of botocore ship the model either way; botocore's own loader reads both.
    plain = gzip.decompress(packed.read_bytes()) if packed.is_file() else None
    model: Mapping[str, Any] = json.loads(plain or (folder / "service-2.json").read_bytes())
    return model


def shape(name: str) -> Shape:
    found: Shape = _model()["shapes"][name]
    return found


def create_shape(step_type: str) -> Shape | None:
    """What a step of this type takes as Arguments; None: the model does not say."""
    operation = STEP_TYPES.get(step_type, StepType()).create
    return shape(_model()["operations"][operation]["input"]["shape"]) if operation else None


def describe_shape(step_type: str) -> Shape | None:
    """What properties a step of this type has; None: the model does not say."""
    found = STEP_TYPES.get(step_type, StepType())
    if found.describe is None:
        return None
    operations = [name for name in (found.describe, found.lists) if name]
    answers = [shape(_model()["operations"][name]["output"]["shape"]) for name in operations]
    members = {name: member for answer in answers for name, member in answer["members"].items()}
    return {**answers[0], "members": members}


@cache
def is_taggable(step_type: str) -> bool:
    """Whether a step's job takes Tags. A version of a model has none but its group's."""
    created = create_shape(step_type)
    return created is not None and "Tags" in created["members"] and step_type != "RegisterModel"


@cache
def pattern(shape_pattern: str) -> re.Pattern[str] | None:
    """The pattern in Python's notation, never stricter than the model's; None: no such notation."""
    translated = re.sub(r"\$\{\d+,\d+\}$", "", shape_pattern)
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s")):
        translated = translated.replace(java, python)
    try:
        return re.compile(translated, re.DOTALL)
    except re.error:
        return None


def is_token(value: Any) -> bool:
    """Whether CDK puts the real value in later, so that nothing can be said of it now.

    Strings and list items hold `${Token[…]}` or `#{Token[…]}`, numbers are below -1e288
    (aws-cdk-lib, `core/lib/private/encoding.ts`).
    """
    if isinstance(value, str):
        return _TOKEN.search(value) is not None
    return isinstance(value, float) and value < _TOKEN_NUMBER


class PathError(ValueError):
    """A property path that leads nowhere; the message says what there is instead."""

    def __init__(self, at: str, known: Sequence[str]) -> None:
        self.at, self.known = at, known
        super().__init__(at)


_PATH = re.compile(r"\.(?P<member>\w+)|\['(?P<key>[^']*)'\]|\[(?P<index>\d+)\]")


def path_parts(path: str) -> list[str | int] | None:
    """`.A.B['k'][0]` as ["A", "B", "'k'", 0]; None: not written so."""
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PATH.match(path, position)
        if match is None:
            return None
        if match["index"] is not None:
            parts.append(int(match["index"]))
        else:
            parts.append(match["member"] if match["key"] is None else f"'{match['key']}'")
        position = match.end()
    return parts


def follow(start: Shape, path: str) -> Shape:
    """The shape at a property path.

    Raises:
        PathError: the path leads nowhere.
    """
    here = start
    for part in path_parts(path) or []:
        kind = here["type"]
        is_member = isinstance(part, str) and not part.startswith("'")
        if kind == "structure" and is_member:
            if part not in here["members"]:
                raise PathError(str(part), list(here["members"]))
            here = shape(here["members"][part]["shape"])
        elif kind == "list" and not is_member:
            # By name as well as by index: ProcessingOutputConfig.Outputs['train'].
            here = shape(here["member"]["shape"])
        elif kind == "map" and isinstance(part, str):
            here = shape(here["value"]["shape"])
        else:
            raise PathError(str(part), list(here.get("members", ())))
    return here
