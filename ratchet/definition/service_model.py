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
from typing import Any

from ratchet.definition.references import Key, Part
from ratchet.definition.step_types import row_of

Shape = Mapping[str, Any]
"""A shape of the model: `type`, and by type `members`, `member`, `key`, `value`, `enum`, `max` …"""


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


def operations() -> Mapping[str, Mapping[str, Any]]:
    """Every operation of the service, by name."""
    described: Mapping[str, Mapping[str, Any]] = _model()["operations"]
    return described


def shape(name: str) -> Shape:
    described: Shape = _model()["shapes"][name]
    return described


@cache
def create_shape(step_type: str) -> Shape | None:
    """What a step of this type takes as Arguments; None: the model does not say."""
    operation = row_of(step_type).create
    return shape(operations()[operation]["input"]["shape"]) if operation else None


@cache
def describe_shape(step_type: str) -> Shape | None:
    """What properties a step of this type has; None: the model does not say."""
    answers = [shape(operations()[name]["output"]["shape"]) for name in row_of(step_type).describes]
    if not answers:
        return None
    members = {name: member for answer in answers for name, member in answer["members"].items()}
    return {**answers[0], "members": members}


@cache
def is_taggable(step_type: str) -> bool:
    """Whether what a step makes takes Tags."""
    created = create_shape(step_type)
    return created is not None and "Tags" in created["members"] and row_of(step_type).is_taggable


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


class PathError(ValueError):
    """A property path that leads nowhere.

    `part`: the first part that is not there; `members`: what is there in its place, if anything.
    """

    def __init__(self, part: str, members: Sequence[str]) -> None:
        self.part, self.members = part, members
        super().__init__(part)


def follow(start: Shape, path: Sequence[Part]) -> Shape:
    """The shape at a property's path.

    Raises:
        PathError: the path leads nowhere.
    """
    here = start
    for part in path:
        here = _below(here, part)
    return here


def _below(here: Shape, part: Part) -> Shape:
    kind = here["type"]
    is_member = isinstance(part, str) and not isinstance(part, Key)
    if kind == "structure" and is_member and part in here["members"]:
        return shape(here["members"][part]["shape"])
    if kind == "list" and not is_member:
        # By name as well as by index: ProcessingOutputConfig.Outputs['train'].
        return shape(here["member"]["shape"])
    if kind == "map" and isinstance(part, str):
        return shape(here["value"]["shape"])
    shown = f"'{part}'" if isinstance(part, Key) else str(part)
    raise PathError(shown, list(here.get("members", ())))
