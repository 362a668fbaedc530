"""How long things are kept, and who hears of what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ratchet.settings.toml_reader import between, matching

_Days = Annotated[int, between(1, 3650)]


@dataclass(frozen=True, kw_only=True)
class RetentionSettings:
    """How long things are kept, and what happens to them when a stack is deleted."""

    run_days: Annotated[int, between(0, 3650)] = 0
    """Outputs of a run's steps; 0 = kept. The models are among them, so a champion that serves for
    longer loses its artifact: set a number only if models are replaced sooner."""
    capture_days: Annotated[int, between(0, 3650)] = 90
    """Captured requests and answers, and what analyses made of them; 0 = kept."""
    noncurrent_days: _Days = 30
    """Overwritten and deleted versions of objects."""
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] = 90
    """Logs of the functions: one of the periods that CloudWatch Logs allows."""
    on_delete: Literal["retain", "delete"] = "retain"
    """Buckets and key when the stack is deleted. CloudFormation deletes empty buckets only."""


@dataclass(frozen=True, kw_only=True)
class NotificationSettings:
    """Who gets notices, beside the other subscribers of the topic."""

    email: Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")] | None = None
    slack_workspace: (
        Annotated[str, matching(r"T[0-9A-Z]{1,255}", 'a workspace id such as "T0123ABCD"')] | None
    ) = None
    """Authorized once in the console of Amazon Q Developer in chat applications."""
    slack_channel: (
        Annotated[str, matching(r"[A-Z0-9]{1,255}", 'a channel id such as "C0123ABCD"')] | None
    ) = None
