"""The training pipeline.

prepare ─► train ─► evaluate ─┬─► no-regression ──worse──► halt
champion ───────────┘         └─► new-model ──new, no worse──► baselines ─► register
"""

from __future__ import annotations

from ratchet.authoring import Context, Pipeline
from ratchet.loop import names
from ratchet.pipelines import judging


def training(ctx: Context) -> Pipeline:
    """Trains a candidate on the data that a manifest lists, and registers it if it is a new
    model that is no worse than the champion, the model that serves now, on the same rows."""
    p = Pipeline("training", ctx)
    data = p.string(names.DATA_PARAMETER)
    tolerance = p.number(names.TOLERANCE_PARAMETER, default=ctx.settings.gate_max_regression)

    prepare = judging.prepare(p, data)
    train = p.training(
        "train",
        f"{ctx.steps}/train.py",
        channels={"train": prepare.outputs["train"]},
        hyperparameters=ctx.settings.hyperparameters,
    )
    champion, rows = judging.champion(p), prepare.outputs["eval"]
    evaluate = judging.evaluate(p, candidate=train.model, champion=champion, rows=rows)
    # Of the rows that the champion-to-be was judged by: each version is monitored against its own.
    baselines = judging.baselines(p, rows=rows, evaluate=evaluate)
    register = p.register(
        "register",
        train.model,
        baselines=baselines,
        description=evaluate.metric("verdict"),
        metadata=judging.origin(
            p, data=data, champion=champion, evaluate=evaluate, baselines=baselines
        ),
    )
    judging.gates(p, evaluate=evaluate, tolerance=tolerance, then=[*baselines, register])
    return p
