"""A step's JSON as a flat map from path to leaf, with the items of lists by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.definition import references
from ratchet.definition.expressions import GET, JOIN, function_of
from ratchet.definition.references import STEPS, Reference

_NAMES = (
    "InputName",
    "OutputName",
    "ChannelName",
    "PropertyFileName",
    "VariantName",
    "Name",
    "Key",
)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Path → leaf: a scalar, null, an empty structure, or a function call such as a Get, whole."""
    return dict(_leaves(value, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and function_of(value) is None:
        if path.endswith("]") and set(value) == {"Key", "Value"}:  # a tag
            yield path, value["Value"]
            return
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        names = [_name_of(item) for item in value]
        unique = None not in names and len(set(names)) == len(names)
        for index, item in enumerate(value):
            label = names[index] if unique else index
            yield from _leaves(item, f"{path}[{label}]")
    else:
        yield path, value


def _name_of(item: Any) -> str | None:
    if isinstance(item, Mapping):
        for key in _NAMES:
            if isinstance(item.get(key), str):
                return str(item[key])
    return None


def shown(value: Any) -> str:
    """A leaf as a reviewer reads it: references by what they name, the rest as JSON."""
    if isinstance(value, Mapping) and function_of(value) is not None:
        (call,) = value
        if call == GET:
            return f"⟨{_got(value[call])}⟩"
        if call == JOIN:
            joined = value[call]
            return str(joined.get("On", "")).join(
                part if isinstance(part, str) else shown(part) for part in joined["Values"]
            )
        operand = value[call]
        source = operand.get("PropertyFile") or operand.get("S3Uri")
        return f"{shown(source)} {operand.get('Path')}"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def output_word(reference: Reference) -> str:
    """The word of a reference to a step that a person would say: an output's name, a report …"""
    words = [part for part in reference.path if isinstance(part, str)]
    if words[:2] == ["ProcessingOutputConfig", "Outputs"] and len(words) > 2:
        return words[2]
    if words[:1] in (["OutputParameters"], ["PropertyFiles"]) and len(words) > 1:
        return words[1]
    if words[:1] == ["ModelArtifacts"]:
        return "model"
    return words[-1] if words else ""


def _got(text: str) -> str:
    reference = references.parse(text)
    if reference.fault or reference.root != STEPS:
        return text
    return f"{reference.name}.{output_word(reference)}".rstrip(".")
