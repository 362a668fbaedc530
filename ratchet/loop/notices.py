"""How functions and the command line word the same things."""

from __future__ import annotations

from ratchet.loop.packages import PENDING, REJECTED

UNAPPROVED = {REJECTED: "rejected", PENDING: "not approved any more"}
"""Why a version that did serve is not to serve any more, by its approval."""


def command(words: str, *, environment: str) -> str:
    """What to type: `ratchet status --env dev`."""
    return f"ratchet {words} --env {environment}"
