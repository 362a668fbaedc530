"""Where Ratchet's own files are, which go into a project's functions and steps."""

from __future__ import annotations

from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]
"""The folder that the package `ratchet` is imported from."""

DISTRIBUTED = frozenset({"ratchet", "ratchet_cdk"})
"""The packages that the distribution installs."""
