"""Stand-ins: results that the local cloud uses for steps that it cannot run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ratchet.deployment.errors import DeploymentError, UsageError
from ratchet.deployment.target.environment import Target
from ratchet.local_cloud.admin_client import AdminError


def parse(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`STEP=FILE` texts as the properties that the files hold, by step.

    Raises:
        UsageError: a text of another form, or a step given twice.
        DeploymentError: a file without an object.
    """
    stand_ins: dict[str, dict[str, Any]] = {}
    for text in texts:
        step, equals, file = text.partition("=")
        if not (step and equals and file):
            raise UsageError(f"--stand-in {text!r} is not of the form STEP=FILE")
        if step in stand_ins:
            raise UsageError(f"--stand-in {step} is given twice: leave one")
        stand_ins[step] = _read(step, Path(file))
    return stand_ins


def _read(step: str, file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(f"--stand-in {step}: cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise DeploymentError(f"--stand-in {step}: {file} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DeploymentError(
            f"--stand-in {step}: {file} holds no JSON object: expected what the step's Describe "
            'operation answers, or {"OutputParameters": {…}}'
        )
    return value


def refuse_on_aws(target: Target, stand_ins: Mapping[str, Any]) -> None:
    """Raises DeploymentError for stand-ins of a run on AWS, where every step runs."""
    if stand_ins and not target.local:
        raise DeploymentError(
            f"--stand-in {', '.join(stand_ins)}: on AWS every step runs itself. Leave it out, or "
            "run on the local cloud: add --local"
        )


def hand_over(target: Target, *, token: str, stand_ins: Mapping[str, Any]) -> None:
    """Passes stand-ins to the local cloud, for the start with this ClientRequestToken."""
    try:
        target.ask("stand-ins", {"token": token, "stand_ins": stand_ins})
    except AdminError as refusal:
        raise DeploymentError(f"the local cloud refused the stand-ins: {refusal}") from None
