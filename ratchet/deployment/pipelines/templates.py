"""The definitions that stacks were deployed with, and whether pipelines still have them.

CloudFormation compares a template with the template before it, never with SageMaker: whoever
updates a pipeline by hand changes what landed data runs, and no deployment of the same template
puts that right. So the tools compare a pipeline with its stack's template themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.deployment.target.environment import Target
from ratchet.loop.answers import says_missing

_TYPE = "AWS::SageMaker::Pipeline"
_VALUE = re.compile("\ue000(\\d+)\ue000")
"""Stands for what CloudFormation puts in; no definition of ours holds private characters."""


@dataclass(frozen=True)
class StackDefinition:
    """A pipeline's definition as its stack's template has it, with values that CloudFormation
    puts in: ARNs and names of what is deployed beside it."""

    _tree: Any
    _count: int
    """Of different values."""

    @classmethod
    def of(cls, body: Any) -> StackDefinition:
        """From `PipelineDefinitionBody`: a text, or a join of texts and intrinsic functions.

        Raises:
            ValueError: it is something else, or no JSON.
        """
        match body:
            case str():
                parts: Sequence[Any] = [body]
            case {"Fn::Join": ["", [*joined]]}:
                parts = joined
            case _:
                raise ValueError(f"expected a text or Fn::Join, got {json.dumps(body)[:80]}")
        places: dict[str, int] = {}
        text = ""
        for part in parts:
            if isinstance(part, str):
                text += part
            else:
                key = json.dumps(part, sort_keys=True)
                text += f"\ue000{places.setdefault(key, len(places))}\ue000"
        return cls(json.loads(text), len(places))

    def is_of(self, definition: str) -> bool:
        """Whether a pipeline's definition, as JSON, is this one."""
        comparison = _Comparison()
        comparison.compare(self._tree, json.loads(definition))
        return comparison.same and all(len(v) == 1 for v in comparison.values.values())

    def resolved(self, *others: str) -> str | None:
        """This definition as SageMaker had it, as JSON.

        Args:
            others: definitions, as JSON, that hold the same values in other places: what the
                pipeline has now, what the source compiles to.

        Returns:
            None where a value cannot be told from them.
        """
        comparison = _Comparison()
        for other in others:
            comparison.compare(self._tree, json.loads(other))
        values = {place: v for place, v in comparison.values.items() if len(v) == 1}
        if len(values) < self._count:
            return None
        return json.dumps(_filled(self._tree, values), separators=(",", ":"))


@dataclass
class _Comparison:
    same: bool = True
    values: dict[int, set[str]] = field(default_factory=dict)

    def compare(self, tree: Any, other: Any) -> None:
        match tree, other:
            case dict(), dict():
                self.same &= tree.keys() == other.keys()
                for key in tree.keys() & other.keys():
                    self.compare(tree[key], other[key])
            case list(), list():
                self.same &= len(tree) == len(other)
                for mine, theirs in _pairs(tree, other):
                    self.compare(mine, theirs)
            case str(), str() if _VALUE.search(tree):
                self._text(tree, other)
            case _:
                self.same &= bool(tree == other)

    def _text(self, tree: str, other: str) -> None:
        literals = _VALUE.split(tree)  # text, place, text, place, …, text
        pattern = "".join(
            "(.+?)" if number % 2 else re.escape(part) for number, part in enumerate(literals)
        )
        matched = re.fullmatch(pattern, other, re.DOTALL)
        if matched is None:
            self.same = False
            return
        for place, value in zip(literals[1::2], matched.groups(), strict=True):
            self.values.setdefault(int(place), set()).add(value)


def _pairs(mine: list[Any], theirs: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Steps and parameters by their names: one that was put in moves those after it."""
    named = {item["Name"]: item for item in theirs if isinstance(item, dict) and "Name" in item}
    if named and len(named) == len(theirs) and [*named] != [_name(item) for item in mine]:
        yield from ((item, named[_name(item)]) for item in mine if _name(item) in named)
    elif len(mine) == len(theirs):
        yield from zip(mine, theirs, strict=True)


def _name(item: Any) -> Any:
    return item.get("Name") if isinstance(item, dict) else None


def _filled(tree: Any, values: Mapping[int, set[str]]) -> Any:
    match tree:
        case dict():
            return {key: _filled(item, values) for key, item in tree.items()}
        case list():
            return [_filled(item, values) for item in tree]
        case str():
            return _VALUE.sub(lambda place: next(iter(values[int(place[1])])), tree)
    return tree


def read(target: Target, stacks: Iterable[str]) -> dict[str, StackDefinition]:
    """The definitions in the templates of stacks, by the pipelines' names.

    Args:
        stacks: by the names of their SSM parameters. One that is not deployed has none.
    """
    definitions = {}
    for stack in dict.fromkeys(stacks):
        for resource in _resources(target, f"{target.settings.prefix}-{stack}"):
            properties = resource.get("Properties", {})
            body = properties.get("PipelineDefinition", {}).get("PipelineDefinitionBody")
            name = properties.get("PipelineName")
            if resource.get("Type") == _TYPE and isinstance(name, str) and body is not None:
                definitions[name] = StackDefinition.of(body)
    return definitions


def _resources(target: Target, stack: str) -> Iterable[Mapping[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        body = target.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if says_missing(error):
            return ()
        raise
    template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    resources: Mapping[str, Mapping[str, Any]] = template.get("Resources", {})
    return resources.values()
