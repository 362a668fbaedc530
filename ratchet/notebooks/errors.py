"""Errors about notebooks that the user can correct."""

from __future__ import annotations

from ratchet.deployment.errors import DeploymentError


class NotebookError(DeploymentError):
    """A notebook cannot be read, or does not hold what a command was asked for."""
