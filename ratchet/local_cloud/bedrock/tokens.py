"""An estimate of how many tokens a request has (pure).

The models' tokenizers are not public, so CountTokens of the local cloud estimates: every run of
letters or digits is a token for each three of its characters or part of them, every other sign a
token for each of its bytes, every message eight more. Text and tables come out higher than with
the tokenizers that are public. AWS counts exactly what it would charge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PIECES = re.compile(r"[A-Za-z]+|[0-9]+|\S")
_CHARACTERS = 3
_MESSAGE = 8


def tokens_of_text(text: str) -> int:
    """The estimate for one text."""
    return sum(
        -(-len(piece) // _CHARACTERS)
        if piece.isascii() and piece.isalnum()
        else len(piece.encode())
        for piece in _PIECES.findall(text)
    )


def tokens_of_converse(request: Mapping[str, Any]) -> int:
    """The estimate for the texts of a Converse request: system and messages."""
    blocks = list(request.get("system") or [])
    messages = request.get("messages") or []
    for message in messages:
        blocks += message["content"]
    texts = sum(tokens_of_text(str(block.get("text", ""))) for block in blocks)
    return texts + _MESSAGE * (len(messages) + len(request.get("system") or []))
