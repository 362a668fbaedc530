"""The version of the distribution."""

from __future__ import annotations

import importlib.metadata
import re

DISTRIBUTION = "sagemaker-ratchet"


def version() -> str:
    """As installed, such as "0.2.0"."""
    return importlib.metadata.version(DISTRIBUTION)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, for comparison: (0, 2, 0) of "0.2.0" and of "0.2.0rc1"."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("rc")[0]))
