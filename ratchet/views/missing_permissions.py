"""The permissions that the steps of a run lacked. Pure."""

from __future__ import annotations

from typing import Any

from ratchet.deployment.roles.missing_permission import missing_statement
from ratchet.deployment.runs.executions import RunState


def missing_permissions(state: RunState) -> dict[str, dict[str, Any]]:
    """Of each step that was refused something: the role and the statement that it lacks. Of a run
    that was refused before its first step they stand under its own name."""
    texts = {step.name: f"{step.failure} {step.description}" for step in state.steps}
    if not any(missing_statement(text) for text in texts.values()):
        texts = {state.run.name: state.run.failure}
    lacks = {name: missing_statement(text) for name, text in texts.items()}
    return {name: lack for name, lack in lacks.items() if lack is not None}
