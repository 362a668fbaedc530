"""A pipeline's definition in a template, so that `cdk diff` shows what changed in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import aws_cdk as cdk
from constructs import Construct

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{,]|[^"\[{,]+', re.DOTALL)
_TOKEN = re.compile(r"(\$\{Token\[[^\]]+\]\})")


def definition_body(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition's JSON as `Fn::Join` of one line for each member of its objects and lists.

    The CDK's own texts are one join of a few very long ones, of which `cdk diff` shows all when a
    word changes; and its Fn.join puts neighbours together again, so this is the plain intrinsic.

    Args:
        definition: may hold tokens of the CDK in its strings.
    """
    text = json.dumps(_like_javascript(definition), separators=(",", ":"), ensure_ascii=False)
    parts = [part for line in lines(text) for part in _TOKEN.split(line) if part]
    return {"Fn::Join": ["", parts]}


def template_size(scope: Construct, body: Mapping[str, Any]) -> int:
    """Characters of a template without indentation that a definition's body takes."""
    return len(json.dumps(cdk.Stack.of(scope).resolve(body), separators=(",", ":")))


def lines(text: str) -> Iterator[str]:
    """A compact JSON text in pieces that give it when joined: each ends after `{`, `[` or `,`
    outside of its strings. Brackets that follow each other stay together."""
    start = 0
    for piece in _PIECE.finditer(text):
        if piece[0] in "[{," and text[piece.end()] not in "[{]}":
            yield text[start : piece.end()]
            start = piece.end()
    yield text[start:]


def _like_javascript(value: Any) -> Any:
    """Whole numbers without a fraction, as the CDK writes them."""
    match value:
        case dict():
            return {key: _like_javascript(item) for key, item in value.items()}
        case list() | tuple():
            return [_like_javascript(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value
