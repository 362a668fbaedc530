"""One JSON line per decision, for CloudWatch Logs Insights and for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping


def say(
    decision: str, why: str, facts: Mapping[str, object] | None = None, *, level: str = "INFO"
) -> None:
    """Print the decision and its reason; facts that are None are left out."""
    entries = {name: fact for name, fact in (facts or {}).items() if fact is not None}
    line = {"level": level, "decision": decision, "why": why, **entries}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
