"""The training pipeline.

prepare ─► train ─► evaluate ─► no-regression ──pass──► baselines ─► register
champion ───────────┘                 └────regressed──► halt
"""

from __future__ import annotations

from ratchet.authoring import Context, Pipeline
from ratchet.loop import names
from ratchet.pipelines import judging


def training(ctx: Context) -> Pipeline:
    """Trains a candidate on the data that a manifest lists, and registers it unless it is worse
    than the champion, the model that serves now, on the same rows."""
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
    evaluate = judging.evaluate(p, candidate=train.model, champion=champion["model_uri"], rows=rows)
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
    p.gate(
        "no-regression",
        evaluate.metric("regression") <= tolerance,
        judging.comparable(p, evaluate),
        then=[*baselines, register],
        otherwise=p.halt(
            evaluate.metric("verdict"), "The gate allows a regression of at most", tolerance
        ),
    )
    return p
