"""Plans and trials for tests, without a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ratchet.candidates.eval_rows import labelled, question_of
from ratchet.candidates.plans import TrialPlan, TriedModel
from ratchet.candidates.prompts import Template
from ratchet.candidates.results import TEXT, CandidateTrial, MetricPair, TrialPrice
from ratchet.judging.comparison import Judging
from ratchet.settings.schema import ModelSettings

MODEL = ModelSettings(problem="binary", label="late")
PRICE = TrialPrice(
    source="PriceList",
    date="2026-11-28",
    input_per_million=Decimal("0.06"),
    output_per_million=Decimal("0.24"),
)
NOVA = TriedModel(
    id="amazon.nova-lite-v1:0",
    kind=TEXT,
    called_as="amazon.nova-lite-v1:0",
    counted_as="amazon.nova-lite-v1:0",
    regions=("us-east-1",),
    price=PRICE,
)
TRIAL = CandidateTrial(
    id="20261128-074512-amazon-nova-lite-v1-0",
    environment="dev",
    model="flights",
    candidate=NOVA.id,
    kind=TEXT,
    local=False,
    problem="binary",
    metric="auc",
    metrics=(
        MetricPair(name="auc", candidate=0.6102, champion=0.7011),
        MetricPair(name="log_loss", candidate=0.61, champion=0.52),
        MetricPair(name="accuracy", candidate=0.74, champion=None),
    ),
    champion="3",
    regression=0.0909,
    interval={"low": 0.03, "high": 0.15, "confidence": 0.95, "resamples": 1000},
    rows=200,
    scored=200,
    unparsable=0,
    unanswered=0,
    input_tokens=32_000,
    output_tokens=2_400,
    cost_usd=Decimal("0.002496"),
    price=PRICE,
    latency_p50_ms=321.0,
    latency_p95_ms=540.0,
    regions=("us-east-1",),
    prompt_digest="ab" * 32,
    data_digest="cd" * 32,
    stopped="",
    started=datetime(2026, 11, 28, 7, 45, 12, tzinfo=UTC),
    ended=datetime(2026, 11, 28, 7, 46, tzinfo=UTC),
    wall_p50_ms=350.0,
    wall_p95_ms=600.0,
    champion_latency_ms=0.021,
)


def trial(**changes: Any) -> CandidateTrial:
    return replace(TRIAL, **changes)


def plan(
    rows: int = 200, *, template: str = "{row}", columns: Mapping[str, Any] | None = None
) -> TrialPlan:
    rng = np.random.default_rng(5)
    cells = {
        "late": rng.integers(0, 2, rows).astype(str),
        "hour": rng.integers(0, 24, rows).astype(str),
        "secret": [f"s{row}" for row in range(rows)],
        **(columns or {}),
    }
    drawn = labelled(pd.DataFrame(cells), MODEL)
    return TrialPlan(
        run="abc123",
        train_uri="",
        rows=drawn,
        of=rows,
        columns=("hour", *(columns or {})),
        question=question_of(MODEL, drawn.labels),
        template=Template(text=template, source=""),
        judging=Judging("binary", "auc"),
    )
