"""An estimate of how many tokens a request has (pure).

The models' tokenizers are not public, so CountTokens of the local cloud estimates: a token for each
three letters of a word or part of them, one for each digit, one for each byte of any other sign,
and eight for each message. It is meant to be too high rather than too low: tokenizers have most
English words, and several digits, in one token. AWS counts exactly what it would charge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PIECES = re.compile(r"[A-Za-z]+|\S")
_LETTERS = 3
_MESSAGE = 8


def tokens_of_text(text: str) -> int:
    """The estimate for one text."""
    return sum(
        -(-len(piece) // _LETTERS) if piece.isascii() and piece.isalnum() else len(piece.encode())
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
