"""Templates as a person reads them in review: references by name, JSON in strings unfolded, and
nothing in them that changes with every edit of the code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_NOISE = ("Metadata", "BootstrapVersion", "CheckBootstrapVersion")


def readable(template: Mapping[str, Any]) -> str:
    """JSON, with the resources by logical id."""
    return json.dumps(plain(template), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """A template, or a part of it, with strings in place of references and no digests."""
    match value:
        case str() | {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
            return _without_digests(unfolded(value))
        case {"Fn::Sub": _} | {"Fn::Join": _}:
            return _without_digests(unfolded(value))
        case Mapping():
            return {k: plain(v) for k, v in value.items() if k not in _NOISE}
        case list():
            return [plain(item) for item in value]
    return value


def text_of(value: Any) -> str:
    """A string of a template: references become `${Name}` or `${Name.Attribute}`."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::ImportValue": name}:
            return f"${{import {name}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::If": [str(name), then, otherwise]}:
            return f"${{{name} ? {text_of(then)} : {text_of(otherwise)}}}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(text_of(part) for part in parts)
    raise ValueError(f"no string: {value!r}")


def unfolded(value: Any) -> Any:
    """What a string of a template holds, where that is JSON."""
    text = text_of(value)
    try:
        return json.loads(text) if text[:1] in ("{", "[") else text
    except json.JSONDecodeError:
        return text


def _without_digests(value: Any) -> Any:
    match value:
        case str():
            return _DIGEST.sub("<digest>", value)
        case dict():
            return {k: _without_digests(v) for k, v in value.items()}
        case list():
            return [_without_digests(item) for item in value]
    return value
