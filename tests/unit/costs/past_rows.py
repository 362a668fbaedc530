"""Rows of past runs, for what the next one will cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ratchet.costs import rows
from ratchet.costs.rows import Row

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

_BASE = Row(
    kind="step",
    recorded_at="2026-11-26T12:10:00.000Z",
    project="flights",
    environment="dev",
    owner="o",
    cost_center="c",
    pipeline="flights-dev-training",
    run_status="Succeeded",
    step_type="Training",
    attempt=1,
    component="Training",
    instance_type="ml.m5.large",
    instance_count=1,
)


def ran(step: str, seconds: float, *, run: str = "r1", ago_days: float = 1, **more: Any) -> Row:
    """A step of a run that started so many days ago."""
    started = NOW - timedelta(days=ago_days) + timedelta(seconds=more.pop("at", 0))
    return replace(
        _BASE,
        step=step,
        run=run,
        started=rows.time_text(started),
        ended=rows.time_text(started + timedelta(seconds=seconds)),
        billed_seconds=more.pop("billed", seconds),
        used_seconds=seconds,
        **more,
    )
